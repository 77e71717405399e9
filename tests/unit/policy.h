/* Conditions, rules, heads and facts for tests of what decides by them, built without the loader. */
#ifndef TESTS_UNIT_POLICY_H
#define TESTS_UNIT_POLICY_H

#include "acl/verdict.h"
#include "http/path.h"

#include <check.h>
#include <stdarg.h>

static struct arena memory; /* of the test that runs */

static inline void setup_policy(void)
{
    arena_init(&memory);
}

static inline void teardown_policy(void)
{
    arena_reset(&memory);
}

/* KIND(VALUE ...), ended by NULL. */
static inline const struct expression *when(const char *kind, ...)
{
    struct word values[8];
    size_t count = 0;
    va_list args;
    va_start(args, kind);
    for (const char *value; (value = va_arg(args, const char *)) != NULL && count < 8; count++)
        values[count] = (struct word){.text = str_of(value)};
    va_end(args);
    struct diag diag;
    diag_init(&diag);
    struct acl_scope scope = {.arena = &memory, .diag = &diag};
    struct expression *expression = arena_new(&memory, struct expression);
    expression->op = EXPRESSION_CONDITION;
    expression->name = str_of(kind);
    expression->kind = condition_kind_find(str_of(kind));
    ck_assert_ptr_nonnull(expression->kind);
    expression->condition = expression->kind->parse(&scope, values, count);
    ck_assert_ptr_nonnull(expression->condition);
    expression->phase = expression->kind->phase;
    diag_fini(&diag);
    return expression;
}

static inline const struct expression *join(enum expression_op op, const struct expression *left,
                                            const struct expression *right)
{
    struct expression *expression = arena_new(&memory, struct expression);
    *expression = (struct expression){.op = op, .left = left, .right = right, .phase = left->phase};
    if (right != NULL && right->phase > left->phase)
        expression->phase = right->phase;
    return expression;
}

static inline struct template text_of(const char *source)
{
    struct template template;
    struct str why;
    size_t at;
    ck_assert(template_parse(&memory, str_of(source), TEMPLATE_RESPONSE, &template, &why, &at));
    return template;
}

static inline struct rule rule_as(enum rule_kind kind, const char *name, const struct expression *expression)
{
    static const uint16_t statuses[] = {[RULE_DENY] = 403, [RULE_REDIRECT] = 302, [RULE_RESPOND] = 200};
    struct rule rule = {.kind = kind, .name = str_of(name), .is_named = true, .when = expression};
    if (kind <= RULE_RESPOND)
        rule.status = statuses[kind];
    return rule;
}

static inline struct rule rule_with_text(enum rule_kind kind, const char *name, const struct expression *expression,
                                         const char *text)
{
    struct rule rule = rule_as(kind, name, expression);
    rule.text = text_of(text);
    rule.has_text = true;
    return rule;
}

static inline struct rule edit_rule(enum rule_kind kind, enum rule_side side, const char *field, const char *text)
{
    struct rule rule = rule_with_text(kind, "edit", NULL, text);
    rule.side = side;
    rule.field = str_of(field);
    return rule;
}

#define RULES(array) ((struct rules){(array), sizeof(array) / sizeof((array)[0])})

/* A request's facts; the path is made canonical. */
static inline struct facts request(const char *method, const char *host, uint16_t port, const char *path)
{
    struct facts facts = {.phase = PHASE_REQUEST, .method = method_of(str_of(method)), .method_text = str_of(method)};
    struct str second;
    facts.client = (struct ip){.version = 4, .bytes = {127, 0, 0, 1}};
    facts.scheme = facts.method == METHOD_CONNECT ? STR("tunnel") : STR("http");
    facts.host = host == NULL ? STR_NONE : str_of(host);
    facts.port = port;
    if (path != NULL)
        ck_assert(path_canonical(&memory, str_of(path), &facts.path, &second));
    facts.asked_path = facts.path;
    if (host != NULL)
        ip_parse(facts.host, &facts.host_ip);
    facts.destination = facts.host_ip;
    return facts;
}

static inline struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(str_of(text), &ip));
    return ip;
}

static inline struct str field_text(const struct fields *fields, const char *name)
{
    const struct field *field = fields_find(fields, str_of(name));
    return field == NULL ? STR_NONE : field->value;
}

/* Each in one macro, so that a failure names its line. */
#define ck_str(got, want) ck_assert_msg(str_eq((got), str_of(want)), "got '%.*s', not '%s'", STR_ARGS(got), (want))
#define ck_no_field(fields, name) ck_assert_msg(fields_find((fields), str_of(name)) == NULL, "%s is there", (name))
#define ck_field(fields, name, want) ck_str(field_text((fields), (name)), (want))

#endif
