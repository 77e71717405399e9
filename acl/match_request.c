/* method, scheme, port and header. */
#include "acl/condition.h"

#include "base/glob.h"
#include "base/number.h"

enum { PORT_LAST = 65535 };

struct words_condition {
    struct str *words;
    size_t count;
};

static const struct words_condition *words_of(const struct condition *condition)
{
    return (const void *)condition;
}

static bool has_word(const struct words_condition *words, struct str word)
{
    for (size_t i = 0; i < words->count; i++)
        if (str_eq(words->words[i], word))
            return true;
    return false;
}

static struct words_condition *take_words(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct words_condition *condition = arena_new(scope->arena, struct words_condition);
    condition->words = arena_zalloc(scope->arena, count * sizeof *condition->words);
    condition->count = count;
    for (size_t i = 0; i < count; i++)
        condition->words[i] = values[i].text;
    return condition;
}

/* Methods are case-sensitive (RFC 9110 9.1): a known one in another case is a slip, not a method. */
static bool check_method(const struct acl_scope *scope, const struct word *word)
{
    char upper[16];
    if (is_token(word->text) && word->text.len >= sizeof upper)
        return true;
    for (size_t i = 0; i < word->text.len && i < sizeof upper; i++)
        upper[i] = word->text.at[i] >= 'a' && word->text.at[i] <= 'z' ? (char)(word->text.at[i] - 'a' + 'A')
                                                                      : word->text.at[i];
    struct str meant = str_from(upper, word->text.len);
    if (!is_token(word->text))
        diag_add(scope->diag, DIAG_ERROR, &word->place, "expected a method like GET", "'%.*s' is no method",
                 STR_ARGS(word->text));
    else if (method_of(meant) != METHOD_OTHER && !str_eq(meant, word->text))
        diag_add(scope->diag, DIAG_ERROR, &word->place, "expected upper case", "'%.*s' is no method: write %.*s",
                 STR_ARGS(word->text), STR_ARGS(meant));
    else
        return true;
    return false;
}

struct condition *method_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++)
        is_good &= check_method(scope, &values[i]);
    return is_good ? (void *)take_words(scope, values, count) : NULL;
}

enum truth method_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)ret_match;
    return facts->method_text.at == NULL                       ? TRUTH_UNKNOWN
           : has_word(words_of(condition), facts->method_text) ? TRUTH_YES
                                                               : TRUTH_NO;
}

bool method_may_be_connect(const struct condition *condition)
{
    return has_word(words_of(condition), STR("CONNECT"));
}

struct condition *scheme_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    static const char *const schemes[] = {"http", "https", "tunnel", NULL};
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        size_t known = 0;
        while (schemes[known] != NULL && !str_eq(values[i].text, str_of(schemes[known])))
            known++;
        if (schemes[known] != NULL)
            continue;
        diag_add(scope->diag, DIAG_ERROR, &values[i].place, "expected http, https, or tunnel (a CONNECT)",
                 "'%.*s' is no scheme", STR_ARGS(values[i].text));
        is_good = false;
    }
    return is_good ? (void *)take_words(scope, values, count) : NULL;
}

enum truth scheme_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)ret_match;
    return facts->scheme.at == NULL                       ? TRUTH_UNKNOWN
           : has_word(words_of(condition), facts->scheme) ? TRUTH_YES
                                                          : TRUTH_NO;
}

bool scheme_may_be_tunnel(const struct condition *condition)
{
    return has_word(words_of(condition), STR("tunnel"));
}

struct port_condition {
    struct port_span {
        uint16_t from;
        uint16_t to; /* inclusive */
    } * spans;
    size_t count;
};

static bool parse_span(struct str text, struct port_span *ret)
{
    uint64_t from, to;
    size_t dash = str_find(text, '-');
    struct str last = dash < text.len ? str_skip(text, dash + 1) : text;
    if (!number_parse_u64(str_head(text, dash), PORT_LAST, &from) || !number_parse_u64(last, PORT_LAST, &to) ||
        from == 0 || from > to)
        return false;
    *ret = (struct port_span){(uint16_t)from, (uint16_t)to};
    return true;
}

struct condition *port_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct port_condition *condition = arena_new(scope->arena, struct port_condition);
    bool is_good = true;
    condition->spans = arena_zalloc(scope->arena, count * sizeof *condition->spans);
    condition->count = count;
    for (size_t i = 0; i < count; i++) {
        if (parse_span(values[i].text, &condition->spans[i]))
            continue;
        diag_add(scope->diag, DIAG_ERROR, &values[i].place,
                 "expected a port from 1 to 65535, or a range like 8000-8999", "'%.*s' is no port",
                 STR_ARGS(values[i].text));
        is_good = false;
    }
    return is_good ? (void *)condition : NULL;
}

enum truth port_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct port_condition *port = (const void *)condition;
    (void)ret_match;
    if (facts->port == 0)
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < port->count; i++)
        if (facts->port >= port->spans[i].from && facts->port <= port->spans[i].to)
            return TRUTH_YES;
    return TRUTH_NO;
}

struct header_condition {
    struct str name;
    struct words_condition globs; /* none: the field is there */
};

struct condition *header_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct header_condition *condition = arena_new(scope->arena, struct header_condition);
    if (!is_token(values[0].text)) {
        diag_add(scope->diag, DIAG_ERROR, &values[0].place, "expected the name of a field, then patterns of its value",
                 "'%.*s' is no name of a field", STR_ARGS(values[0].text));
        return NULL;
    }
    condition->name = values[0].text;
    condition->globs = *take_words(scope, values + 1, count - 1);
    return (void *)condition;
}

static bool has_glob(const struct words_condition *globs, struct str value)
{
    for (size_t i = 0; i < globs->count; i++)
        if (glob_match_nocase(globs->words[i], value))
            return true;
    return false;
}

/* The whole value, or one member of it: fields that may be joined by commas (RFC 9110 5.3) are judged alike joined or
   not. */
static bool has_value(const struct words_condition *globs, struct str value)
{
    struct str rest = value, member;
    if (has_glob(globs, value))
        return true;
    while (str_find(value, ',') < value.len && str_cut(&rest, ',', &member))
        if (has_glob(globs, str_trim(member)))
            return true;
    return false;
}

enum truth header_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct header_condition *header = (const void *)condition;
    const struct field *field = NULL;
    (void)ret_match;
    if (facts->request_fields == NULL)
        return TRUTH_UNKNOWN;
    while ((field = fields_next(facts->request_fields, header->name, field)) != NULL)
        if (header->globs.count == 0 || has_value(&header->globs, field->value))
            return TRUTH_YES;
    return TRUTH_NO;
}
