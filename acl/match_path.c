/* path, path-regex and url-regex. */
#include "acl/condition.h"

#include "base/glob.h"
#include "base/regex.h"
#include "base/text.h"
#include "http/chars.h"

struct path_condition {
    struct str *globs;
    size_t count;
};

struct regex_condition {
    struct regex **patterns;
    size_t count;
};

/* The byte that the escape at `at` stands for; -1 when there is none. */
static int read_escape(struct str text, size_t at)
{
    if (text.at[at] != '%' || text.len - at < 3)
        return -1;
    int high = char_hex(text.at[at + 1]), low = char_hex(text.at[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/*
 * The glob with each byte written as a canonical path has it (http/path.h), so that "/café/..." or /%7euser match what
 * they mean. Stars and question marks stay, an encoded slash or backslash too.
 */
static struct str canonical_glob(struct arena *arena, struct str glob)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_bytes(arena, 3 * glob.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < glob.len; i++) {
        int escaped = read_escape(glob, i);
        char c = escaped >= 0 ? (char)escaped : glob.at[i];
        bool is_kept = escaped >= 0 ? c == '/' || c == '\\' : c == '*' || c == '?' || c == '%' || char_is(c, CHAR_PATH);
        if (escaped >= 0 && is_kept) {
            memcpy(out + len, glob.at + i, 3);
            len += 3;
        } else if (is_kept || (escaped >= 0 && char_is(c, CHAR_UNRESERVED))) {
            out[len++] = c;
        } else {
            out[len++] = '%';
            out[len++] = digits[(unsigned char)c >> 4];
            out[len++] = digits[(unsigned char)c & 15];
        }
        i += escaped >= 0 ? 2 : 0;
    }
    out[len] = '\0';
    return str_from(out, len);
}

/* NULL, or why no canonical path can ever match. */
static const char *why_never(struct str glob)
{
    if (glob.len == 0 || strchr("/*?", glob.at[0]) == NULL)
        return "a path begins with a slash";
    if (str_find_str(glob, STR("/../")) < glob.len || str_find_str(glob, STR("/./")) < glob.len ||
        str_ends(glob, STR("/..")) || str_ends(glob, STR("/.")))
        return "in a path, dot segments have been resolved";
    return NULL;
}

struct condition *path_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct path_condition *condition = arena_new(scope->arena, struct path_condition);
    bool is_good = true;
    condition->globs = arena_zalloc(scope->arena, count * sizeof *condition->globs);
    condition->count = count;
    for (size_t i = 0; i < count; i++) {
        condition->globs[i] = canonical_glob(scope->arena, values[i].text);
        const char *why = why_never(condition->globs[i]);
        if (why == NULL)
            continue;
        diag_add(scope->diag, DIAG_ERROR, &values[i].place, "expected a pattern like /admin/* or *.php",
                 "'%.*s' matches no path: %s", STR_ARGS(values[i].text), why);
        is_good = false;
    }
    return is_good ? (void *)condition : NULL;
}

enum truth path_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct path_condition *path = (const void *)condition;
    (void)ret_match;
    if (facts->path.at == NULL)
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < path->count; i++)
        if (glob_match(path->globs[i], facts->path))
            return TRUTH_YES;
    return TRUTH_NO;
}

static struct condition *parse_regexes(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct regex_condition *condition = arena_new(scope->arena, struct regex_condition);
    bool is_good = true;
    condition->patterns = arena_zalloc(scope->arena, count * sizeof *condition->patterns);
    condition->count = count;
    for (size_t i = 0; i < count; i++) {
        char why[REGEX_WHY_MAX];
        size_t at = 0;
        condition->patterns[i] = regex_new(values[i].text, why, &at);
        if (condition->patterns[i] != NULL)
            continue;
        struct place place = condition_place(&values[i], at);
        diag_add(scope->diag, DIAG_ERROR, &place, NULL, "expected a regular expression: %s", why);
        is_good = false;
    }
    if (is_good)
        return (void *)condition;
    regex_condition_fini((void *)condition);
    return NULL;
}

void regex_condition_fini(struct condition *condition)
{
    struct regex_condition *regexes = (void *)condition;
    for (size_t i = 0; i < regexes->count; i++) {
        regex_free(regexes->patterns[i]);
        regexes->patterns[i] = NULL;
    }
    regexes->count = 0;
}

static enum truth match_regexes(const struct condition *condition, struct str text)
{
    const struct regex_condition *regexes = (const void *)condition;
    enum truth truth = TRUTH_NO;
    for (size_t i = 0; i < regexes->count; i++) {
        enum regex_result result = regex_match(regexes->patterns[i], text, NULL, 0);
        if (result == REGEX_MATCH)
            return TRUTH_YES;
        truth = result == REGEX_LIMIT ? TRUTH_FAILED : truth;
    }
    return truth;
}

struct condition *path_regex_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    return parse_regexes(scope, values, count);
}

enum truth path_regex_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)ret_match;
    return facts->path.at == NULL ? TRUTH_UNKNOWN : match_regexes(condition, facts->path);
}

struct condition *url_regex_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    return parse_regexes(scope, values, count);
}

/* $scheme://$authority$uri. Of a tunnel it is not known. */
enum truth url_regex_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)ret_match;
    if (facts->path.at == NULL || facts->host.at == NULL)
        return TRUTH_UNKNOWN;
    bool is_ipv6 = str_find(facts->host, ':') < facts->host.len;
    bool is_default = facts->port == 0 || facts->port == (str_eq(facts->scheme, STR("https")) ? 443 : 80);
    struct text url;
    text_init(&url);
    text_printf(&url, "%.*s://%s%.*s%s", STR_ARGS(facts->scheme), is_ipv6 ? "[" : "", STR_ARGS(facts->host),
                is_ipv6 ? "]" : "");
    if (!is_default)
        text_printf(&url, ":%u", facts->port);
    text_add(&url, facts->path);
    if (facts->query.at != NULL)
        text_add_char(&url, '?');
    text_add(&url, facts->query);
    enum truth truth = match_regexes(condition, text_str(&url));
    text_fini(&url);
    return truth;
}
