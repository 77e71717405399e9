#include "modes/forward/decide.h"

#include "proxy/readings.h"

static const struct {
    const char *name;
    const char *reason;
} unnamed[] = {
    {"default", "No rule of this proxy allows it."},
    {"ports", "This proxy does not go to that port."},
    {"tunnel-ports", "This proxy opens no tunnel to that port."},
    {"deny-private", "The address is private or reserved, and no site on the Internet."},
};
enum { DENY_DEFAULT, DENY_PORTS, DENY_TUNNEL_PORTS, DENY_PRIVATE };

/* Does `deny-private` stand against this address? (Also with `off` for what is never dialled: 0.0.0.0, multicast …) */
static bool is_private(const struct forward_conf *block, const struct ip *address)
{
    uint32_t number;
    return ip_is_undialable(address) ||
           (block->deny_private && ip_is_private(address) && !cidr_set_find(&block->private_except, address, &number));
}

void forward_deny(struct forward_decision *decision, struct str name, struct str reason)
{
    decision->outcome = FORWARD_DENY;
    decision->verdict.action = ACTION_DENY;
    decision->verdict.rule = NULL;
    decision->verdict.match = (struct match){0};
    decision->name = name;
    decision->reason = reason;
    decision->is_final = true;
}

static void deny(struct forward_decision *decision, unsigned why)
{
    forward_deny(decision, str_of(unnamed[why].name), str_of(unnamed[why].reason));
}

void forward_deny_address(struct forward_decision *decision)
{
    deny(decision, DENY_PRIVATE);
}

struct ip forward_public_address(void)
{
    return (struct ip){.version = 4, .bytes = {223, 255, 255, 254}};
}

static bool has_port(const struct port_ranges *ranges, uint16_t port)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (port >= ranges->at[i].from && port <= ranges->at[i].to)
            return true;
    return false;
}

static void refuse(struct forward_decision *decision, enum fault fault)
{
    decision->outcome = FORWARD_FAULT;
    decision->fault = fault;
    decision->verdict.rule = NULL;
    decision->name = str_of(fault_info(fault)->word);
    decision->reason = str_of(fault_info(fault)->reason);
    decision->is_final = true;
}

/* What comes of the rules' verdict; then the checks that no rule overrides. */
static void conclude(const struct forward_conf *block, const struct facts *facts, struct forward_decision *decision)
{
    static const enum forward_outcome outcomes[] = {
        [ACTION_NONE] = FORWARD_DENY,      [ACTION_ALLOW] = FORWARD_ALLOW,   [ACTION_DENY] = FORWARD_DENY,
        [ACTION_REDIRECT] = FORWARD_REPLY, [ACTION_RESPOND] = FORWARD_REPLY, [ACTION_NEED_ADDRESS] = FORWARD_LATER,
        [ACTION_ERROR] = FORWARD_FAULT,
    };
    bool is_tunnel = facts->method == METHOD_CONNECT;
    bool has_address = facts->destination.version != 0;
    decision->outcome = outcomes[decision->verdict.action];
    decision->is_final = has_address || decision->outcome == FORWARD_DENY || decision->outcome == FORWARD_REPLY;
    if (decision->verdict.rule != NULL)
        decision->name = decision->verdict.rule->name;
    if (decision->verdict.action == ACTION_NONE || (decision->outcome == FORWARD_LATER && has_address))
        deny(decision, DENY_DEFAULT);
    else if (decision->outcome == FORWARD_FAULT)
        refuse(decision, FAULT_BAD_TARGET);
    if (decision->outcome != FORWARD_ALLOW && decision->outcome != FORWARD_LATER)
        return;
    if (facts->method == METHOD_TRACE) /* it would reflect what others may not see (RFC 9110 9.3.8) */
        refuse(decision, FAULT_METHOD_REFUSED);
    else if (decision->outcome == FORWARD_ALLOW && !is_tunnel && !has_port(&block->ports, facts->port))
        deny(decision, DENY_PORTS);
    else if (decision->outcome == FORWARD_ALLOW && is_tunnel && !has_port(&block->tunnel_ports, facts->port))
        deny(decision, DENY_TUNNEL_PORTS);
    else if (has_address && is_private(block, &facts->destination))
        deny(decision, DENY_PRIVATE);
}

/* Does the second reading of the path lead to the same end? `facts` are those after the rules, `path` is the one
   before. */
static bool second_agrees(const struct forward_conf *block, const struct forward_decision *decision,
                          const struct facts *facts, struct str path, struct arena *arena)
{
    struct str second = second_reading(arena, path);
    if (str_eq(second, path))
        return true;
    struct facts other_facts = *facts;
    struct verdict other;
    other_facts.path = second;
    verdict_init(&other);
    rules_run(&block->rules, &other_facts, arena, &other, NULL);
    return readings_agree(&decision->verdict, facts->path, &other, other_facts.path, arena);
}

/* Without telling the facts; their path is rewritten. */
static void decide(const struct forward_conf *block, struct facts *facts, struct arena *arena, struct rule_trace *trace,
                   struct forward_decision *ret)
{
    struct str path = facts->path;
    *ret = (struct forward_decision){.name = STR("default")};
    verdict_init(&ret->verdict);
    rules_run(&block->rules, facts, arena, &ret->verdict, trace);
    if (second_agrees(block, ret, facts, path, arena))
        conclude(block, facts, ret);
    else
        refuse(ret, FAULT_AMBIGUOUS_PATH);
    if (ret->outcome == FORWARD_LATER)
        facts->path = path;
}

void forward_tell(const struct forward_decision *decision, struct facts *facts, struct arena *arena)
{
    facts->matched = STR_NONE;
    facts->reason = STR_NONE;
    verdict_tell(&decision->verdict, facts, arena);
    facts->rule = decision->name;
    if (decision->verdict.rule != NULL)
        return;
    facts->reason = decision->reason;
    facts->verdict = decision->outcome == FORWARD_ALLOW ? STR("allow") : STR("deny");
}

void forward_decide(const struct forward_conf *block, struct facts *facts, struct arena *arena,
                    struct rule_trace *trace, struct forward_decision *ret)
{
    facts->block_kind = STR("forward");
    facts->block = block->name.text;
    decide(block, facts, arena, trace, ret);
    if (ret->outcome == FORWARD_LATER)
        return;
    forward_tell(ret, facts, arena);
    if (ret->verdict.rule != NULL)
        ret->reason = facts->reason;
}

uint16_t forward_status(const struct forward_decision *decision, const struct facts *facts)
{
    const struct rule *rule = decision->verdict.rule;
    bool is_refused = decision->outcome == FORWARD_DENY ||
                      (decision->outcome == FORWARD_REPLY && facts->method == METHOD_CONNECT);
    if (decision->outcome == FORWARD_FAULT)
        return fault_info(decision->fault)->status;
    if (is_refused)
        return rule != NULL && rule->kind == RULE_DENY ? rule->status : 403;
    return decision->outcome == FORWARD_REPLY ? rule->status : 0;
}

bool forward_stands(const struct forward_conf *block, const struct forward_decision *before, const struct ip *address)
{
    return before->outcome == FORWARD_ALLOW && !is_private(block, address);
}

void forward_decide_address(const struct forward_conf *block, const struct forward_decision *before,
                            struct facts *facts, const struct ip *address, struct arena *arena,
                            struct forward_decision *ret)
{
    facts->destination = *address;
    facts->phase = PHASE_DIAL;
    if (before->outcome == FORWARD_LATER) {
        decide(block, facts, arena, NULL, ret);
        forward_tell(ret, facts, arena);
        if (ret->verdict.rule != NULL)
            ret->reason = facts->reason;
        return;
    }
    *ret = *before;
    if (before->verdict.acted == NULL)
        ret->verdict.last = &ret->verdict.acted;
    ret->is_final = true;
    if (ret->outcome != FORWARD_ALLOW || forward_stands(block, before, address))
        return;
    deny(ret, DENY_PRIVATE);
    forward_tell(ret, facts, arena);
}
