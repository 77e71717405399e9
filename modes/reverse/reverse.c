/*
 * Reverse mode: the host finds the block, the block's rules and routes say what serves the request.
 */
#include "modes/reverse/decide.h"
#include "modes/reverse/edit.h"
#include "modes/reverse/hosts.h"
#include "net/tls_seen.h"
#include "proxy/apply.h"
#include "proxy/exchange.h"
#include "proxy/generation.h"
#include "proxy/http_challenge.h"
#include "proxy/hub.h"

static void use_settings(struct plan *plan, const struct reverse_settings *settings)
{
    plan->limits = &settings->limits;
    plan->timeouts = &settings->timeouts;
    plan->error_pages = &settings->error_pages;
    plan->conceal = settings->conceal;
    plan->allow_websocket = settings->websocket;
}

/* The client was greeted by the name of another block, and so with the certificate of that one. False: it was not. */
static bool plan_other_name(struct exchange *x, const void *hosts, const struct reverse_conf *found)
{
    struct str name = x->seen != NULL ? x->seen->name : STR_NONE;
    if (name.at == NULL || reverse_hosts_find(hosts, name) == found)
        return false;
    plan_fault(x, FAULT_MISDIRECTED);
    x->facts.fault_detail = arena_printf(x->arena, "the TLS greeting was for %.*s, another block's", STR_ARGS(name));
    return true;
}

static void reverse_identify(struct exchange *x, const void *block)
{
    const struct cidr_set *trusted = x->gate->listen->forwarded_from;
    struct facts *facts = &x->facts;
    if (x->gate->listen->is_tls)
        facts->scheme = STR("https");
    facts_of_request(facts, &x->client->head);
    facts->block_kind = STR("reverse");
    struct ip client = reverse_client_address(&facts->client, trusted, facts->request_fields);
    if (!ip_eq(&client, &facts->client))
        facts->client_port = 0; /* the proxy's */
    facts->client = client;

    const struct reverse_conf *found = reverse_hosts_find(block, facts->host);
    if (found == NULL) {
        plan_unserved(x);
        return;
    }
    if (plan_other_name(x, block, found) || plan_other_rules(x, found->tls))
        return;
    x->block_conf = found;
    facts->block = found->name.text;
    use_settings(&x->plan, &found->settings);
    if (facts->method == METHOD_CONNECT)
        plan_fault(x, FAULT_METHOD_REFUSED);
}

/* What the verdict says of a request that the block may serve. */
static void plan_served(struct plan *plan, const struct serve *serve)
{
    if (serve->kind == SERVE_POOL) {
        plan->kind = PLAN_POOL;
        plan->pool = serve->pool;
    } else {
        plan->kind = PLAN_FILES;
        plan->files_fd = serve->files_fd;
    }
}

/* The challenge of an authority is answered whatever the rules say: a redirect to https, or a login, would keep the
   very certificate from coming that it asks for. */
static bool answers_challenge(struct exchange *x)
{
    struct str body = http_challenge_answer(&x->facts, x->arena);
    if (body.at == NULL)
        return false;
    x->plan.kind = PLAN_REPLY;
    x->plan.status = 200;
    x->plan.body = body;
    x->plan.media_type = STR("application/octet-stream"); /* RFC 8555 8.3 */
    x->facts.rule = STR("acme-challenge");
    x->facts.verdict = STR("allow");
    return true;
}

static void reverse_choose(struct exchange *x)
{
    if (answers_challenge(x))
        return;
    struct reverse_decision *decision = arena_new(x->arena, struct reverse_decision);
    reverse_decide(x->block_conf, &x->facts, x->arena, NULL, decision);
    x->mode_state = decision; /* the mode's own: its rules run again on the answer */
    x->verdict = decision->verdict;
    use_settings(&x->plan, decision->settings);
    plan_logs(&x->plan, decision->verdict.acted, x->arena);
    if (decision->fault != FAULT_NONE)
        plan_fault(x, decision->fault);
    else if (decision->serve.kind != SERVE_NOTHING)
        plan_served(&x->plan, &decision->serve);
    else if (decision->verdict.rule != NULL)
        plan_reply(&x->plan, decision->verdict.rule, &x->facts, x->arena);
    else
        plan_fault(x, FAULT_ADDRESS_DENIED);
}

static void reverse_edit_request(struct exchange *x, struct head *out)
{
    const struct reverse_decision *decision = x->mode_state;
    reverse_tell_client(&out->fields, decision->settings->forwarded, &x->facts, x->arena);
    if (x->seen != NULL && x->seen->certificate.at != NULL)
        fields_add(&out->fields, STR("Client-Cert"), x->seen->certificate);
    apply_field_rules(decision->verdict.acted, RULE_REQUEST, &x->facts, x->arena, out);
}

/* The rules on the answer; false when one denies it. A page of ours is none of their business. */
static bool answer_passes(struct exchange *x, struct reverse_decision *decision)
{
    if (x->plan.kind != PLAN_POOL && x->plan.kind != PLAN_FILES)
        return true;
    if (reverse_decide_response(decision, &x->facts, x->arena))
        return true;
    x->verdict = decision->verdict;
    plan_reply(&x->plan, decision->verdict.rule, &x->facts, x->arena);
    return false;
}

/* The block whose answer it is; of a head that names no host, or cannot be read, the one that greeted the client. */
static const struct reverse_conf *block_of_answer(const struct exchange *x)
{
    if (x->block_conf != NULL || x->seen == NULL || x->facts.host.at != NULL)
        return x->block_conf;
    return reverse_hosts_find(x->block, x->seen->name);
}

static const struct str security = {"Strict-Transport-Security", 25};

/* RFC 6797; below 0: none. Not over plain connections (7.2). */
static msec security_of(const struct exchange *x)
{
    const struct reverse_conf *block = x->seen != NULL ? block_of_answer(x) : NULL;
    return block != NULL && block->tls != NULL ? block->tls->hsts : -1;
}

static void demand_security(const struct exchange *x, struct fields *response)
{
    msec demanded = security_of(x);
    if (demanded < 0)
        return;
    long long seconds = (demanded + MSEC_SECOND - 1) / MSEC_SECOND;
    fields_set(response, security, arena_printf(x->arena, "max-age=%lld", seconds));
}

static bool reverse_edit_response(struct exchange *x, struct head *out, bool is_ours)
{
    struct reverse_decision *decision = x->mode_state;
    bool is_served = !is_ours || x->plan.kind == PLAN_FILES;
    facts_of_answer(&x->facts, out, x->arena);
    if (decision != NULL && is_served && !answer_passes(x, decision))
        return false;
    if (x->plan.conceal && !is_ours)
        reverse_conceal(&out->fields, x->plan.pool, hub_pseudonym(), &x->facts, x->arena);
    if (x->facts.request_id.at != NULL) {
        fields_remove_known(&out->fields, FIELD_X_REQUEST_ID);
        fields_add_known(&out->fields, FIELD_X_REQUEST_ID, x->facts.request_id);
    }
    demand_security(x, &out->fields);
    if (decision != NULL)
        apply_field_rules(decision->verdict.acted, RULE_RESPONSE, &x->facts, x->arena, out);
    return true;
}

static bool reverse_passes_trailer(const struct exchange *x, enum rule_side side, struct str name)
{
    const struct reverse_decision *decision = x->mode_state;
    if (side == RULE_REQUEST ? reverse_drops_from_client(name) : x->plan.conceal && reverse_conceals(name))
        return false;
    if (side == RULE_RESPONSE && str_eq_nocase(name, security) && security_of(x) >= 0)
        return false;
    return !field_rules_have(decision->verdict.acted, side, name);
}

const struct mode reverse_mode = {
    .name = "reverse",
    .identify = reverse_identify,
    .choose = reverse_choose,
    .edit_request = reverse_edit_request,
    .edit_response = reverse_edit_response,
    .passes_trailer = reverse_passes_trailer,
};
