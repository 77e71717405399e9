#include "modes/reverse/edit.h"

#include "http/authority.h"
#include "proxy/apply.h"

/* To the server */

static struct field_patterns proxies_only = {
    .patterns = (const char *const[]){"x-forwarded-*", "forwarded", "x-real-ip", "x-request-id",
                                      /* other names for the client's address, of which some servers believe one */
                                      "x-client-ip", "x-cluster-client-ip", "client-ip", "true-client-ip",
                                      "x-originating-ip", "x-remote-ip", "x-remote-addr",
                                      /* the certificate that only we have seen (RFC 9440) */
                                      "client-cert", "client-cert-chain",
                                      /* another path than the one that the rules have seen */
                                      "x-original-url", "x-rewrite-url", "x-original-host",
                                      /* CGI's HTTP_PROXY (CVE-2016-5385), and what concerned us alone */
                                      "proxy", "proxy-authorization", NULL}};

bool reverse_drops_from_client(struct str name)
{
    return field_patterns_have(&proxies_only, name);
}

/* RFC 7239 section 6: an IPv6 address stands in brackets and quotes. */
static struct str forwarded_value(const struct facts *facts, struct str authority, struct arena *arena)
{
    char text[ADDR_TEXT_MAX];
    struct str client = str_from(text, ip_text(&facts->client, text));
    const char *open = "", *close = "";
    if (facts->client.version == 0)
        client = STR("unknown");
    else if (facts->client.version == 6)
        open = "\"[", close = "]\"";
    struct str node = arena_printf(arena, "for=%s%.*s%s", open, STR_ARGS(client), close);
    if (authority.at == NULL)
        return arena_printf(arena, "%.*s;proto=%.*s", STR_ARGS(node), STR_ARGS(facts->scheme));
    const char *quote = str_find(authority, ':') < authority.len ? "\"" : "";
    return arena_printf(arena, "%.*s;host=%s%.*s%s;proto=%.*s", STR_ARGS(node), quote, STR_ARGS(authority), quote,
                        STR_ARGS(facts->scheme));
}

void reverse_tell_client(struct fields *request, enum forwarded_fields how, const struct facts *facts,
                         struct arena *arena)
{
    struct str authority = public_authority(arena, facts);
    fields_drop(request, &proxies_only);
    if (how & FORWARDED_X) {
        char text[ADDR_TEXT_MAX];
        if (facts->client.version != 0)
            fields_add_known(request, FIELD_X_FORWARDED_FOR,
                             arena_dup(arena, str_from(text, ip_text(&facts->client, text))));
        fields_add_known(request, FIELD_X_FORWARDED_PROTO, facts->scheme);
        if (authority.at != NULL)
            fields_add_known(request, FIELD_X_FORWARDED_HOST, authority);
    }
    if (how & FORWARDED_STANDARD)
        fields_add_known(request, FIELD_FORWARDED, forwarded_value(facts, authority, arena));
    if (facts->request_id.at != NULL)
        fields_add_known(request, FIELD_X_REQUEST_ID, facts->request_id);
}

/* An address as proxies write it: alone, in brackets, or with a port. */
static bool parse_hop(struct str text, struct ip *ret)
{
    if (ip_parse(text, ret))
        return true;
    if (text.len > 2 && text.at[0] == '[') {
        size_t end = str_find(text, ']');
        struct str port = str_skip(text, end + 1);
        return end < text.len && (port.len == 0 || port.at[0] == ':') && ip_parse(str_from(text.at + 1, end - 1), ret);
    }
    return ip_parse(str_head(text, str_find(text, ':')), ret);
}

struct ip reverse_client_address(const struct ip *peer, const struct cidr_set *trusted, const struct fields *request)
{
    uint32_t number;
    if (trusted == NULL || peer->version == 0 || !cidr_set_find(trusted, peer, &number))
        return *peer;
    /* Read from the left: each that could be a stranger's word takes the place of what stood before it. */
    struct ip found = {0};
    struct member_cursor cursor = {0};
    struct str member;
    while (fields_next_member(request, FIELD_X_FORWARDED_FOR, &cursor, &member)) {
        struct ip hop;
        if (!parse_hop(member, &hop))
            found = (struct ip){0};
        else if (found.version == 0 || !cidr_set_find(trusted, &hop, &number))
            found = hop;
    }
    return found.version != 0 ? found : *peer;
}

/* To the client */

static struct field_patterns tells_software = {.patterns = (const char *const[]){"server",
                                                                                 "x-powered-by",
                                                                                 "x-powered-cms",
                                                                                 "x-aspnet-version",
                                                                                 "x-aspnetmvc-version",
                                                                                 "x-runtime",
                                                                                 "x-generator",
                                                                                 "x-server",
                                                                                 "x-server-name",
                                                                                 "x-backend",
                                                                                 "x-backend-server",
                                                                                 "x-upstream",
                                                                                 "x-upstream-addr",
                                                                                 "x-served-by",
                                                                                 "x-varnish",
                                                                                 "x-envoy-*",
                                                                                 "x-owa-version",
                                                                                 "x-php-version",
                                                                                 "x-litespeed-*",
                                                                                 "x-mod-pagespeed",
                                                                                 "microsoftsharepointteamservices",
                                                                                 NULL}};

static uint16_t port_of_scheme(bool is_https)
{
    return is_https ? 443 : 80;
}

static bool is_server(const struct authority *named, const struct server_conf *server, bool is_https,
                      struct arena *arena)
{
    uint16_t port = named->port != 0 ? named->port : port_of_scheme(is_https);
    if (server->host.at != NULL)
        return port == server->port && str_eq(named->host, server->host);
    char text[ADDR_TEXT_MAX];
    struct authority own;
    struct ip ip = addr_ip(&server->addr);
    return ip.version != 0 &&
           authority_parse(arena, str_from(text, addr_text(&server->addr, text)), AUTHORITY_HOST, &own) &&
           port == own.port && str_eq(named->host, own.host);
}

static bool is_of_pool(const struct authority *named, const struct pool_conf *pool, bool is_https,
                       const struct facts *facts, struct arena *arena)
{
    struct authority used;
    if (facts->server.at != NULL && authority_parse(arena, facts->server, AUTHORITY_HOST, &used) &&
        authority_same(named, &used, port_of_scheme(is_https)))
        return true;
    for (size_t i = 0; pool != NULL && i < pool->server_count; i++)
        if (is_server(named, &pool->servers[i], is_https, arena))
            return true;
    return false;
}

/* The URL that begins at `from` of a field's value, with the public authority if it names a server; else the value as
   it is. */
static struct str public_url(struct str value, size_t from, const struct pool_conf *pool, const struct facts *facts,
                             struct arena *arena)
{
    struct str url = str_skip(value, from);
    bool is_https = str_starts_nocase(url, STR("https://"));
    size_t scheme_len = is_https ? 8 : str_starts_nocase(url, STR("http://")) ? 7 : str_starts(url, STR("//")) ? 2 : 0;
    if (scheme_len == 0)
        return value;
    struct str rest = str_skip(url, scheme_len);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.at[end]) == NULL)
        end++;
    struct authority named;
    if (!authority_parse(arena, str_head(rest, end), AUTHORITY_HOST, &named) ||
        !is_of_pool(&named, pool, is_https, facts, arena))
        return value;
    struct str authority = public_authority(arena, facts);
    rest = str_skip(rest, end);
    struct str before = str_head(value, from);
    if (authority.at == NULL) /* nobody has said what we are called */
        return arena_printf(arena, "%.*s%s%.*s", STR_ARGS(before), rest.len > 0 && rest.at[0] == '/' ? "" : "/",
                            STR_ARGS(rest));
    return arena_printf(arena, "%.*s%.*s://%.*s%.*s", STR_ARGS(before), STR_ARGS(facts->scheme), STR_ARGS(authority),
                        STR_ARGS(rest));
}

/* `5; url=http://…` */
static size_t refresh_url(struct str value)
{
    for (size_t i = str_find(value, ';'); i < value.len; i++) {
        if (str_starts_nocase(str_skip(value, i), STR("url="))) {
            i += 4;
            return i < value.len && (value.at[i] == '"' || value.at[i] == '\'') ? i + 1 : i;
        }
    }
    return value.len;
}

/* Only our own word in Via, or none. */
static struct str own_via(struct str value, struct str pseudonym)
{
    struct str member;
    while (pseudonym.len > 0 && str_cut(&value, ',', &member))
        if (str_ends(str_trim(member), pseudonym))
            return str_trim(member);
    return STR_NONE;
}

/* A trailer is not rewritten. */
bool reverse_conceals(struct str name)
{
    return field_patterns_have(&tells_software, name) || str_eq_nocase(name, STR("content-location")) ||
           str_eq_nocase(name, STR("refresh"));
}

void reverse_conceal(struct fields *response, const struct pool_conf *pool, struct str pseudonym,
                     const struct facts *facts, struct arena *arena)
{
    fields_drop(response, &tells_software);
    unsigned kept = 0;
    for (unsigned i = 0; i < response->count; i++) {
        struct field *field = &response->at[i];
        if (field->id == FIELD_LOCATION ||
            (field->id == FIELD_OTHER && str_eq_nocase(field->name, STR("content-location"))))
            field->value = public_url(field->value, 0, pool, facts, arena);
        else if (field->id == FIELD_OTHER && str_eq_nocase(field->name, STR("refresh")))
            field->value = public_url(field->value, refresh_url(field->value), pool, facts, arena);
        else if (field->id == FIELD_VIA && (field->value = own_via(field->value, pseudonym)).at == NULL)
            continue;
        if (kept != i)
            response->at[kept] = *field;
        kept++;
    }
    response->count = kept;
}
