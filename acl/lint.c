#include "acl/lint_conf.h"

#include "acl/condition.h"
#include "acl/list.h"
#include "base/hostname.h"

#include <stdio.h>

static bool is_kind(const struct expression *expression, const char *name)
{
    return expression->op == EXPRESSION_CONDITION && strcmp(expression->kind->name, name) == 0;
}

/* Calls `visit` for each condition of an expression; `is_negated` for one under an odd number of `not`s. */
static void each_condition(const struct expression *expression, bool is_negated,
                           void (*visit)(const struct expression *condition, bool is_negated, void *user), void *user)
{
    if (expression == NULL)
        return;
    if (expression->op == EXPRESSION_CONDITION)
        visit(expression, is_negated, user);
    bool is_not = expression->op == EXPRESSION_NOT;
    each_condition(expression->left, is_negated != is_not, visit, user);
    each_condition(expression->right, is_negated, visit, user);
}

/* Unreachable rules. */

static bool ends_all(const struct rule *rule)
{
    return rule->when == NULL && rule->kind <= RULE_RESPOND;
}

static void lint_reach(const struct rules *rules, struct diag *diag)
{
    for (size_t i = 0; i + 1 < rules->count; i++) {
        if (!ends_all(&rules->at[i]))
            continue;
        diag_add(diag, DIAG_WARNING, &rules->at[i + 1].place, NULL,
                 "this rule can never be reached: '%.*s' (%.*s) has no condition and ends the rules",
                 STR_ARGS(rules->at[i].name), STR_ARGS(rules->at[i].place_text));
        return;
    }
}

/* Denied names and those below them. */

struct probe {
    const char *kind; /* host or tls-sni */
    struct str host;
    bool is_covered;
};

static void try_probe(const struct expression *condition, bool is_negated, void *user)
{
    struct probe *probe = user;
    size_t count;
    (void)is_negated;
    if (!is_kind(condition, probe->kind))
        return;
    const struct name_pattern *patterns = host_patterns(condition->condition, &count);
    for (size_t i = 0; i < count; i++)
        probe->is_covered |= name_pattern_covers(&patterns[i], probe->host);
}

struct lint {
    const struct rules *rules;
    struct diag *diag;
    bool knows_tunnels; /* the rule names tunnels expressly */
};

/* Does some deny of the block say what is to become of the names below? */
static bool is_below_covered(const struct rules *rules, const char *kind, struct str name)
{
    char host[HOSTNAME_MAX + 3];
    int len = snprintf(host, sizeof host, "_.%.*s", STR_ARGS(name));
    struct probe probe = {kind, str_from(host, (size_t)len), false};
    for (size_t i = 0; i < rules->count; i++)
        if (rules->at[i].kind == RULE_DENY)
            each_condition(rules->at[i].when, false, try_probe, &probe);
    return probe.is_covered;
}

static void lint_denied_host(const struct expression *condition, bool is_negated, void *user)
{
    struct lint *lint = user;
    size_t count;
    if (is_negated || (!is_kind(condition, "host") && !is_kind(condition, "tls-sni")))
        return;
    const struct name_pattern *patterns = host_patterns(condition->condition, &count);
    for (size_t i = 0; i < count; i++) {
        struct str name = patterns[i].name;
        char hint[HOSTNAME_MAX + 64];
        if (patterns[i].kind != NAME_PATTERN_EXACT || patterns[i].is_ip ||
            is_below_covered(lint->rules, condition->kind->name, name))
            continue;
        snprintf(hint, sizeof hint, "'.%.*s' is itself and all below", STR_ARGS(name));
        diag_add(lint->diag, DIAG_WARNING, &condition->place, hint, "the names below %.*s are not denied",
                 STR_ARGS(name));
    }
}

/* Tunnels. */

/* Can the expression hold for a request only, never for a tunnel? */
static bool excludes_tunnel(const struct expression *expression, bool is_negated)
{
    if (is_kind(expression, "scheme"))
        return scheme_may_be_tunnel(expression->condition) == is_negated;
    if (is_kind(expression, "method"))
        return method_may_be_connect(expression->condition) == is_negated;
    if (expression->op == EXPRESSION_CONDITION)
        return false;
    if (expression->op == EXPRESSION_NOT)
        return excludes_tunnel(expression->left, !is_negated);
    bool left = excludes_tunnel(expression->left, is_negated), right = excludes_tunnel(expression->right, is_negated);
    return (expression->op == EXPRESSION_AND) != is_negated ? left || right : left && right;
}

static void look_for_tunnel(const struct expression *condition, bool is_negated, void *user)
{
    struct lint *lint = user;
    (void)is_negated;
    lint->knows_tunnels |= is_kind(condition, "scheme") && scheme_may_be_tunnel(condition->condition);
    lint->knows_tunnels |= is_kind(condition, "method") && method_may_be_connect(condition->condition);
}

static void lint_tunnel(const struct expression *condition, bool is_negated, void *user)
{
    struct lint *lint = user;
    (void)is_negated;
    if (condition->kind->tunnel == TUNNEL_NEVER)
        diag_add(lint->diag, DIAG_WARNING, &condition->place, "add 'and scheme(http)', if that is meant",
                 "of a tunnel (https), '%s' can never be known, and a rule that depends on it does not hold",
                 condition->kind->name);
    else if (condition->kind->tunnel == TUNNEL_PARTS && !lint->knows_tunnels)
        diag_add(lint->diag, DIAG_WARNING, &condition->place,
                 "add 'and scheme(http)', or 'and scheme(http tunnel)', as is meant",
                 "of a tunnel (https), '%s' sees only the fields of its CONNECT", condition->kind->name);
}

/* Edits of a head do nothing in a tunnel anyway. */
static bool acts_on_tunnels(const struct rule *rule)
{
    return rule->kind <= RULE_RESPOND || rule->kind == RULE_LOG;
}

static void lint_lists(const struct expression *condition, bool is_negated, void *user)
{
    struct lint *lint = user;
    size_t count;
    (void)is_negated;
    if (!is_kind(condition, "source") && !is_kind(condition, "destination"))
        return;
    const struct list_conf *const *lists = address_lists(condition->condition, &count);
    for (size_t i = 0; i < count; i++) {
        struct list_stats stats = {0};
        if (lists[i]->compiled == NULL)
            continue;
        list_stats(lists[i]->compiled, &stats);
        if (stats.entries > 0 && stats.addresses == 0)
            diag_add(lint->diag, DIAG_WARNING, &condition->place, "'listed' asks for names",
                     "the list '%.*s' holds no address", STR_ARGS(lists[i]->name.text));
    }
}

void rules_lint(const struct rules *rules, enum lint_block block, struct diag *diag)
{
    lint_reach(rules, diag);
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->at[i];
        struct lint lint = {.rules = rules, .diag = diag};
        each_condition(rule->when, false, lint_lists, &lint);
        if (block != LINT_FORWARD || rule->when == NULL)
            continue;
        if (rule->kind == RULE_DENY)
            each_condition(rule->when, false, lint_denied_host, &lint);
        each_condition(rule->when, false, look_for_tunnel, &lint);
        if (acts_on_tunnels(rule) && !excludes_tunnel(rule->when, false))
            each_condition(rule->when, false, lint_tunnel, &lint);
    }
}
