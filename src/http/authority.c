#include "http/authority.h"

#include "base/addr.h"
#include "base/hostname.h"
#include "base/number.h"
#include "http/chars.h"

enum { PORT_DIGITS = 5 };

/* `text` is what follows the host: empty, or ":PORT". */
static bool read_port(struct str text, enum authority_use use, uint16_t *ret)
{
    uint64_t port = 0;
    if (text.len == 0) {
        *ret = 0;
        return use != AUTHORITY_CONNECT;
    }
    if (text.at[0] != ':' || use == AUTHORITY_NAME)
        return false;
    struct str digits = str_skip(text, 1);
    if (digits.len == 0 && use == AUTHORITY_HOST) { /* RFC 3986 6.2.3: the same as no port at all */
        *ret = 0;
        return true;
    }
    if (digits.len > PORT_DIGITS || !number_parse_u64(digits, UINT16_MAX, &port) || port == 0)
        return false;
    *ret = (uint16_t)port;
    return true;
}

/* An IPv4-mapped address comes out as the IPv4 address that it is (base/addr.h), so that no rule is passed by its
   spelling. */
static bool read_bracketed(struct arena *arena, struct str inside, struct authority *into)
{
    char text[ADDR_TEXT_MAX];
    if (str_find(inside, ':') == inside.len || !ip_parse(inside, &into->ip))
        return false;
    into->host = arena_dup(arena, str_from(text, ip_text(&into->ip, text)));
    return true;
}

/* The usual case, seen at one glance: labels of lower-case letters, digits and hyphens, the last of which begins with a
   letter (so that it is no number). Such a name is its own normal form. */
static bool is_normal_already(struct str name)
{
    const char *at = name.at, *end = name.at + name.len, *label;
    for (;; at++) {
        label = at;
        while (at < end && char_is(*at, CHAR_LABEL))
            at++;
        if (at == label || at - label > HOSTNAME_LABEL_MAX)
            return false;
        if (at == end || *at != '.')
            break;
    }
    return at == end && char_is_alpha(*label) && name.len <= HOSTNAME_MAX;
}

static bool read_name(struct arena *arena, struct str name, struct authority *into)
{
    struct str host;
    bool is_quad = name.len > 0 && char_is_digit(name.at[0]) && ip_parse(name, &into->ip); /* it has no colon */
    if (is_quad || is_normal_already(name)) {
        into->host = arena_dup(arena, name);
        return true;
    }
    if (span_of(name.at, name.len, CHAR_HOST) != name.len || !hostname_normal(arena, name, &host))
        return false;
    into->host = host;
    return !hostname_is_numeric_like(host); /* no strict dotted quad, and a final dot makes no name of one either */
}

bool authority_parse(struct arena *arena, struct str text, enum authority_use use, struct authority *ret)
{
    struct authority authority = {.host = STR_NONE};
    if (text.len == 0)
        return false;
    size_t end;
    if (text.at[0] == '[') {
        end = str_find(text, ']');
        if (end == text.len || !read_bracketed(arena, str_from(text.at + 1, end - 1), &authority))
            return false;
        end++;
    } else {
        end = str_find(text, ':');
        if (!read_name(arena, str_head(text, end), &authority))
            return false;
    }
    if (!read_port(str_skip(text, end), use, &authority.port))
        return false;
    *ret = authority;
    return true;
}

bool authority_same(const struct authority *a, const struct authority *b, uint16_t default_port)
{
    uint16_t port_a = a->port ? a->port : default_port;
    uint16_t port_b = b->port ? b->port : default_port;
    return port_a == port_b && str_eq(a->host, b->host);
}

struct str authority_text(struct arena *arena, const struct authority *authority, uint16_t default_port)
{
    bool is_ipv6 = authority->ip.version == 6;
    const char *open = is_ipv6 ? "[" : "", *close = is_ipv6 ? "]" : "";
    if (authority->port == 0 || authority->port == default_port)
        return is_ipv6 ? arena_printf(arena, "[%.*s]", STR_ARGS(authority->host)) : authority->host;
    return arena_printf(arena, "%s%.*s%s:%u", open, STR_ARGS(authority->host), close, (unsigned)authority->port);
}
