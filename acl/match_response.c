/* response-type and response-size. A tunnel has no response. */
#include "acl/condition.h"

#include "base/glob.h"
#include "base/number.h"

struct type_condition {
    struct str *globs;
    size_t count;
};

struct size_condition {
    uint64_t above;
};

static enum truth not_yet(const struct facts *facts)
{
    bool is_tunnel = facts->method == METHOD_CONNECT || str_eq(facts->scheme, STR("tunnel"));
    return is_tunnel || facts->phase >= PHASE_RESPONSE ? TRUTH_UNKNOWN : TRUTH_LATER;
}

/* `text/html`, `image/` and a star: a token or stars on both sides of the slash. */
static bool is_type_pattern(struct str text)
{
    size_t slash = str_find(text, '/');
    return slash < text.len && is_token(str_head(text, slash)) && is_token(str_skip(text, slash + 1));
}

struct condition *response_type_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct type_condition *condition = arena_new(scope->arena, struct type_condition);
    bool is_good = true;
    condition->globs = arena_zalloc(scope->arena, count * sizeof *condition->globs);
    condition->count = count;
    for (size_t i = 0; i < count; i++) {
        condition->globs[i] = values[i].text;
        if (is_type_pattern(values[i].text))
            continue;
        diag_add(scope->diag, DIAG_ERROR, &values[i].place, "expected a media type like text/html or image/*",
                 "'%.*s' is no media type", STR_ARGS(values[i].text));
        is_good = false;
    }
    return is_good ? (void *)condition : NULL;
}

/* RFC 9110 8.3.1: what stands before the parameters, in any case. An answer that names no type is of none of them. */
enum truth response_type_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct type_condition *types = (const void *)condition;
    const struct field *field = NULL;
    (void)ret_match;
    if (facts->response_fields == NULL || facts->phase < PHASE_RESPONSE)
        return not_yet(facts);
    while ((field = fields_next(facts->response_fields, STR("Content-Type"), field)) != NULL) {
        struct str type = str_trim(str_head(field->value, str_find(field->value, ';')));
        for (size_t i = 0; i < types->count; i++)
            if (glob_match_nocase(types->globs[i], type))
                return TRUTH_YES;
    }
    return TRUTH_NO;
}

/* A size of the configuration language: powers of 1024 by k M G T in either case, or bytes with B. */
static const char *parse_size(struct str text, uint64_t *ret)
{
    static const char units[] = "Bkmgt";
    const char *unit = text.len > 0 ? strchr(units, char_lower(text.at[text.len - 1])) : NULL;
    bool is_bytes = text.len > 0 && text.at[text.len - 1] == 'B';
    uint64_t number;
    unit = is_bytes ? units : unit;
    if (text.len > 0 && char_is_digit(text.at[text.len - 1]) && !str_eq(text, STR("0")))
        return "a size needs a unit: B, k, M, G or T";
    if (str_eq(text, STR("0")))
        unit = units;
    else
        text.len -= text.len > 0;
    if (unit == NULL || *unit == '\0' || !number_parse_u64(text, UINT64_MAX, &number))
        return "a size is a number and one of B, k, M, G or T";
    for (; unit > units; unit--)
        if (!number_mul_u64(number, 1024, &number))
            return "the size is too large";
    *ret = number;
    return NULL;
}

struct condition *response_size_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct size_condition *condition = arena_new(scope->arena, struct size_condition);
    const char *why = "the size stands behind a '>'";
    (void)count;
    if (str_starts(values[0].text, STR(">")))
        why = parse_size(str_skip(values[0].text, 1), &condition->above);
    if (why == NULL)
        return (void *)condition;
    diag_add(scope->diag, DIAG_ERROR, &values[0].place, "expected >SIZE, like >10M",
             "'%.*s' is no size to compare with: %s", STR_ARGS(values[0].text), why);
    return NULL;
}

enum truth response_size_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct size_condition *size = (const void *)condition;
    (void)ret_match;
    if (facts->response_fields == NULL || facts->phase < PHASE_RESPONSE)
        return not_yet(facts);
    if (facts->response_size == BODY_UNKNOWN)
        return TRUTH_UNKNOWN;
    return facts->response_size > size->above ? TRUTH_YES : TRUTH_NO;
}
