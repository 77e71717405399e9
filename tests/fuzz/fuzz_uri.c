/*
 * Authority, path, target, and texts with variables. A canonical path is its own canonical form and has no dot segment; what
 * an authority is written as reads as the same authority.
 */
#include "base/must.h"
#include "http/authority.h"
#include "http/facts.h"
#include "http/path.h"
#include "http/range.h"
#include "http/target.h"
#include "http/template_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_dot_segment(struct str path)
{
    struct str rest = path, segment;
    while (str_cut(&rest, '/', &segment))
        if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return true;
    return false;
}

static void try_path(struct arena *arena, struct str text)
{
    struct str canonical, second, again, again_second;
    if (!path_canonical(arena, text, &canonical, &second))
        return;
    must(canonical.len > 0 && canonical.at[0] == '/' && !has_dot_segment(canonical));
    must(path_canonical(arena, canonical, &again, &again_second));
    must(str_eq(again, canonical) && str_eq(again_second, second) && (second.at == NULL) == (again_second.at == NULL));
    must(second.at == NULL || (second.len > 0 && second.at[0] == '/' && !has_dot_segment(second)));
    must(second.at == NULL || str_find_str(second, STR("//")) == second.len);
}

static void try_authority(struct arena *arena, struct str text)
{
    struct authority authority, again;
    if (!authority_parse(arena, text, AUTHORITY_HOST, &authority))
        return;
    must(authority.host.len > 0);
    must(authority_parse(arena, authority_text(arena, &authority, 0), AUTHORITY_HOST, &again));
    must(authority_same(&authority, &again, 0) && ip_eq(&authority.ip, &again.ip));
}

static void try_target(struct arena *arena, struct str text)
{
    static const enum method methods[] = {METHOD_GET, METHOD_OPTIONS, METHOD_CONNECT};
    for (size_t i = 0; i < lengthof(methods); i++) {
        struct target target;
        struct str authority;
        if (target_parse(arena, text, methods[i], &target, &authority))
            must(target.path.at == NULL || target.path.at[0] == '/' || target.form == TARGET_ASTERISK);
    }
}

static void try_template(struct arena *arena, struct str text)
{
    struct template template;
    struct facts facts = {.scheme = STR("http"), .host = STR("h\r\nx"), .path = STR("/")};
    struct str why;
    size_t at;
    if (!template_parse(arena, text, TEMPLATE_LOG, &template, &why, &at))
        must(at < text.len);
    else
        template_expand(&template, &facts, (enum template_escape)(text.len % 4), arena);
}

static void try_range(struct str text)
{
    struct range ranges[16];
    size_t count = 0;
    uint64_t size;
    if (ranges_parse(text, 1000, ranges, lengthof(ranges), &count) == RANGES_SOME)
        for (size_t i = 0; i < count; i++)
            must(ranges[i].first <= ranges[i].last && ranges[i].last < 1000);
    content_range_parse(text, ranges, &size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = str_from((const char *)data, size);
    arena_init(&arena);
    try_path(&arena, text);
    try_authority(&arena, text);
    try_target(&arena, text);
    try_template(&arena, text);
    try_range(text);
    arena_reset(&arena);
    return 0;
}
