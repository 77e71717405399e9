/*
 * The mode of listeners that pass TLS through: the name in the hello finds the block as Host does elsewhere, the
 * block's rules say whether it may, and a server of its pool gets the bytes as they come.
 */
#include "modes/reverse/decide.h"
#include "modes/reverse/hosts.h"
#include "proxy/apply.h"
#include "proxy/exchange.h"
#include "proxy/generation.h"

static void passthrough_identify(struct exchange *x, const void *block)
{
    struct facts *facts = &x->facts;
    facts->scheme = STR("tls");
    facts_of_request(facts, &x->client->head);
    facts->request_fields = NULL;
    facts->port = addr_port(&x->gate->listen->addr);
    facts->block_kind = STR("reverse");
    if (x->client->fault != FAULT_NONE) /* there is nothing to find a block by */
        return;
    facts->has_hello = true;
    facts->tls_name = facts->host;
    const struct reverse_conf *found = reverse_hosts_find(block, facts->host);
    if (found == NULL) {
        plan_unserved(x);
        return;
    }
    x->block_conf = found;
    facts->block = found->name.text;
    x->plan.limits = &found->settings.limits;
    x->plan.timeouts = &found->settings.timeouts;
}

static void passthrough_choose(struct exchange *x)
{
    struct reverse_decision decision;
    reverse_decide(x->block_conf, &x->facts, x->arena, NULL, &decision);
    x->verdict = decision.verdict;
    plan_logs(&x->plan, decision.verdict.acted, x->arena);
    if (decision.fault != FAULT_NONE) {
        plan_fault(x, decision.fault);
    } else if (decision.serve.kind == SERVE_POOL) {
        x->plan.kind = PLAN_PASS;
        x->plan.pool = decision.serve.pool;
    } else if (decision.verdict.rule != NULL) {
        plan_reply(&x->plan, decision.verdict.rule, &x->facts, x->arena);
    } else {
        plan_fault(x, FAULT_ADDRESS_DENIED);
    }
}

static void passthrough_edit_request(struct exchange *x, struct head *out)
{
    (void)x, (void)out; /* nothing is sent of our own */
}

static bool passthrough_edit_response(struct exchange *x, struct head *out, bool is_ours)
{
    (void)is_ours;
    facts_of_answer(&x->facts, out, x->arena);
    return true;
}

const struct mode passthrough_mode = {
    .name = "reverse",
    .identify = passthrough_identify,
    .choose = passthrough_choose,
    .edit_request = passthrough_edit_request,
    .edit_response = passthrough_edit_response,
};
