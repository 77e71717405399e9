/*
 * client-certificate: patterns of a subject, as RFC 4514 writes it.
 *
 * A pattern is compared with the subject part by part, so that no star takes in a part that nobody thought of. Stars
 * alone between two commas are one part or more; and a pattern that begins or ends with a star has as many parts as
 * there are before or behind it. Whatever matches would also match as one text, by glob_match_escaped().
 */
#include "acl/condition.h"

#include "base/escape.h"
#include "base/glob.h"

struct subject_condition {
    struct str *globs;
    size_t count;
};

/* As str_cut(), but at a comma that is not escaped. */
static bool cut_part(struct str *rest, struct str *ret_part)
{
    size_t end = 0;
    if (rest->at == NULL)
        return false;
    while (end < rest->len && rest->at[end] != ',')
        end += rest->at[end] == '\\' && end + 1 < rest->len ? 2 : 1;
    *ret_part = str_head(*rest, end);
    *rest = end < rest->len ? str_skip(*rest, end + 1) : STR_NONE;
    return true;
}

static bool is_any_part(struct str part)
{
    for (size_t at = 0; at < part.len; at++)
        if (part.at[at] != '*')
            return false;
    return part.len > 0;
}

static bool ends_with_star(struct str glob)
{
    bool is_star = false;
    for (size_t at = 0; at < glob.len; at++) {
        is_star = glob.at[at] == '*';
        at += glob.at[at] == '\\';
    }
    return is_star;
}

/* As in base/glob.c: only the latest that takes more than a part takes one more. */
static bool is_match(struct str glob, struct str subject)
{
    bool is_open = ends_with_star(glob), may_take = str_starts(glob, STR("*"));
    struct str again = glob, again_subject = subject; /* what is tried next when that has taken one more */
    struct str rest = glob, rest_subject = subject;
    while (rest.at != NULL || (rest_subject.at != NULL && !is_open)) {
        struct str wanted, part;
        if (cut_part(&rest, &wanted) && cut_part(&rest_subject, &part) &&
            (is_any_part(wanted) || glob_match_escaped(wanted, part))) {
            if (!is_any_part(wanted))
                continue;
            may_take = true;
            again = rest;
            again_subject = rest_subject;
        } else if (may_take && cut_part(&again_subject, &part)) {
            rest = again;
            rest_subject = again_subject;
        } else {
            return false;
        }
    }
    return true;
}

static bool is_of_type(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '-' || c == '.';
}

/* Where `OU=` stands directly behind a wildcard: a name may have it in it as well. `glob.len` when it does not. */
static size_t find_loose_type(struct str glob, size_t *ret_len)
{
    for (size_t at = 0, end; at < glob.len; at++) {
        for (end = at + 1; end < glob.len && is_of_type(glob.at[end]); end++)
            ;
        bool is_wildcard = glob.at[at] == '*' || glob.at[at] == '?';
        if (is_wildcard && end > at + 1 && end < glob.len && glob.at[end] == '=') {
            *ret_len = end - at;
            return at + 1;
        }
        at += glob.at[at] == '\\';
    }
    return glob.len;
}

static void warn_loose_type(const struct acl_scope *scope, const struct word *glob)
{
    size_t len = 0, at = find_loose_type(glob->text, &len);
    if (at == glob->text.len)
        return;
    struct str type = str_head(str_skip(glob->text, at), len);
    struct place place = word_place_at(glob, at, len);
    struct str hint = arena_printf(scope->arena,
                                   "a part begins with the pattern, or behind a comma: \"%.*s…\" or \"*,%.*s…\"",
                                   STR_ARGS(type), STR_ARGS(type));
    diag_add(scope->diag, DIAG_WARNING, &place, hint.at,
             "'%.*s' is true of a certificate that has '%.*s' inside of a name", STR_ARGS(glob->text), STR_ARGS(type));
}

struct condition *client_certificate_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct subject_condition *condition = arena_new(scope->arena, struct subject_condition);
    condition->globs = arena_zalloc(scope->arena, count * sizeof *condition->globs);
    condition->count = count;
    for (size_t i = 0; i < count; i++) {
        condition->globs[i] = escape_subject_in(scope->arena, values[i].text);
        warn_loose_type(scope, &values[i]);
    }
    return (void *)condition;
}

enum truth client_certificate_truth(const struct condition *condition, const struct facts *facts,
                                    struct match *ret_match)
{
    const struct subject_condition *subject = (const void *)condition;
    (void)ret_match;
    for (size_t i = 0; facts->client_certificate.at != NULL && i < subject->count; i++)
        if (is_match(subject->globs[i], facts->client_certificate))
            return TRUTH_YES;
    return TRUTH_NO;
}
