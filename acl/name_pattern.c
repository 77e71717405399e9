#include "acl/name_pattern_conf.h"

#include "base/addr.h"
#include "base/hostname.h"

static bool refuse(const char **ret_why, const char **ret_hint, const char *why, const char *hint)
{
    *ret_why = why;
    *ret_hint = hint;
    return false;
}

static struct str unbracketed(struct str text)
{
    bool has_brackets = text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
    return has_brackets ? str_from(text.at + 1, text.len - 2) : text;
}

static void set_ip(struct arena *arena, const struct ip *ip, struct name_pattern *ret)
{
    char text[ADDR_TEXT_MAX];
    size_t len = ip_text(ip, text);
    *ret = (struct name_pattern){NAME_PATTERN_EXACT, true, arena_dup(arena, str_from(text, len))};
}

static const char *const forms =
    "a pattern is example.org, *.example.org (below it) or .example.org (itself and below)";

bool name_pattern_parse(struct arena *arena, struct str text, struct name_pattern *ret, const char **ret_why,
                        const char **ret_hint)
{
    struct name_pattern pattern = {.kind = NAME_PATTERN_EXACT};
    struct str name = text;
    struct ip ip;
    if (ip_parse(unbracketed(text), &ip)) {
        set_ip(arena, &ip, ret);
        return true;
    }
    if (str_starts(text, STR("*."))) {
        pattern.kind = NAME_PATTERN_BELOW;
        name = str_skip(text, 2);
    } else if (str_starts(text, STR("."))) {
        pattern.kind = NAME_PATTERN_SUFFIX;
        name = str_skip(text, 1);
    }
    if (str_find(name, '*') < name.len)
        return refuse(ret_why, ret_hint, "a '*' stands only at the beginning, before a dot", forms);
    if (str_find(name, '/') < name.len)
        return refuse(ret_why, ret_hint, "a host has no scheme and no path", forms);
    if (str_find(name, ':') < name.len)
        return refuse(ret_why, ret_hint, "a host has no port", "the condition `port` asks for it");
    if (!hostname_normal(arena, name, &pattern.name))
        return refuse(ret_why, ret_hint, "no host name", forms);
    if (ip_parse(pattern.name, &ip) && pattern.kind == NAME_PATTERN_EXACT) {
        set_ip(arena, &ip, ret);
        return true;
    }
    if (hostname_is_numeric_like(pattern.name))
        return refuse(ret_why, ret_hint, "no address, and a name that ends in a number is none",
                      "an IPv4 address is four numbers");
    *ret = pattern;
    return true;
}

bool name_pattern_covers(const struct name_pattern *pattern, struct str host)
{
    if (pattern->kind != NAME_PATTERN_BELOW && str_eq(pattern->name, host))
        return true;
    return pattern->kind != NAME_PATTERN_EXACT && hostname_is_below(host, pattern->name);
}
