/*
 * Forward mode: the rules say who may go where; the address that is dialled has the last word.
 */
#include "modes/forward/block_page.h"
#include "modes/forward/decide.h"
#include "modes/forward/edit.h"
#include "modes/forward/own_listener.h"
#include "modes/forward/tunnel_check.h"
#include "proxy/apply.h"
#include "proxy/exchange.h"

/* The mode's own of an exchange. */
struct forward_state {
    struct forward_decision first;    /* without the address of a name */
    struct str path;                  /* as it was then */
    struct forward_decision decision; /* as it stands */
    struct ip passed;                 /* the last address that may be dialled, and its port; version 0: none */
    uint16_t passed_port;
    struct forward_decision *denied; /* of the first address that was refused, or NULL */
    struct facts *denied_facts;
};

static struct forward_state *state_of(const struct exchange *x)
{
    return x->mode_state;
}

static void forward_identify(struct exchange *x, const void *block)
{
    const struct forward_conf *conf = block;
    struct facts *facts = &x->facts;
    facts_of_request(facts, &x->client->head);
    facts->block_kind = STR("forward");
    facts->block = conf->name.text;
    facts->destination = x->client->head.authority.ip;
    x->block_conf = conf;
    x->plan.limits = &conf->limits;
    x->plan.timeouts = &conf->timeouts;
    x->plan.error_pages = &conf->error_pages;
    x->plan.conceal = conf->conceal;
    x->plan.allow_websocket = true;
    plan_other_rules(x, conf->tls);
}

static void plan_denied(struct exchange *x, const struct forward_decision *decision)
{
    const struct rule *rule = decision->verdict.rule;
    if (rule != NULL && rule->kind == RULE_DENY && rule->has_page)
        plan_reply(&x->plan, rule, &x->facts, x->arena);
    else
        plan_page(&x->plan, forward_status(decision, &x->facts), block_page(&x->facts, x->arena));
}

static void plan_go(struct exchange *x)
{
    bool is_tunnel = x->facts.method == METHOD_CONNECT;
    x->plan.kind = is_tunnel ? PLAN_TUNNEL : PLAN_NAME;
    x->plan.looks_inside = tunnel_check_applies(&x->facts);
    x->plan.host = x->facts.host;
    x->plan.port = x->facts.port;
    x->plan.literal = x->facts.host_ip;
}

/* Makes the plan what the decision says; the facts have been told. */
static void follow(struct exchange *x, const struct forward_decision *decision)
{
    x->verdict = decision->verdict;
    plan_logs(&x->plan, decision->verdict.acted, x->arena);
    if (decision->outcome == FORWARD_ALLOW || decision->outcome == FORWARD_LATER)
        plan_go(x);
    else if (decision->outcome == FORWARD_FAULT)
        plan_fault(x, decision->fault);
    else if (decision->outcome == FORWARD_REPLY && x->facts.method != METHOD_CONNECT)
        plan_reply(&x->plan, decision->verdict.rule, &x->facts, x->arena);
    else /* a tunnel cannot be redirected: clients show no answer to CONNECT */
        plan_denied(x, decision);
}

static bool is_own(const struct exchange *x, const struct ip *ip, uint16_t port)
{
    const struct forward_conf *block = x->block_conf;
    return block->deny_private && is_own_listener(x->generation, ip, port);
}

static void remember_passed(struct forward_state *state, const struct ip *ip, uint16_t port)
{
    state->passed = *ip;
    state->passed_port = port;
}

/* The first decision holds for this address as well. Asked of it when it is dialled and when it is used, and of one that
   the client itself named when it is chosen: it is looked at once, since nothing that counts changes within an
   exchange. */
static bool stands_for(struct exchange *x, const struct ip *ip, uint16_t port)
{
    struct forward_state *state = state_of(x);
    if (ip_eq(&state->passed, ip) && state->passed_port == port)
        return true;
    if (!forward_stands(x->block_conf, &state->first, ip) || is_own(x, ip, port))
        return false;
    remember_passed(state, ip, port);
    return true;
}

static void forward_choose(struct exchange *x)
{
    const struct target *target = &x->client->head.target;
    bool is_whole = target->form == TARGET_ABSOLUTE || target->form == TARGET_AUTHORITY;
    if (!is_whole && target->scheme.at == NULL) { /* OPTIONS of a site itself has one */
        x->facts.fault = FAULT_BAD_TARGET;
        plan_page(&x->plan, 400, not_a_server_page(&x->facts, x->arena));
        return;
    }
    struct forward_state *state = arena_new(x->arena, struct forward_state);
    x->mode_state = state;
    state->path = x->facts.path;
    forward_decide(x->block_conf, &x->facts, x->arena, NULL, &state->first);
    bool is_allowed_address = state->first.outcome == FORWARD_ALLOW && x->facts.host_ip.version != 0;
    if (is_allowed_address && is_own(x, &x->facts.destination, x->facts.port)) {
        forward_deny_address(&state->first);
        forward_tell(&state->first, &x->facts, x->arena);
    } else if (is_allowed_address) {
        remember_passed(state, &x->facts.destination, x->facts.port); /* else it would not be allowed */
    }
    state->decision = state->first;
    follow(x, &state->decision);
}

static void remember_denied(struct exchange *x, const struct forward_decision *decision, const struct facts *facts)
{
    struct forward_state *state = state_of(x);
    if (state->denied != NULL)
        return;
    state->denied = arena_new(x->arena, struct forward_decision);
    state->denied_facts = arena_new(x->arena, struct facts);
    *state->denied = *decision;
    *state->denied_facts = *facts;
}

/* The decision for one address, which a retry may find to be another than the first try did. `facts` are the exchange's
   or a copy of them, and are told what comes of it. */
static void decide_address(struct exchange *x, const struct ip *ip, uint16_t port, struct facts *facts,
                           struct forward_decision *ret)
{
    struct forward_state *state = state_of(x);
    if (state->first.outcome == FORWARD_LATER)
        facts->path = state->path;
    forward_decide_address(x->block_conf, &state->first, facts, ip, x->arena, ret);
    if (ret->outcome == FORWARD_ALLOW && is_own(x, ip, port)) {
        forward_deny_address(ret);
        forward_tell(ret, facts, x->arena);
    }
}

static void tell_rule(struct facts *facts, const struct facts *decided)
{
    facts->rule = decided->rule;
    facts->reason = decided->reason;
    facts->matched = decided->matched;
    facts->verdict = decided->verdict;
}

static bool passes_for_itself(struct exchange *x, const struct ip *ip, uint16_t port)
{
    struct forward_decision decision;
    struct facts facts = x->facts;
    decide_address(x, ip, port, &facts, &decision);
    if (decision.outcome == FORWARD_ALLOW) {
        tell_rule(&x->facts, &facts); /* should it not be reached, that is what there is to tell */
        return true;
    }
    remember_denied(x, &decision, &facts);
    return false;
}

static bool forward_may_dial(struct exchange *x, const struct ip *ip, uint16_t port)
{
    return stands_for(x, ip, port) || passes_for_itself(x, ip, port);
}

/* What a denied address has to say, without what has happened since. */
static void tell_denied(struct facts *facts, const struct facts *denied)
{
    facts->destination = denied->destination;
    facts->path = denied->path;
    tell_rule(facts, denied);
}

static void forward_dialled(struct exchange *x, const struct ip *ip)
{
    struct forward_state *state = state_of(x);
    if (ip != NULL && stands_for(x, ip, x->facts.port)) {
        x->facts.destination = *ip;
        x->facts.phase = PHASE_DIAL;
        state->decision.is_final = true;
        return;
    }
    if (ip != NULL) {
        decide_address(x, ip, x->facts.port, &x->facts, &state->decision);
    } else if (state->denied != NULL) {
        state->decision = *state->denied;
        tell_denied(&x->facts, state->denied_facts);
    } else { /* none was even asked about: 0.0.0.0, multicast … */
        forward_deny_address(&state->decision);
        forward_tell(&state->decision, &x->facts, x->arena);
    }
    follow(x, &state->decision);
}

static bool forward_heard(struct exchange *x, const struct client_hello *hello)
{
    struct forward_state *state = state_of(x);
    bool passes = tunnel_check(x->block_conf, &x->facts, hello, x->arena, &state->decision);
    x->verdict = state->decision.verdict;
    return passes;
}

static void forward_edit_request(struct exchange *x, struct head *out)
{
    forward_tell_client(&out->fields, x->plan.conceal, &x->facts, x->arena);
    apply_field_rules(state_of(x)->decision.verdict.acted, RULE_REQUEST, &x->facts, x->arena, out);
}

/* The rules on the answer; false when one denies it. */
static bool answer_passes(struct exchange *x, struct forward_decision *decision)
{
    const struct forward_conf *block = x->block_conf;
    if (x->plan.kind != PLAN_NAME || !decision->verdict.waits_for_response)
        return true;
    rules_run_response(&block->rules, &x->facts, x->arena, &decision->verdict);
    if (decision->verdict.action != ACTION_DENY)
        return true;
    decision->outcome = FORWARD_DENY;
    decision->name = decision->verdict.rule->name;
    forward_tell(decision, &x->facts, x->arena);
    x->verdict = decision->verdict;
    plan_denied(x, decision);
    return false;
}

static bool forward_edit_response(struct exchange *x, struct head *out, bool is_ours)
{
    struct forward_state *state = state_of(x);
    facts_of_answer(&x->facts, out, x->arena);
    if (state != NULL && !is_ours && !answer_passes(x, &state->decision))
        return false;
    if (x->facts.request_id.at != NULL) {
        fields_remove_known(&out->fields, FIELD_X_REQUEST_ID);
        fields_add_known(&out->fields, FIELD_X_REQUEST_ID, x->facts.request_id);
    }
    if (state != NULL)
        apply_field_rules(state->decision.verdict.acted, RULE_RESPONSE, &x->facts, x->arena, out);
    return true;
}

static bool forward_passes_trailer(const struct exchange *x, enum rule_side side, struct str name)
{
    if (side == RULE_REQUEST && forward_drops_from_client(name, x->plan.conceal))
        return false;
    return !field_rules_have(state_of(x)->decision.verdict.acted, side, name);
}

const struct mode forward_mode = {
    .name = "forward",
    .identify = forward_identify,
    .choose = forward_choose,
    .may_dial = forward_may_dial,
    .dialled = forward_dialled,
    .heard = forward_heard,
    .edit_request = forward_edit_request,
    .edit_response = forward_edit_response,
    .passes_trailer = forward_passes_trailer,
};
