#include "http/template_conf.h"

#include "base/date.h"
#include "base/escape.h"
#include "base/must.h"
#include "http/facts.h"

#include <string.h>

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

struct variable {
    const char *name;
    const char *phase;         /* as the manual has it */
    enum template_scope scope; /* the first in which it may stand */
    struct str (*value)(const struct facts *facts, struct str argument, struct arena *arena);
    const char *help;
};

struct template_part {
    const struct variable *variable; /* NULL: `text` as it stands */
    struct str text;                 /* or the NAME of $header.NAME */
};

/* How each variable is read from the facts. at == NULL means unknown. */

#define OF_STR(member)                                                                                                 \
    static struct str value_##member(const struct facts *facts, struct str argument, struct arena *arena)              \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        (void)arena;                                                                                                   \
        return facts->member;                                                                                          \
    }
#define OF_NUMBER(member, is_known)                                                                                    \
    static struct str value_##member(const struct facts *facts, struct str argument, struct arena *arena)              \
    {                                                                                                                  \
        (void)argument;                                                                                                \
        return (is_known) ? arena_printf(arena, "%llu", (unsigned long long)facts->member) : STR_NONE;                 \
    }

OF_STR(scheme)
OF_STR(path)
OF_STR(query)
OF_STR(user)
OF_STR(client_certificate)
OF_STR(request_id)
OF_STR(rule)
OF_STR(reason)
OF_STR(matched)
OF_STR(verdict)
OF_STR(route)
OF_STR(pool)
OF_STR(server)
OF_STR(block)
OF_STR(block_kind)
OF_STR(listener)
OF_STR(fault_detail)
OF_NUMBER(port, facts->port != 0)
OF_NUMBER(status, facts->status != 0)
OF_NUMBER(upstream_status, facts->upstream_status != 0)
OF_NUMBER(bytes_in, true)
OF_NUMBER(bytes_out, true)
OF_NUMBER(wire_out, true)
OF_NUMBER(tries, true)
OF_NUMBER(client_port, facts->client_port != 0)

#undef OF_STR
#undef OF_NUMBER

static struct str value_method(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    (void)arena;
    return facts->method_text;
}

static bool is_tunnel(const struct facts *facts)
{
    return facts->method == METHOD_CONNECT;
}

static bool is_default_port(const struct facts *facts)
{
    if (facts->port == 0)
        return true;
    if (is_tunnel(facts))
        return false;
    return facts->port == (str_eq(facts->scheme, STR("https")) ? HTTPS_PORT : HTTP_PORT);
}

/* As it stands in a URL (RFC 3986 3.2.2). */
static struct str value_host(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    bool is_bare = facts->host.at == NULL || facts->host_ip.version != 6;
    return is_bare ? facts->host : arena_printf(arena, "[%.*s]", STR_ARGS(facts->host));
}

static struct str value_authority(const struct facts *facts, struct str argument, struct arena *arena)
{
    struct str host = value_host(facts, argument, arena);
    if (host.at == NULL)
        return STR_NONE;
    return is_default_port(facts) ? host : arena_printf(arena, "%.*s:%u", STR_ARGS(host), (unsigned)facts->port);
}

static struct str value_uri(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    if (facts->path.at == NULL || facts->query.at == NULL)
        return facts->path;
    return arena_printf(arena, "%.*s?%.*s", STR_ARGS(facts->path), STR_ARGS(facts->query));
}

/* A tunnel's is host:port; it has no more. */
static struct str value_url(const struct facts *facts, struct str argument, struct arena *arena)
{
    struct str authority = value_authority(facts, argument, arena), uri = value_uri(facts, argument, arena);
    if (authority.at == NULL || is_tunnel(facts))
        return authority;
    return arena_printf(arena, "%.*s://%.*s%.*s", STR_ARGS(facts->scheme), STR_ARGS(authority), STR_ARGS(uri));
}

static struct str value_header(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)arena;
    const struct field *field = facts->request_fields ? fields_find(facts->request_fields, argument) : NULL;
    return field ? field->value : STR_NONE;
}

static struct str text_of_ip(const struct ip *ip, struct arena *arena)
{
    char text[ADDR_TEXT_MAX];
    return ip->version ? arena_dup(arena, str_from(text, ip_text(ip, text))) : STR_NONE;
}

static struct str value_client_address(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    return text_of_ip(&facts->client, arena);
}

static struct str value_destination(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    return text_of_ip(&facts->destination, arena);
}

static struct str value_time(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    char text[DATE_TEXT_MAX];
    return arena_dup(arena, str_from(text, date_iso(facts->started, text)));
}

static struct str text_of_span(msec span, struct arena *arena)
{
    if (span < 0)
        return STR_NONE;
    return arena_printf(arena, "%lld.%03lld", (long long)(span / MSEC_SECOND), (long long)(span % MSEC_SECOND));
}

static struct str value_duration(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    return text_of_span(facts->duration, arena);
}

static struct str value_upstream_time(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    return text_of_span(facts->upstream_time, arena);
}

static struct str value_fault(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    (void)arena;
    return facts->fault == FAULT_NONE ? STR_NONE : str_of(fault_info(facts->fault)->word);
}

static struct str value_reused(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    (void)arena;
    return facts->upstream_status == 0 ? STR_NONE : facts->reused ? STR("yes") : STR("no");
}

static struct str value_version(const struct facts *facts, struct str argument, struct arena *arena)
{
    (void)argument;
    (void)arena;
    return facts->minor ? STR("HTTP/1.1") : STR("HTTP/1.0");
}

#define ROW(name, phase, scope, value, help)                                                                           \
    {                                                                                                                  \
#name, phase, TEMPLATE_##scope, value_##value, help                                                            \
    }

/* In the order in which the manual shows them. Servers' addresses are for logs only. */
static const struct variable variables[] = {
    ROW(scheme, "request", REQUEST, scheme, "http or https; tunnel for CONNECT"),
    ROW(host, "request", REQUEST, host,
        "the host asked for, as in a URL: lower case, A-labels, no port; [2001:db8::1] for an address of IPv6"),
    ROW(authority, "request", REQUEST, authority, "host and, unless it is the scheme's default, port"),
    ROW(port, "request", REQUEST, port, "the port asked for, default filled in"),
    ROW(path, "request", REQUEST, path, "the canonical path"),
    ROW(query, "request", REQUEST, query, "what follows the question mark"),
    ROW(uri, "request", REQUEST, uri, "path and ?query, as forwarded"),
    ROW(url, "request", REQUEST, url, "the whole URL; host:port for CONNECT"),
    ROW(method, "request", REQUEST, method, "the method, as it came"),
    ROW(header, "request", REQUEST, header, "$header.NAME: the first field of that name in the request"),
    ROW(client_address, "connect", REQUEST, client_address, "the client's IP address"),
    ROW(client_port, "connect", REQUEST, client_port, "the client's port"),
    ROW(user, "request", REQUEST, user, "who has logged in; in this version nobody does"),
    ROW(client_certificate, "request", REQUEST, client_certificate,
        "the subject of the client's verified certificate, as in CN=ann,O=Example (RFC 4514)"),
    ROW(request_id, "connect", REQUEST, request_id, "what X-Request-Id carries"),
    ROW(time, "connect", REQUEST, time, "when the request began: 2026-11-25T08:00:00.123Z"),
    ROW(listener, "connect", REQUEST, listener, "the address the client connected to"),
    ROW(block, "connect", REQUEST, block, "the name of the reverse or forward block"),
    ROW(mode, "connect", REQUEST, block_kind, "reverse or forward"),
    ROW(version, "request", REQUEST, version, "HTTP/1.1 or HTTP/1.0, of the request"),
    ROW(rule, "verdict", RESPONSE, rule, "the rule that decided: its name, or FILE:LINE"),
    ROW(reason, "verdict", RESPONSE, reason, "the reason that the rule gives"),
    ROW(verdict, "verdict", RESPONSE, verdict, "allow, deny, redirect or respond"),
    ROW(status, "response", RESPONSE, status, "the status sent to the client"),
    ROW(matched, "verdict", LOG, matched, "the list's entry that decided: LIST FILE:LINE"),
    ROW(route, "verdict", LOG, route, "the route, in a reverse block"),
    ROW(pool, "verdict", LOG, pool, "the pool that served"),
    ROW(server, "done", LOG, server, "the server that served; where none did, the one that was tried last"),
    ROW(destination, "dial", LOG, destination, "the IP address that was connected to"),
    ROW(upstream_status, "done", LOG, upstream_status, "the status that the server sent"),
    ROW(upstream_time, "done", LOG, upstream_time, "seconds from the request sent to the head of the answer"),
    ROW(tries, "done", LOG, tries, "how many servers were tried"),
    ROW(reused, "done", LOG, reused, "yes, when the connection to the server was an idle one"),
    ROW(bytes_in, "done", LOG, bytes_in, "bytes of the body from the client, or of a tunnel"),
    ROW(bytes_out, "done", LOG, bytes_out, "bytes of the body to the client, or of a tunnel"),
    ROW(wire_out, "done", LOG, wire_out, "bytes to the client, head included"),
    ROW(duration, "done", LOG, duration, "seconds from the first byte of the request to the last of the answer"),
    ROW(fault, "done", LOG, fault, "what went wrong, in a word"),
    ROW(fault_detail, "done", LOG, fault_detail,
        "what is known of it besides, such as why a server's certificate was not accepted"),
};

#undef ROW

const char *const *variable_names(void)
{
    static _Thread_local const char *names[lengthof(variables) + 1];
    for (size_t i = 0; i < lengthof(variables); i++)
        names[i] = variables[i].name;
    return names;
}

const struct variable_doc *variable_docs(void)
{
    static _Thread_local struct variable_doc docs[lengthof(variables) + 1];
    for (size_t i = 0; i < lengthof(variables); i++)
        docs[i] = (struct variable_doc){variables[i].name, variables[i].phase, variables[i].help};
    return docs;
}

static const struct variable *find_variable(struct str name)
{
    for (size_t i = 0; i < lengthof(variables); i++)
        if (str_eq(name, str_of(variables[i].name)))
            return &variables[i];
    return NULL;
}

struct parsing {
    struct arena *arena;
    enum template_scope scope;
    struct template_part *parts; /* room for as many as there can be */
    size_t count;
    struct str why;
};

static void add_text(struct parsing *parsing, struct str text)
{
    if (text.len > 0)
        parsing->parts[parsing->count++] = (struct template_part){.text = text};
}

static bool is_field_name_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '-' || c == '_';
}

/* What may follow `$`: [a-z_]+, and after `header` a dot and a field's name of letters, digits, `-` and `_`; other
   names, and names with such a character behind them, are written `${…}`. */
static size_t name_length(struct str text)
{
    size_t len = 0;
    while (len < text.len && ((text.at[len] >= 'a' && text.at[len] <= 'z') || text.at[len] == '_'))
        len++;
    if (str_eq(str_head(text, len), STR("header")) && len < text.len && text.at[len] == '.')
        do
            len++;
        while (len < text.len && is_field_name_char(text.at[len]));
    return len;
}

static bool add_variable(struct parsing *parsing, struct str name)
{
    static const char *const scopes[] = {
        [TEMPLATE_REQUEST] = "while the request is decided on", [TEMPLATE_RESPONSE] = "outside of logs"};
    size_t dot = str_find(name, '.');
    struct str argument = dot < name.len ? str_skip(name, dot + 1) : STR_NONE;
    const struct variable *variable = find_variable(str_head(name, dot));
    bool wants_argument = variable != NULL && variable->value == value_header;
    if (variable == NULL || (!wants_argument && dot < name.len)) {
        parsing->why = arena_printf(parsing->arena, "unknown variable '$%.*s'", STR_ARGS(name));
        return false;
    }
    if (wants_argument && !is_token(argument)) {
        parsing->why = STR("'$header' needs the name of a field: $header.NAME");
        return false;
    }
    if (variable->scope > parsing->scope) {
        parsing->why = arena_printf(parsing->arena, "'$%s' is not known %s", variable->name, scopes[parsing->scope]);
        return false;
    }
    parsing->parts[parsing->count++] = (struct template_part){.variable = variable, .text = argument};
    return true;
}

/* `rest` begins behind a `$`. Its length is written to *ret_len. */
static bool read_reference(struct parsing *parsing, struct str rest, size_t *ret_len)
{
    if (rest.len > 0 && rest.at[0] == '$') {
        add_text(parsing, str_head(rest, 1));
        *ret_len = 1;
        return true;
    }
    if (rest.len > 0 && rest.at[0] == '{') {
        size_t end = str_find(rest, '}');
        if (end == rest.len) {
            parsing->why = STR("'${' without a '}'");
            return false;
        }
        *ret_len = end + 1;
        return add_variable(parsing, str_from(rest.at + 1, end - 1));
    }
    *ret_len = name_length(rest);
    if (*ret_len == 0) {
        parsing->why = STR("'$' without the name of a variable; a dollar is written '$$'");
        return false;
    }
    return add_variable(parsing, str_head(rest, *ret_len));
}

bool template_parse(struct arena *arena, struct str source, enum template_scope scope, struct template *ret,
                    struct str *ret_why, size_t *ret_at)
{
    size_t dollars = 0;
    for (size_t i = 0; i < source.len; i++)
        dollars += source.at[i] == '$';
    struct parsing parsing = {.arena = arena, .scope = scope};
    parsing.parts = arena_alloc(arena, (2 * dollars + 1) * sizeof *parsing.parts);
    struct str rest = source;
    for (;;) {
        size_t dollar = str_find(rest, '$'), len = 0;
        add_text(&parsing, str_head(rest, dollar));
        if (dollar == rest.len)
            break;
        if (!read_reference(&parsing, str_skip(rest, dollar + 1), &len)) {
            *ret_why = parsing.why;
            *ret_at = (size_t)(rest.at + dollar - source.at);
            return false;
        }
        rest = str_skip(rest, dollar + 1 + len);
    }
    *ret = (struct template){.parts = parsing.parts, .count = parsing.count};
    return true;
}

/* No value begins a line of its own, whatever a peer put into it. */
static struct str without_line_breaks(struct str value, struct arena *arena)
{
    if (is_field_value(value))
        return value;
    char *copy = arena_bytes(arena, value.len);
    for (size_t i = 0; i < value.len; i++)
        copy[i] = value.at[i] == '\r' || value.at[i] == '\n' || value.at[i] == '\0' ? ' ' : value.at[i];
    return str_from(copy, value.len);
}

static struct str expand_part(const struct template_part *part, const struct facts *facts, enum template_escape escape,
                              struct arena *arena)
{
    if (part->variable == NULL)
        return part->text;
    struct str value = part->variable->value(facts, part->text, arena);
    if (value.len == 0)
        return escape == ESCAPE_LOG ? STR("-") : STR("");
    switch (escape) {
    case ESCAPE_HTML:
        return escape_html_in(arena, without_line_breaks(value, arena));
    case ESCAPE_LOG:
        return escape_log_in(arena, value);
    case ESCAPE_JSON:
        return escape_json_in(arena, value);
    default:
        return without_line_breaks(value, arena);
    }
}

struct str template_expand(const struct template *t, const struct facts *facts, enum template_escape escape,
                           struct arena *arena)
{
    struct str *values = arena_alloc(arena, (t->count + 1) * sizeof *values);
    size_t len = 0;
    for (size_t i = 0; i < t->count; i++) {
        values[i] = expand_part(&t->parts[i], facts, escape, arena);
        len += values[i].len;
    }
    if (t->count == 1)
        return values[0];
    char *text = arena_bytes(arena, len + 1), *at = text;
    for (size_t i = 0; i < t->count; i++) {
        memcpy(at, values[i].at, values[i].len);
        at += values[i].len;
    }
    return str_from(text, len);
}
