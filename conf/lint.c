#include "conf/lint.h"

#include "acl/lint_conf.h"

#include <string.h>

/* What nothing uses. */

static void lint_unused(struct loading *load, const struct named *named, const char *what)
{
    if (!named->is_used)
        diag_add(load->diag, DIAG_WARNING, &named->name.place, NULL, "nothing uses the %s '%.*s'", what,
                 STR_ARGS(named->name.text));
}

static void lint_names(struct loading *load)
{
    static const struct {
        enum name_kind kind;
        const char *what;
    } kinds[] = {{NAME_ACL, "acl"}, {NAME_LIST, "list"}, {NAME_POOL, "pool"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (const struct named *named = load->names[kinds[i].kind].first; named != NULL; named = named->next)
            lint_unused(load, named, kinds[i].what);
    for (size_t i = 0; i < load->mode_acl_count; i++)
        lint_unused(load, load->mode_acls[i], "acl");
}

static void lint_pool(struct loading *load, const struct pool_conf *pool)
{
    for (size_t i = 0; i < pool->server_count; i++)
        if (!pool->servers[i].is_down)
            return;
    diag_add(load->diag, DIAG_WARNING, &pool->name.place, NULL, "all servers of pool '%.*s' are down",
             STR_ARGS(pool->name.text));
}

/* Open proxies. */

static bool holds_for(const struct expression *condition, uint8_t version, uint8_t each_byte)
{
    struct match match = {0};
    struct ip ip = {.version = version};
    memset(ip.bytes, each_byte, version == 4 ? 4 : sizeof ip.bytes);
    const struct facts facts = {.client = ip, .destination = ip};
    return condition->kind->truth(condition->condition, &facts, &match) == TRUTH_YES;
}

/* Of IPv4 or IPv6. The first and the last are asked about, since its values may stand behind the name of an acl. */
static bool has_all_addresses(const struct expression *condition)
{
    return (holds_for(condition, 4, 0) && holds_for(condition, 4, UINT8_MAX)) ||
           (holds_for(condition, 6, 0) && holds_for(condition, 6, UINT8_MAX));
}

/* Kinds that tell one client from another, or say where to. */
static bool is_narrow_kind(const struct expression *condition)
{
    static const char *const kinds[] = {"country",   "user",   "group", "authenticated", "client-certificate", "host",
                                        "url-regex", "listed", NULL};
    struct str name = str_of(condition->kind->name);
    if (str_eq(name, STR("source")) || str_eq(name, STR("destination")))
        return !has_all_addresses(condition);
    size_t i = 0;
    while (kinds[i] != NULL && !str_eq(name, str_of(kinds[i])))
        i++;
    return kinds[i] != NULL;
}

/* Does the expression, or its contrary, hold only for clients or sites that it names? To name those for which it does
   not hold leaves it open for all the rest. */
static bool is_narrow(const struct expression *expression, bool is_negated)
{
    if (expression == NULL)
        return false;
    if (expression->op == EXPRESSION_CONDITION)
        return !is_negated && is_narrow_kind(expression);
    if (expression->op == EXPRESSION_NOT)
        return is_narrow(expression->left, !is_negated);
    bool left = is_narrow(expression->left, is_negated), right = is_narrow(expression->right, is_negated);
    return (expression->op == EXPRESSION_AND) != is_negated ? left || right : left && right;
}

/* The rule that lets through whoever comes to wherever they like; NULL when there is none. */
static const struct rule *open_rule(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->at[i];
        if (rule->kind == RULE_ALLOW && !is_narrow(rule->when, false))
            return rule;
        bool ends = rule->kind == RULE_DENY || rule->kind == RULE_REDIRECT || rule->kind == RULE_RESPOND;
        if (ends && (rule->when == NULL || is_narrow(rule->when, true)))
            return NULL; /* what is left are those that the rule names */
    }
    return NULL;
}

static void lint_open_proxy(struct loading *load, const struct forward_conf *forward)
{
    const struct rule *rule = open_rule(&forward->rules);
    for (size_t i = 0; rule != NULL && i < forward->listen_count; i++) {
        const struct listen_conf *listen = &forward->listens[i];
        struct ip ip = addr_ip(&listen->addr);
        if (ip.version == 0 || ip_is_loopback(&ip))
            continue;
        diag_add(load->diag, DIAG_WARNING, &rule->place, "allow if source(…)",
                 "an open proxy: whoever reaches %.*s is let through to every site", STR_ARGS(listen->address.text));
        return;
    }
}

/* Reverse blocks. */

static bool has_answer(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->at[i].kind == RULE_RESPOND || rules->at[i].kind == RULE_REDIRECT || rules->at[i].kind == RULE_DENY)
            return true;
    return false;
}

static void lint_serves(struct loading *load, const struct reverse_conf *reverse)
{
    bool serves = reverse->settings.serve.kind != SERVE_NOTHING || has_answer(&reverse->rules);
    for (size_t i = 0; i < reverse->route_count; i++) {
        const struct route_conf *route = &reverse->routes[i];
        bool is_served = route->settings.serve.kind != SERVE_NOTHING || has_answer(&route->rules);
        if (!is_served)
            diag_add(load->diag, DIAG_WARNING, &route->glob.place, "add: to ADDRESS, pool NAME or files FOLDER",
                     "nothing serves this route: it answers 404");
        serves |= is_served;
    }
    if (!serves && reverse->route_count == 0)
        diag_add(load->diag, DIAG_WARNING, &reverse->name.place, "add: to ADDRESS, pool NAME or files FOLDER",
                 "nothing serves '%.*s': it answers 404", STR_ARGS(reverse->name.text));
}

/* Whatever matches `glob` matches `earlier`: told only where it is certain, when the one wildcard of `earlier` is its
   final star. */
static bool covers(struct str earlier, struct str glob)
{
    if (str_eq(earlier, glob))
        return true;
    size_t star = str_find(earlier, '*');
    if (star + 1 != earlier.len || str_find(earlier, '?') < earlier.len)
        return false;
    struct str start = str_head(earlier, star);
    if (str_starts(glob, start))
        return true;
    return start.len > 1 && start.at[start.len - 1] == '/' && str_eq(str_head(start, start.len - 1), glob);
}

/* A rule of the block that ends everything for every request. */
static const struct rule *last_word(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->at[i];
        if (rule->when == NULL && rule->kind <= RULE_RESPOND)
            return rule->kind == RULE_ALLOW ? NULL : rule;
    }
    return NULL;
}

static void lint_routes(struct loading *load, const struct reverse_conf *reverse)
{
    const struct rule *rule = last_word(&reverse->rules);
    if (rule != NULL && reverse->route_count > 0) {
        diag_add(load->diag, DIAG_WARNING, &reverse->routes[0].glob.place, NULL,
                 "this route is never reached: '%.*s' (%.*s) has no condition and ends everything",
                 STR_ARGS(rule->name), STR_ARGS(rule->place_text));
        return;
    }
    for (size_t i = 1; i < reverse->route_count; i++)
        for (size_t n = 0; n < i; n++) {
            const struct route_conf *route = &reverse->routes[i], *earlier = &reverse->routes[n];
            if (earlier->when != NULL || !covers(earlier->glob.text, route->glob.text))
                continue;
            diag_add(load->diag, DIAG_WARNING, &route->glob.place,
                     arena_printf(load->arena, "route %.*s in line %u takes all of it", STR_ARGS(earlier->glob.text),
                                  earlier->glob.place.line)
                         .at,
                     "this route is never reached");
            break;
        }
}

void lint_config(struct loading *load)
{
    const struct config *config = load->config;
    lint_names(load);
    for (size_t i = 0; i < config->pool_count; i++)
        lint_pool(load, config->pools[i]);
    for (size_t i = 0; i < config->reverse_count; i++) {
        const struct reverse_conf *reverse = &config->reverses[i];
        lint_serves(load, reverse);
        lint_routes(load, reverse);
        rules_lint(&reverse->rules, LINT_REVERSE, load->diag);
        for (size_t n = 0; n < reverse->route_count; n++)
            rules_lint(&reverse->routes[n].rules, LINT_REVERSE, load->diag);
    }
    for (size_t i = 0; i < config->forward_count; i++) {
        lint_open_proxy(load, &config->forwards[i]);
        rules_lint(&config->forwards[i].rules, LINT_FORWARD, load->diag);
    }
    lint_tls(load);
    if (config->reverse_count + config->forward_count == 0) {
        const struct place whole = {.file = load->tree.files->shown, .line = 1, .column = 1, .width = 1};
        diag_add(load->diag, DIAG_WARNING, &whole, "add a reverse or a forward block",
                 "this configuration serves nothing");
    }
}
