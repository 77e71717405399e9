#include "acl/rewrite.h"

#include "base/must.h"
#include "base/regex.h"
#include "base/text.h"
#include "http/path.h"

/* The group that `$` at `at` asks for: 1 to 9, 0 for `$$`, -1 for anything else. */
static int group_at(struct str replacement, size_t at)
{
    char next = at + 1 < replacement.len ? replacement.at[at + 1] : '\0';
    return next == '$' ? 0 : next >= '1' && next <= '9' ? next - '0' : -1;
}

static struct str expand(struct str replacement, const struct str *groups, struct arena *arena)
{
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < replacement.len; i++) {
        int group = replacement.at[i] == '$' ? group_at(replacement, i) : -1;
        if (group > 0 && groups[group].at != NULL)
            text_add(&text, groups[group]);
        else if (group <= 0)
            text_add_char(&text, replacement.at[i]);
        i += group >= 0;
    }
    struct str result = arena_dup(arena, text_str(&text));
    text_fini(&text);
    return result;
}

enum rewrite_result rewrite_path(const struct rule *rule, struct arena *arena, struct str *path)
{
    struct str groups[REGEX_GROUPS] = {0}, canonical, second;
    if (path->len == 0 || path->at[0] != '/')
        return REWRITE_NONE;
    enum regex_result result = regex_match(rule->pattern, *path, groups, lengthof(groups));
    if (result != REGEX_MATCH)
        return result == REGEX_LIMIT ? REWRITE_LIMIT : REWRITE_NONE;
    struct str raw = expand(rule->replacement, groups, arena);
    if (str_find(raw, '?') < raw.len || !path_canonical(arena, raw, &canonical, &second))
        return REWRITE_NO_PATH;
    *path = canonical;
    return REWRITE_DONE;
}

const char *rule_replacement_wrong(struct str replacement, const struct regex *pattern, size_t *ret_at)
{
    const char *why = NULL;
    size_t i;
    for (i = 0; i < replacement.len; i++) {
        char c = replacement.at[i];
        int group = c == '$' ? group_at(replacement, i) : 0;
        if (group < 0)
            why = "a '$' stands before 1 to 9, or before another";
        else if (group > (int)regex_group_count(pattern))
            why = "the expression has no such group";
        else if (c == '?' || c == '#')
            why = "a path has no query and no fragment; the query stays as it is";
        if (why != NULL)
            break;
        i += c == '$';
    }
    if (why == NULL && (replacement.len == 0 || (replacement.at[0] != '/' && replacement.at[0] != '$'))) {
        i = 0;
        why = "a path begins with a slash";
    }
    if (why != NULL)
        *ret_at = i;
    return why;
}
