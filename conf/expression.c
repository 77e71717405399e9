#include "conf/expression.h"

#include "conf/array.h"
#include "conf/setters.h"

#include <limits.h>

/* A descent over the words of one condition. It goes on behind a condition that was refused, as long as it is certain
   where that ends; a mistake of the grammar stops it. */
struct parser {
    struct loading *load;
    const struct expression_place *place;
    const struct word *before; /* the word in front of `at`: the `if` at first */
    const struct word *at;
    size_t left;
    unsigned depth;
    unsigned conditions;
    bool has_refused;
};

static bool is_plain(const struct word *word, const char *text)
{
    return !word->quoted && str_eq(word->text, str_of(text));
}

static bool is_next(const struct parser *parser, const char *text)
{
    return parser->left > 0 && is_plain(parser->at, text);
}

static const struct word *take(struct parser *parser)
{
    parser->before = parser->at++;
    parser->left--;
    return parser->before;
}

/* Conditions. */

static const struct list_conf *find_list(const struct acl_scope *scope, struct str name)
{
    struct loading *load = scope->user;
    struct named *list = names_find(&load->names[NAME_LIST], name);
    if (list == NULL)
        return NULL;
    list->is_used = true;
    return list->conf;
}

static const char *const *list_names(const struct acl_scope *scope)
{
    struct loading *load = scope->user;
    return names_all(load, &load->names[NAME_LIST], NULL);
}

const char *const *condition_names(struct loading *load)
{
    const char **names = NULL;
    size_t count = 0;
    for (const struct condition_kind *kind = condition_kinds;; kind++) {
        names = array_room(load->arena, names, count, sizeof *names);
        names[count++] = kind->name;
        if (kind->name == NULL)
            return names;
    }
}

/* "source(10.0.0.0/8 192.0.2.1)", and so on with an ellipsis where it is long. */
static struct str shown_name(struct loading *load, const struct condition_kind *kind, const struct word *values,
                             size_t count)
{
    enum { SHOWN_MAX = 100 };
    if (count == 0)
        return str_of(kind->name);
    struct text text;
    text_init(&text);
    text_printf(&text, "%s(", kind->name);
    for (size_t i = 0; i < count; i++) {
        if (text.len + values[i].text.len > SHOWN_MAX) {
            text_add_cstr(&text, i > 0 ? " …" : "…");
            break;
        }
        text_printf(&text, i > 0 ? " %.*s" : "%.*s", STR_ARGS(values[i].text));
    }
    text_add_char(&text, ')');
    struct str copy = arena_dup(load->arena, text_str(&text));
    text_fini(&text);
    return copy;
}

static bool check_count(struct loading *load, const struct condition_kind *kind, const struct word *word, size_t count)
{
    const char *hint = arena_printf(load->arena, "write: %s(%s)", kind->name, kind->values).at;
    if (count < kind->min_values)
        return mistake(load, word, hint, "'%s' needs a value", kind->name);
    if (count > kind->max_values)
        return mistake(load, word, kind->max_values == 0 ? "write it without values" : hint, "'%s' has too many values",
                       kind->name);
    return true;
}

/* The configuration releases what the condition holds outside the arena. */
static void own(struct loading *load, const struct expression *condition)
{
    struct config *config = load->config;
    config->conditions = array_room(load->arena, config->conditions, config->condition_count,
                                    sizeof *config->conditions);
    config->conditions[config->condition_count++] = condition;
}

static const struct expression *condition_of(struct loading *load, const struct condition_kind *kind,
                                             const struct word *word, const struct word *values, size_t count)
{
    struct acl_scope scope = {
        .arena = load->arena,
        .diag = load->diag,
        .find_list = find_list,
        .list_names = list_names,
        .opener = load->opener,
        .user = load,
    };
    if (!check_count(load, kind, word, count))
        return NULL;
    const struct condition *condition = kind->parse(&scope, values, count);
    if (condition == NULL)
        return NULL;
    struct expression *expression = arena_new(load->arena, struct expression);
    *expression = (struct expression){
        .op = EXPRESSION_CONDITION,
        .place = word->place,
        .name = shown_name(load, kind, values, count),
        .kind = kind,
        .condition = condition,
        .phase = kind->phase,
    };
    own(load, expression);
    return expression;
}

const struct expression *condition_read(struct loading *load, const struct word *kind, const struct word *values,
                                        size_t count)
{
    const struct condition_kind *row = condition_kind_find(kind->text);
    if (row != NULL)
        return condition_of(load, row, kind, values, count);
    const char *nearest = diag_nearest(kind->text, condition_names(load));
    mistake(load, kind,
            nearest ? arena_printf(load->arena, "did you mean '%s'?", nearest).at : "see: gatehouse doc conditions",
            "unknown kind of condition '%.*s'", STR_ARGS(kind->text));
    return NULL;
}

/* Phases. */

static const struct {
    const char *word;
    const char *remedy;
} phases[] = {
    [PHASE_CONNECT] = {"connect", NULL},
    [PHASE_REQUEST] = {"request", "where TLS is passed through, only 'source' and 'tls-sni' are known"},
    [PHASE_DIAL] = {"dial", "only 'allow' and 'deny' of a forward block can ask it"},
    [PHASE_RESPONSE] = {"response", "only 'deny' and the header rules of a response can ask it"},
    [PHASE_DONE] = {"log", NULL},
};

static bool check_phase(struct parser *parser, const struct word *word, const struct expression *condition)
{
    enum phase phase = condition->kind->phase;
    if (condition->kind->tunnel == TUNNEL_HELLO && !parser->place->knows_hello)
        return mistake(parser->load, word, "only 'deny' of a forward block, and rules with tls-passthrough, can ask it",
                       "'%.*s' needs a TLS greeting: it is never known in %s", STR_ARGS(word->text),
                       parser->place->title);
    if (parser->place->phases & 1U << phase)
        return true;
    return mistake(parser->load, word, phases[phase].remedy, "'%.*s' is known in the %s phase: never in %s",
                   STR_ARGS(word->text), phases[phase].word, parser->place->title);
}

/* The grammar. */

static const struct expression *read_or(struct parser *parser);

static bool is_operator(const struct word *word)
{
    return is_plain(word, "and") || is_plain(word, "or") || is_plain(word, "not");
}

/* What people write in other languages. */
static const char *remedy_for(struct loading *load, const struct word *word)
{
    static const struct {
        const char *foreign;
        const char *remedy;
    } remedies[] = {
        {"&&", "write 'and'"}, {"||", "write 'or'"}, {"!", "write 'not'"}, {"unless", "write 'if not (…)'"},
        {"&", "write 'and'"},  {"|", "write 'or'"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (is_plain(word, remedies[i].foreign))
            return remedies[i].remedy;
    if (!word->quoted && word->text.len > 1 && word->text.at[0] == '!')
        return arena_printf(load->arena, "write 'not %.*s'", STR_ARGS(str_skip(word->text, 1))).at;
    return NULL;
}

/* The values behind a `(`, which was taken; NULL after reporting. */
static const struct word *take_values(struct parser *parser, const struct word *name, size_t *ret_count)
{
    struct loading *load = parser->load;
    const struct word *open = parser->before, *values = parser->at;
    size_t count = 0;
    for (; parser->left > 0; count++) {
        const struct word *word = take(parser);
        if (is_plain(word, ")")) {
            *ret_count = count;
            if (count > 0)
                return values;
            mistake(load, word, NULL, "expected a value of '%.*s' before ')'", STR_ARGS(name->text));
            return NULL;
        }
        if (is_operator(word)) {
            mistake(load, word, "a value that is called so is written in quotes", "expected ')' before '%.*s'",
                    STR_ARGS(word->text));
            return NULL;
        }
        if (is_plain(word, "(")) {
            mistake(load, word, "a value that holds one is written in quotes", "expected a value of '%.*s', not '('",
                    STR_ARGS(name->text));
            return NULL;
        }
    }
    mistake(load, open, "expected ')'", "this '(' is not closed");
    return NULL;
}

/* In the place of a condition whose mistake was told. */
static const struct expression *refuse(struct parser *parser)
{
    static const struct expression nothing = {.op = EXPRESSION_CONDITION};
    parser->has_refused = true;
    bool ends_here = parser->left == 0 || is_next(parser, "and") || is_next(parser, "or") || is_next(parser, ")");
    return ends_here ? &nothing : NULL;
}

static const struct expression *read_kind(struct parser *parser, const struct condition_kind *kind,
                                          const struct word *word)
{
    const struct word *values = NULL;
    size_t count = 0;
    if (is_next(parser, "(")) {
        take(parser);
        values = take_values(parser, word, &count);
        if (values == NULL)
            return NULL;
    }
    const struct expression *condition = condition_of(parser->load, kind, word, values, count);
    return condition != NULL && check_phase(parser, word, condition) ? condition : refuse(parser);
}

/* An acl by its name: the condition behind it, under that name. */
static const struct expression *read_acl(struct parser *parser, struct named *acl, const struct word *word)
{
    struct loading *load = parser->load;
    acl->is_used = true;
    if (is_next(parser, "(")) {
        mistake(load, parser->at, NULL, "'%.*s' is an acl: it has no values here", STR_ARGS(word->text));
        return NULL;
    }
    const struct expression *condition = acl_expression(load, acl);
    if (condition == NULL || !check_phase(parser, word, condition))
        return refuse(parser);
    struct expression *use = arena_new(load->arena, struct expression);
    *use = *condition;
    use->place = word->place;
    use->name = word->text;
    return use;
}

static void report_unknown_condition(struct parser *parser, const struct word *word)
{
    struct loading *load = parser->load;
    const char *hint = remedy_for(load, word);
    if (hint == NULL) {
        const char *nearest = diag_nearest(word->text, names_all(load, parser->place->acls, condition_names(load)));
        hint = nearest ? arena_printf(load->arena, "did you mean '%s'?", nearest).at : "see: gatehouse doc conditions";
    }
    mistake(load, word, hint, "unknown condition '%.*s'", STR_ARGS(word->text));
}

/* The values of a condition that is unknown, if there are any. */
static void skip_values(struct parser *parser)
{
    if (!is_next(parser, "("))
        return;
    while (parser->left > 0 && !is_next(parser, ")"))
        take(parser);
    if (parser->left > 0)
        take(parser);
}

static const struct expression *read_name(struct parser *parser)
{
    struct loading *load = parser->load;
    const struct word *word = take(parser);
    if (++parser->conditions > EXPRESSION_CONDITIONS_MAX) {
        mistake(load, word, NULL, "more than %d conditions in one expression", EXPRESSION_CONDITIONS_MAX);
        return NULL;
    }
    if (is_plain(word, ")") || is_plain(word, "and") || is_plain(word, "or")) {
        mistake(load, word, NULL, "expected a condition before '%.*s'", STR_ARGS(word->text));
        return NULL;
    }
    const struct condition_kind *kind = condition_kind_find(word->text);
    if (kind != NULL)
        return read_kind(parser, kind, word);
    struct named *acl = names_find(parser->place->acls, word->text);
    if (acl != NULL)
        return read_acl(parser, acl, word);
    report_unknown_condition(parser, word);
    skip_values(parser);
    return refuse(parser);
}

static const struct expression *read_parentheses(struct parser *parser)
{
    const struct word *open = take(parser);
    const struct expression *inner = read_or(parser);
    if (inner == NULL)
        return NULL;
    if (parser->left == 0)
        mistake(parser->load, open, "expected ')'", "this '(' is not closed");
    else if (!is_next(parser, ")"))
        mistake(parser->load, parser->at, remedy_for(parser->load, parser->at),
                "expected 'and', 'or' or ')' before '%.*s'", STR_ARGS(parser->at->text));
    else
        return take(parser), inner;
    return NULL;
}

static const struct expression *join(struct parser *parser, enum expression_op op, const struct word *word,
                                     const struct expression *left, const struct expression *right)
{
    struct expression *expression = arena_new(parser->load->arena, struct expression);
    *expression = (struct expression){.op = op, .place = word->place, .name = word->text, .left = left, .right = right};
    expression->phase = right != NULL && right->phase > left->phase ? right->phase : left->phase;
    return expression;
}

static const struct expression *read_operand(struct parser *parser)
{
    if (parser->left == 0) {
        mistake(parser->load, parser->before, NULL, "expected a condition after '%.*s'",
                STR_ARGS(parser->before->text));
        return NULL;
    }
    if (parser->depth >= EXPRESSION_DEPTH_MAX) {
        mistake(parser->load, parser->at, NULL, "more than %d parentheses and nots inside one another",
                EXPRESSION_DEPTH_MAX);
        return NULL;
    }
    const struct expression *expression = NULL;
    parser->depth++;
    if (is_next(parser, "(")) {
        expression = read_parentheses(parser);
    } else if (is_next(parser, "not")) {
        const struct word *word = take(parser);
        const struct expression *inner = read_operand(parser);
        expression = inner != NULL ? join(parser, EXPRESSION_NOT, word, inner, NULL) : NULL;
    } else {
        expression = read_name(parser);
    }
    parser->depth--;
    return expression;
}

static const struct expression *read_and(struct parser *parser)
{
    const struct expression *left = read_operand(parser);
    while (left != NULL && is_next(parser, "and")) {
        const struct word *word = take(parser);
        const struct expression *right = read_operand(parser);
        left = right != NULL ? join(parser, EXPRESSION_AND, word, left, right) : NULL;
    }
    return left;
}

static const struct expression *read_or(struct parser *parser)
{
    const struct expression *left = read_and(parser);
    while (left != NULL && is_next(parser, "or")) {
        const struct word *word = take(parser);
        const struct expression *right = read_and(parser);
        left = right != NULL ? join(parser, EXPRESSION_OR, word, left, right) : NULL;
    }
    return left;
}

static void report_rest(struct parser *parser, const struct word *word)
{
    struct loading *load = parser->load;
    const char *hint = remedy_for(load, word);
    if (is_plain(word, ")")) {
        mistake(load, word, NULL, "this ')' closes nothing");
        return;
    }
    if (hint == NULL)
        hint = arena_printf(load->arena, "both: 'and %.*s'; either: 'or %.*s'", STR_ARGS(word->text),
                            STR_ARGS(word->text))
                   .at;
    mistake(load, word, hint, "expected 'and' or 'or' before '%.*s'", STR_ARGS(word->text));
}

const struct expression *expression_read(struct loading *load, const struct expression_place *place,
                                         const struct word *if_word, const struct word *words, size_t count)
{
    struct parser parser = {.load = load, .place = place, .before = if_word, .at = words, .left = count};
    const struct expression *expression = read_or(&parser);
    if (expression != NULL && parser.left > 0) {
        report_rest(&parser, parser.at);
        return NULL;
    }
    return parser.has_refused ? NULL : expression;
}
