#include "http/target.h"

#include "http/chars.h"
#include "http/path.h"

static const struct str http_prefix = {"http://", 7};

/* Cuts `path?query`; an empty path is "/" (RFC 9110 4.2.3). */
static bool read_path(struct arena *arena, struct str text, struct target *into)
{
    size_t mark = str_find(text, '?');
    struct str path = str_head(text, mark);
    into->query = mark < text.len ? str_skip(text, mark + 1) : STR_NONE;
    if (path.len == 0) {
        into->path = STR("/");
        into->second_path = STR_NONE;
        return true;
    }
    return path_canonical(arena, path, &into->path, &into->second_path);
}

/* http://authority[/path][?query]. An OPTIONS without path and query means the server itself (RFC 9112 3.2.4). */
static bool read_absolute(struct arena *arena, struct target *into, enum method method, struct str *ret_authority)
{
    struct str rest = str_skip(into->raw, http_prefix.len);
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    into->form = TARGET_ABSOLUTE;
    into->scheme = STR("http");
    *ret_authority = str_head(rest, end);
    if (method == METHOD_OPTIONS && end == rest.len) {
        into->form = TARGET_ASTERISK;
        into->path = STR("*");
        return true;
    }
    return read_path(arena, str_skip(rest, end), into);
}

static bool read_form(struct arena *arena, struct target *into, enum method method, struct str *ret_authority)
{
    struct str raw = into->raw;
    if (method == METHOD_CONNECT) {
        into->form = TARGET_AUTHORITY;
        *ret_authority = raw;
        return true;
    }
    if (raw.at[0] == '/') {
        into->form = TARGET_ORIGIN;
        return read_path(arena, raw, into);
    }
    if (raw.len == 1 && raw.at[0] == '*' && method == METHOD_OPTIONS) {
        into->form = TARGET_ASTERISK;
        into->path = raw;
        return true;
    }
    bool is_absolute = str_starts(raw, http_prefix) || /* as clients write it */
                       str_starts_nocase(raw, http_prefix);
    return is_absolute && read_absolute(arena, into, method, ret_authority);
}

bool target_parse(struct arena *arena, struct str raw, enum method method, struct target *ret,
                  struct str *ret_authority)
{
    struct target target = {.raw = raw};
    struct str authority = STR_NONE;
    if (raw.len == 0 || span_of_target(raw.at, raw.len) != raw.len || !read_form(arena, &target, method, &authority))
        return false;
    *ret = target;
    *ret_authority = authority;
    return true;
}

struct str target_uri(struct arena *arena, const struct target *target)
{
    if (target->query.at == NULL)
        return target->path;
    return arena_printf(arena, "%.*s?%.*s", STR_ARGS(target->path), STR_ARGS(target->query));
}
