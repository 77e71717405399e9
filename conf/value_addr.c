/* Values that are addresses: where to listen, where servers are, ports, patterns of host names. */
#include "conf/value.h"

#include "conf/array.h"

#include "acl/name_pattern_conf.h"
#include "base/hostname.h"
#include "base/number.h"

/* HOST:PORT, taken apart. */
struct endpoint {
    struct str host; /* empty: `:port` or `port`; of [IPv6] without the brackets */
    struct str port; /* at == NULL: none */
    bool is_bracketed;
};

static bool refuse(const struct word *word, struct diag *diag, const char *expected, const char *hint)
{
    diag_add(diag, DIAG_ERROR, &word->place, hint, "expected %s, not '%.*s'", expected, STR_ARGS(word->text));
    return false;
}

static bool is_digits(struct str text)
{
    size_t i = 0;
    while (i < text.len && char_is_digit(text.at[i]))
        i++;
    return i == text.len && i > 0;
}

static bool has_char(struct str text, char c)
{
    return str_find(text, c) < text.len;
}

/* False when the text has none of the forms, with a hint in *ret_hint. */
static bool split_endpoint(struct str text, struct endpoint *ret, const char **ret_hint)
{
    struct endpoint point = {0};
    struct ip ip;
    *ret_hint = NULL;
    if (is_digits(text)) {
        point.port = text;
    } else if (text.len > 0 && text.at[0] == '[') {
        size_t close = str_find(text, ']');
        struct str rest = str_skip(text, close + 1);
        point.host = str_skip(str_head(text, close), 1);
        point.is_bracketed = true;
        if (close == text.len || (rest.len > 0 && rest.at[0] != ':'))
            return false;
        if (rest.len > 0)
            point.port = str_skip(rest, 1);
    } else {
        size_t colon = str_find_last(text, ':');
        if (colon < text.len && str_find(text, ':') != colon) {
            *ret_hint = ip_parse(text, &ip) ? "an IPv6 address stands in brackets, as in [::1]:8080" : NULL;
            return false;
        }
        point.host = str_head(text, colon);
        if (colon < text.len)
            point.port = str_skip(text, colon + 1);
    }
    *ret = point;
    return text.len > 0;
}

static bool read_port(const struct word *word, struct diag *diag, struct str text, uint16_t *ret)
{
    uint64_t port;
    if (!number_parse_u64(text, UINT16_MAX, &port) || port == 0) {
        diag_add(diag, DIAG_ERROR, &word->place, NULL, "'%.*s' is no port: 1 to 65535", STR_ARGS(text));
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

static bool read_unix(const struct word *word, struct diag *diag, struct addr *ret)
{
    struct str path = str_skip(word->text, 5);
    if (path.len == 0 || path.at[0] != '/' || has_char(path, '\0') || !addr_of_path(path, ret))
        return refuse(word, diag, "the absolute path of a unix socket, at most 107 bytes", "as in unix:/run/app.sock");
    return true;
}

static struct addr any_address(uint8_t version, uint16_t port)
{
    struct ip any = {.version = version};
    return addr_of_ip(&any, port);
}

bool value_listen(const struct word *word, struct diag *diag, struct listen_conf *ret)
{
    static const char what[] = "an address to listen on";
    static const char forms[] = "127.0.0.1:8080, [::1]:8080, :8080 (all interfaces) or unix:/path";
    struct listen_conf conf = {.address = *word};
    struct endpoint point;
    struct ip ip;
    uint16_t port;
    const char *hint;
    if (str_starts(word->text, STR("unix:"))) {
        if (!read_unix(word, diag, &conf.addr))
            return false;
        *ret = conf;
        return true;
    }
    if (!split_endpoint(word->text, &point, &hint))
        return refuse(word, diag, what, hint != NULL ? hint : forms);
    conf.is_dual = str_is_empty(point.host) || str_eq(point.host, STR("*"));
    if (str_eq_nocase(point.host, STR("localhost")))
        point.host = STR("127.0.0.1");
    if (!conf.is_dual && (!ip_parse(point.host, &ip) || (ip.version == 6 && !point.is_bracketed)))
        return refuse(word, diag, what, forms);
    if (point.port.at == NULL) {
        diag_add(diag, DIAG_ERROR, &word->place, forms, "'%.*s' lacks a port", STR_ARGS(word->text));
        return false;
    }
    if (!read_port(word, diag, point.port, &port))
        return false;
    conf.addr = conf.is_dual ? any_address(6, port) : addr_of_ip(&ip, port);
    *ret = conf;
    return true;
}

/* Why a server's address is none; NULL when its form says nothing in particular. */
static const char *server_remedy(struct str text)
{
    static const struct {
        struct str start;
        const char *remedy;
    } remedies[] = {
        {{"http://", 7}, "leave http:// off: HOST:PORT"},
        {{"https://unix:", 13}, "write a pool: server unix:/path; tls { server-name NAME }"},
        {{"https://", 8}, "a server has no path: https://HOST:PORT"},
        {{"srv:", 4}, "SRV records are not in this version: HOST:PORT"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (str_starts_nocase(text, remedies[i].start))
            return remedies[i].remedy;
    return "HOST, HOST:PORT, [IPv6]:PORT, :PORT (this machine) or unix:/path";
}

static void set_server_text(struct server_conf *conf, struct arena *arena)
{
    char text[ADDR_TEXT_MAX];
    if (conf->host.at != NULL)
        conf->text = arena_printf(arena, "%.*s:%u", STR_ARGS(conf->host), conf->port);
    else
        conf->text = arena_dup(arena, str_from(text, addr_text(&conf->addr, text)));
}

void value_server_port(struct arena *arena, struct server_conf *server, uint16_t port)
{
    struct ip ip = addr_ip(&server->addr);
    if (ip.version != 0)
        server->addr = addr_of_ip(&ip, port);
    server->port = port;
    set_server_text(server, arena);
}

bool value_server(const struct word *word, struct diag *diag, struct arena *arena, struct server_conf *ret)
{
    static const char what[] = "a server's address";
    enum { DEFAULT_PORT = 80 };
    struct server_conf conf = *ret;
    conf.address = *word;
    struct endpoint point;
    struct ip ip = {.version = 4, .bytes = {127, 0, 0, 1}};
    const char *hint;
    if (str_starts(word->text, STR("unix:"))) {
        if (!read_unix(word, diag, &conf.addr))
            return false;
        set_server_text(&conf, arena);
        *ret = conf;
        return true;
    }
    struct str text = word->text;
    conf.is_https = str_starts_nocase(text, STR("https://"));
    if (conf.is_https)
        text = str_skip(text, 8);
    if (has_char(text, '/') || str_starts(text, STR("srv:")))
        return refuse(word, diag, what, server_remedy(word->text));
    if (!split_endpoint(text, &point, &hint))
        return refuse(word, diag, what, hint != NULL ? hint : server_remedy(word->text));
    conf.port = DEFAULT_PORT;
    conf.has_port = point.port.at != NULL;
    if (point.port.at != NULL && !read_port(word, diag, point.port, &conf.port))
        return false;
    bool is_ip = str_is_empty(point.host) ? !point.is_bracketed : ip_parse(point.host, &ip);
    if (!is_ip && (point.is_bracketed || !hostname_normal(arena, point.host, &conf.host)))
        return refuse(word, diag, what, server_remedy(word->text));
    if (!is_ip && ip_parse(conf.host, &ip)) {
        is_ip = true; /* 127.0.0.1 in full-width digits */
        conf.host = STR_NONE;
    }
    if (!is_ip && hostname_is_numeric_like(conf.host))
        return refuse(word, diag, what, "an IPv4 address has four parts, as in 127.0.0.1");
    if (is_ip && ip_is_undialable(&ip))
        return refuse(word, diag, what, "nothing can be reached at this address");
    if (is_ip)
        conf.addr = addr_of_ip(&ip, conf.port);
    set_server_text(&conf, arena);
    *ret = conf;
    return true;
}

bool value_address(const struct word *word, struct diag *diag, const struct value_address *form, struct addr *ret)
{
    struct endpoint point = {0};
    struct ip ip;
    uint16_t port = form->default_port;
    const char *hint;
    if (form->may_be_unix && str_starts(word->text, STR("unix:")))
        return read_unix(word, diag, ret);
    if (!ip_parse(word->text, &ip) && (!split_endpoint(word->text, &point, &hint) || !ip_parse(point.host, &ip)))
        return refuse(word, diag, form->what,
                      form->may_be_unix ? "192.0.2.1, [2001:db8::1]:514 or unix:/path"
                                        : "192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53");
    if (point.port.at != NULL && !read_port(word, diag, point.port, &port))
        return false;
    *ret = addr_of_ip(&ip, port);
    return true;
}

bool value_ports(const struct word *word, struct diag *diag, struct arena *arena, struct port_ranges *ranges)
{
    struct str rest = word->text, from_text = STR_NONE, to_text;
    uint64_t from, to;
    str_cut(&rest, '-', &from_text);
    to_text = rest.at != NULL ? rest : from_text;
    if (!number_parse_u64(from_text, UINT16_MAX, &from) || !number_parse_u64(to_text, UINT16_MAX, &to) || from == 0 ||
        from > to)
        return refuse(word, diag, "a port or a range of ports, 1 to 65535", "as in 443 or 1025-65535");
    struct port_range *at = array_room(arena, ranges->at, ranges->count, sizeof *at);
    at[ranges->count] = (struct port_range){(uint16_t)from, (uint16_t)to};
    ranges->at = at;
    ranges->count++;
    return true;
}

bool value_host_pattern(const struct word *word, struct diag *diag, struct arena *arena, struct host_pattern *ret)
{
    static const enum host_pattern_kind kinds[] = {
        [NAME_PATTERN_EXACT] = HOST_EXACT, [NAME_PATTERN_BELOW] = HOST_BELOW, [NAME_PATTERN_SUFFIX] = HOST_SUFFIX};
    struct name_pattern pattern;
    const char *why, *hint;
    if (str_eq(word->text, STR("default")) && !word->quoted) {
        *ret = (struct host_pattern){.kind = HOST_DEFAULT, .word = *word};
        return true;
    }
    if (!name_pattern_parse(arena, word->text, &pattern, &why, &hint)) {
        diag_add(diag, DIAG_ERROR, &word->place, hint, "'%.*s' is no host pattern: %s", STR_ARGS(word->text), why);
        return false;
    }
    *ret = (struct host_pattern){.kind = kinds[pattern.kind], .name = pattern.name, .word = *word};
    return true;
}
