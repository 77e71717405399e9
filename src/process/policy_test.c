#include "process/policy_test.h"

#include "base/escape.h"
#include "modes/forward/decide.h"
#include "modes/forward/tunnel_check.h"
#include "modes/reverse/decide.h"
#include "process/imagine.h"
#include "process/way_in.h"

static const char *const outcome_words[] = {
    [EXPECT_ALLOW] = "allow", [EXPECT_DENY] = "deny", [EXPECT_REDIRECT] = "redirect", [EXPECT_RESPOND] = "respond"};

/* What came of a test's request, in the words of `expect`. */
struct outcome {
    enum test_expect what;
    struct str rule;
    struct str place; /* of the rule, FILE:LINE; none when no rule decided */
    unsigned status;  /* 0: the server's */
    struct str pool;
};

static void take_rule(struct outcome *outcome, const struct rule *rule)
{
    if (rule == NULL)
        return;
    outcome->rule = rule->name;
    outcome->place = rule->place_text;
    outcome->status = rule->status;
}

static enum test_expect expect_of(enum action action)
{
    switch (action) {
    case ACTION_REDIRECT:
        return EXPECT_REDIRECT;
    case ACTION_RESPOND:
        return EXPECT_RESPOND;
    case ACTION_NONE:
    case ACTION_ALLOW:
        return EXPECT_ALLOW;
    case ACTION_DENY:
    case ACTION_NEED_ADDRESS:
    case ACTION_ERROR:
    default:
        return EXPECT_DENY;
    }
}

static void try_reverse(const struct reverse_conf *block, struct facts *facts, struct arena *arena, struct outcome *ret)
{
    struct reverse_decision decision;
    reverse_decide(block, facts, arena, NULL, &decision);
    *ret = (struct outcome){.what = expect_of(decision.verdict.action), .rule = decision.name};
    take_rule(ret, decision.verdict.rule);
    if (decision.fault != FAULT_NONE) {
        *ret = (struct outcome){.what = EXPECT_DENY, .rule = decision.name};
        ret->status = fault_info(decision.fault)->status;
    } else if (decision.serve.kind == SERVE_POOL) {
        ret->pool = decision.serve.pool->name.text;
    }
}

/* An open tunnel that its client's hello ends: the client has had its 200 by then. */
static bool is_ended_inside(const struct forward_conf *block, struct facts *facts, struct arena *arena,
                            struct forward_decision *decision)
{
    struct client_hello hello = tunnel_check_imagine(facts->host, facts->host_ip.version != 0);
    return decision->outcome == FORWARD_ALLOW && tunnel_check_applies(facts) &&
           !tunnel_check(block, facts, &hello, arena, decision);
}

static void try_forward(const struct forward_conf *block, struct facts *facts, struct arena *arena, struct outcome *ret)
{
    struct forward_decision decision;
    if (facts->destination.version == 0)
        facts->destination = forward_public_address();
    forward_decide(block, facts, arena, NULL, &decision);
    if (is_ended_inside(block, facts, arena, &decision)) {
        *ret = (struct outcome){.what = EXPECT_DENY};
        take_rule(ret, decision.verdict.rule);
        ret->rule = decision.name;
        ret->status = 200;
        return;
    }
    bool is_allowed = decision.outcome == FORWARD_ALLOW || decision.outcome == FORWARD_LATER;
    *ret = (struct outcome){.what = is_allowed ? EXPECT_ALLOW : EXPECT_DENY, .rule = decision.name};
    if (decision.outcome == FORWARD_REPLY)
        ret->what = expect_of(decision.verdict.action);
    if (decision.outcome != FORWARD_FAULT)
        take_rule(ret, decision.verdict.rule);
    ret->rule = decision.name;
    ret->status = forward_status(&decision, facts);
}

static bool is_met(const struct test_conf *test, const struct outcome *outcome)
{
    return test->expect == outcome->what &&
           (test->expect_rule.at == NULL || str_eq(test->expect_rule, outcome->rule)) &&
           (test->expect_status == 0 || test->expect_status == outcome->status) &&
           (test->expect_pool.at == NULL || str_eq(test->expect_pool, outcome->pool));
}

static void say_expected(const struct test_conf *test, struct text *into)
{
    text_printf(into, "expected %s", outcome_words[test->expect]);
    if (test->expect_rule.at != NULL)
        text_printf(into, " as %.*s", STR_ARGS(test->expect_rule));
    if (test->expect_status != 0)
        text_printf(into, " status %u", test->expect_status);
    if (test->expect_pool.at != NULL)
        text_printf(into, " pool %.*s", STR_ARGS(test->expect_pool));
}

/* With what it was compared with; the rule always. */
static void say_got(const struct test_conf *test, const struct outcome *outcome, struct text *into)
{
    text_printf(into, ", got %s as %.*s", outcome_words[outcome->what], STR_ARGS(outcome->rule));
    if (test->expect_status != 0 && outcome->status != 0)
        text_printf(into, " status %u", outcome->status);
    if (outcome->pool.at != NULL && test->expect_pool.at != NULL)
        text_printf(into, " pool %.*s", STR_ARGS(outcome->pool));
    if (outcome->place.at != NULL && !str_eq(outcome->place, outcome->rule))
        text_printf(into, " (%.*s)", STR_ARGS(outcome->place));
}

static void say_failure(const struct test_conf *test, const struct outcome *outcome, struct diag *diag)
{
    struct text message;
    text_init(&message);
    say_expected(test, &message);
    say_got(test, outcome, &message);
    diag_add(diag, DIAG_ERROR, &test->place, NULL, "%s", message.at);
    text_fini(&message);
}

/* What a client could never show, or has to and does not: the server would ask no rule. NULL: nothing. */
static const char *wrong_certificate(const struct test_conf *test, const struct facts *facts, const char **ret_hint)
{
    const struct tls_server_conf *tls = test->reverse != NULL ? test->reverse->tls : test->forward->tls;
    enum client_certificate asked = tls != NULL ? tls->client_certificate : CLIENT_CERTIFICATE_NONE;
    bool is_shown = test->client_certificate.at != NULL;
    bool is_in_clear = test->reverse != NULL && str_eq(facts->scheme, STR("http"));
    *ret_hint = NULL;
    if (is_shown && asked == CLIENT_CERTIFICATE_NONE)
        return "the test shows a certificate of the client, and this block asks for none";
    *ret_hint = "write https://…";
    if (is_in_clear && (is_shown || asked == CLIENT_CERTIFICATE_REQUIRED))
        return "the block requires a certificate, or the test shows one: that goes by TLS only";
    *ret_hint = "add: client-certificate SUBJECT";
    if (!is_shown && asked == CLIENT_CERTIFICATE_REQUIRED)
        return "the block requires a certificate of the client: without one the TLS handshake ends";
    return NULL;
}

/* What keeps the request from ever coming to the block as the test has it; NULL, or told at *ret_place. */
static const char *impossible(const struct test_conf *test, enum way_in way, const struct facts *facts,
                              struct arena *arena, const struct place **ret_place, const char **ret_hint)
{
    *ret_place = &test->url_place;
    *ret_hint = NULL;
    if (test->reverse != NULL && way == WAY_NONE)
        return arena_printf(arena, "a request for '%.*s' does not come to this block", STR_ARGS(facts->host)).at;
    *ret_place = &test->to_place;
    if (test->to.version != 0 && facts->host_ip.version != 0)
        return "the host of the URL is an address already, and no name that had another one";
    *ret_place = &test->place;
    return wrong_certificate(test, facts, ret_hint);
}

/* Only warned of: TLS may be spoken in front of us, and nothing of that is known here. A CONNECT has no scheme. */
static void lint_way(const struct test_conf *test, enum way_in way, const struct facts *facts, struct diag *diag)
{
    bool is_https = str_eq(facts->scheme, STR("https"));
    if (test->reverse == NULL || way > WAY_HOST || facts->method == METHOD_CONNECT)
        return;
    if (way_in_is_spoken(test->reverse, facts))
        diag_add(diag, DIAG_WARNING, &test->url_place, NULL,
                 "by %.*s, a request for '%.*s' does not come to this block", STR_ARGS(facts->scheme),
                 STR_ARGS(facts->host));
    else
        diag_add(diag, DIAG_WARNING, &test->url_place, is_https ? "write http://" : "write https://",
                 "none of the block's listeners speaks %.*s", STR_ARGS(facts->scheme));
}

static void run_test(const struct config *config, const struct test_conf *test, struct arena *arena, struct diag *diag)
{
    struct imagine what = {
        .is_forward = test->forward != NULL, .method = test->method, .url = test->url, .at = test->at};
    what.client = test->from;
    what.headers = test->headers;
    what.header_count = test->header_count;
    struct imagined request;
    struct outcome outcome;
    const char *why = imagine_request(&what, arena, &request);
    if (why != NULL) {
        diag_add(diag, DIAG_ERROR, &test->url_place, NULL, "%s", why);
        return;
    }
    request.facts.tls_name = request.facts.host_ip.version != 0 ? STR_NONE : request.facts.host;
    enum way_in way = test->reverse != NULL ? way_in_to(config, test->reverse, &request.facts, arena) : WAY_NONE;
    const struct place *place;
    const char *hint;
    why = impossible(test, way, &request.facts, arena, &place, &hint);
    if (why != NULL) {
        diag_add(diag, DIAG_ERROR, place, hint, "%s", why);
        return;
    }
    lint_way(test, way, &request.facts, diag);
    if (test->to.version != 0)
        request.facts.destination = test->to;
    if (test->client_certificate.at != NULL)
        request.facts.client_certificate = escape_subject_in(arena, test->client_certificate);
    request.facts.has_hello = test->reverse != NULL && test->reverse->is_passthrough;
    if (test->reverse != NULL)
        try_reverse(test->reverse, &request.facts, arena, &outcome);
    else
        try_forward(test->forward, &request.facts, arena, &outcome);
    if (request.clock.was_asked && !request.clock.is_given)
        diag_add(diag, DIAG_ERROR, &test->place, "write: at \"YYYY-MM-DD HH:MM\"",
                 "the test comes to a 'time' condition, and does not say when it is");
    else if (!is_met(test, &outcome))
        say_failure(test, &outcome, diag);
}

void policy_test_run(const struct config *config, struct diag *diag)
{
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < config->test_count; i++) {
        run_test(config, &config->tests[i], &arena, diag);
        arena_reset(&arena);
    }
}
