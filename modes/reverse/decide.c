#include "modes/reverse/decide.h"

#include "base/glob.h"
#include "proxy/readings.h"

/* A condition whose pattern hit its limit is no reason to try the next route. */
static const struct route_conf *find_route(const struct reverse_conf *block, const struct facts *facts,
                                           bool *ret_failed)
{
    *ret_failed = false;
    for (size_t i = 0; facts->path.at != NULL && i < block->route_count; i++) {
        const struct route_conf *route = &block->routes[i];
        struct match match = {0};
        if (!glob_match(route->glob.text, facts->path))
            continue;
        enum truth truth = route->when == NULL ? TRUTH_YES : expression_truth(route->when, facts, &match);
        *ret_failed = truth == TRUTH_FAILED;
        if (truth == TRUTH_YES || *ret_failed)
            return route;
    }
    return NULL;
}

const struct route_conf *reverse_route(const struct reverse_conf *block, const struct facts *facts)
{
    bool has_failed;
    return find_route(block, facts, &has_failed);
}

static bool is_terminal(enum action action)
{
    return action != ACTION_NONE && action != ACTION_ALLOW;
}

/* Rules, route, rules: fills route and the two verdicts. */
static void run_rules(const struct reverse_conf *block, struct facts *facts, struct arena *arena,
                      struct rule_trace *trace, struct reverse_decision *ret)
{
    struct verdict *verdict = &ret->verdict;
    verdict_init(verdict);
    rules_run(&block->rules, facts, arena, verdict, trace);
    ret->block_verdict = *verdict;
    ret->route = NULL;
    if (is_terminal(verdict->action))
        return;
    bool has_failed;
    ret->route = find_route(block, facts, &has_failed);
    if (ret->route == NULL)
        return;
    verdict->action = has_failed ? ACTION_ERROR : ACTION_NONE;
    verdict->rule = NULL;
    if (has_failed)
        return;
    rules_run(&ret->route->rules, facts, arena, verdict, trace);
    if (verdict->action == ACTION_NONE) { /* what the block said stands */
        verdict->action = ret->block_verdict.action;
        verdict->rule = ret->block_verdict.rule;
        verdict->match = ret->block_verdict.match;
    }
}

/* Does the second reading of the path lead to the same end? `facts` are those after the rules, `path` is the one
   before. */
static bool second_agrees(const struct reverse_decision *decision, const struct facts *facts, struct str path,
                          struct arena *arena)
{
    struct str second = second_reading(arena, path);
    if (str_eq(second, path))
        return true;
    struct facts other_facts = *facts;
    struct reverse_decision other = {0};
    other_facts.path = second;
    run_rules(decision->block, &other_facts, arena, NULL, &other);
    return decision->route == other.route && decision->block_verdict.rule == other.block_verdict.rule &&
           readings_agree(&decision->verdict, facts->path, &other.verdict, other_facts.path, arena);
}

static void refuse(struct reverse_decision *decision, struct facts *facts, enum fault fault, struct str name)
{
    decision->fault = fault;
    decision->serve = (struct serve){.files_fd = -1};
    decision->name = name;
    facts->rule = name;
    facts->verdict = STR("deny");
    facts->reason = str_of(fault_info(fault)->reason);
}

static void tell(struct reverse_decision *decision, struct facts *facts, struct arena *arena)
{
    verdict_tell(&decision->verdict, facts, arena);
    if (decision->verdict.rule == NULL) {
        facts->rule = STR("default");
        facts->verdict = is_terminal(decision->verdict.action) ? STR("deny") : STR("allow");
    }
    decision->name = facts->rule;
}

/* What the verdict leaves to be served. */
static void choose_server(struct reverse_decision *decision, struct facts *facts)
{
    if (facts->method == METHOD_TRACE) { /* it would reflect what others may not see (RFC 9110 9.3.8) */
        refuse(decision, facts, FAULT_METHOD_REFUSED, str_of(fault_info(FAULT_METHOD_REFUSED)->word));
        return;
    }
    decision->serve = decision->settings->serve;
    if (decision->serve.kind == SERVE_NOTHING)
        refuse(decision, facts, FAULT_NO_ROUTE, STR("no-route"));
    else if (decision->serve.kind == SERVE_POOL)
        facts->pool = decision->serve.pool->name.text;
}

void reverse_decide(const struct reverse_conf *block, struct facts *facts, struct arena *arena,
                    struct rule_trace *trace, struct reverse_decision *ret)
{
    *ret = (struct reverse_decision){.block = block, .settings = &block->settings, .serve = {.files_fd = -1}};
    facts->block_kind = STR("reverse");
    facts->block = block->name.text;
    verdict_init(&ret->verdict);
    verdict_init(&ret->block_verdict);
    if (facts->method == METHOD_CONNECT && !block->is_passthrough) {
        refuse(ret, facts, FAULT_METHOD_REFUSED, str_of(fault_info(FAULT_METHOD_REFUSED)->word));
        return;
    }
    struct str path = facts->path;

    run_rules(block, facts, arena, trace, ret);
    if (ret->route != NULL) {
        ret->settings = &ret->route->settings;
        facts->route = ret->route->glob.text;
    }
    if (!second_agrees(ret, facts, path, arena)) {
        refuse(ret, facts, FAULT_AMBIGUOUS_PATH, str_of(fault_info(FAULT_AMBIGUOUS_PATH)->word));
        return;
    }
    if (ret->verdict.action == ACTION_ERROR) {
        refuse(ret, facts, FAULT_BAD_TARGET, str_of(fault_info(FAULT_BAD_TARGET)->word));
        return;
    }
    /* A pool's address is the administrator's own choice: the loader lets no rule here ask for it. Should one, it fails
       closed. */
    if (ret->verdict.action == ACTION_NEED_ADDRESS) {
        ret->verdict.action = ACTION_DENY;
        ret->verdict.rule = NULL;
    }
    tell(ret, facts, arena);
    if (!is_terminal(ret->verdict.action))
        choose_server(ret, facts);
}

bool reverse_decide_response(struct reverse_decision *decision, struct facts *facts, struct arena *arena)
{
    if (!decision->verdict.waits_for_response)
        return true;
    rules_run_response(&decision->block->rules, facts, arena, &decision->verdict);
    if (decision->route != NULL && !is_terminal(decision->verdict.action))
        rules_run_response(&decision->route->rules, facts, arena, &decision->verdict);
    if (!is_terminal(decision->verdict.action))
        return true;
    tell(decision, facts, arena);
    return false;
}
