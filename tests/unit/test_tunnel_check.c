#include "modes/forward/tunnel_check.h"

#include "base/must.h"
#include "tests/unit/policy.h"

Suite *suite_tunnel_check(void);

static const struct port_range tls_port[] = {{443, 443}};

static struct forward_conf block_with(struct rules rules)
{
    return (struct forward_conf){
        .name = {.text = STR("office")},
        .rules = rules,
        .tunnel_ports = {tls_port, 1},
        .tunnel_check = {.mismatch = TUNNEL_DENY},
    };
}

/* What comes of an open tunnel to a.test with this hello: the name of what decided. */
static const char *decide(const struct forward_conf *block, struct client_hello hello, bool want)
{
    struct facts facts = request("CONNECT", "a.test", 443, NULL);
    struct forward_decision decision;
    facts.destination = forward_public_address();
    forward_decide(block, &facts, &memory, NULL, &decision);
    ck_assert_int_eq(decision.outcome, FORWARD_ALLOW);
    ck_assert(tunnel_check_applies(&facts));
    bool passes = tunnel_check(block, &facts, &hello, &memory, &decision);
    ck_assert_msg(passes == want, "%.*s", STR_ARGS(decision.name));
    ck_assert(str_eq(facts.rule, decision.name));
    ck_str(facts.verdict, passes ? "allow" : "deny");
    ck_str(facts.host, "a.test");
    return arena_cstr(&memory, decision.name);
}

static struct client_hello naming(const char *name)
{
    return tunnel_check_imagine(str_of(name), false);
}

static const struct client_hello not_tls = {.state = CLIENT_HELLO_NOT_TLS};
static const struct client_hello unreadable = {.state = CLIENT_HELLO_MALFORMED, .wrong = "it is odd"};

START_TEST(by_default_only_another_name_is_refused)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, naming("a.test"), true), "all");
    ck_assert_str_eq(decide(&block, naming(NULL), true), "all");
    ck_assert_str_eq(decide(&block, not_tls, true), "all");
    struct client_hello ech = naming("a.test");
    ech.has_ech = true;
    ck_assert_str_eq(decide(&block, ech, true), "all");
    ck_assert_str_eq(decide(&block, naming("b.test"), false), "tunnel-check");
    ck_assert_str_eq(decide(&block, naming("www.a.test"), false), "tunnel-check");
    ck_assert_str_eq(decide(&block, unreadable, false), "tunnel-check");
}
END_TEST

START_TEST(each_switch_does_what_it_says)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    struct client_hello ech = naming("a.test");
    ech.has_ech = true;
    block.tunnel_check = (struct tunnel_check_conf){.no_name = TUNNEL_DENY, .not_tls = TUNNEL_DENY, .ech = TUNNEL_DENY};
    ck_assert_str_eq(decide(&block, naming(NULL), false), "tunnel-check");
    ck_assert_str_eq(decide(&block, not_tls, false), "tunnel-check");
    ck_assert_str_eq(decide(&block, ech, false), "tunnel-check");
    ck_assert_str_eq(decide(&block, naming("b.test"), true), "all");
    ck_assert_str_eq(decide(&block, unreadable, false), "tunnel-check"); /* no switch is for what cannot be judged */
}
END_TEST

START_TEST(rules_are_asked_about_the_name_in_the_hello)
{
    struct rule rules[] = {rule_as(RULE_DENY, "sni", when("tls-sni", ".sni.test", NULL)),
                           rule_as(RULE_DENY, "named", join(EXPRESSION_NOT, when("tls-sni", ".test", NULL), NULL)),
                           rule_as(RULE_DENY, "host", when("host", "bad.test", NULL)),
                           rule_as(RULE_ALLOW, "few", when("host", "a.test", "b.test", ".sni.test", NULL))};
    struct forward_conf block = block_with(RULES(rules));
    block.tunnel_check.mismatch = TUNNEL_ALLOW;
    ck_assert_str_eq(decide(&block, naming("a.test"), true), "few");
    ck_assert_str_eq(decide(&block, naming("b.test"), true), "few");
    ck_assert_str_eq(decide(&block, naming("bad.test"), false), "host");
    ck_assert_str_eq(decide(&block, naming("x.sni.test"), false), "sni");
    ck_assert_str_eq(decide(&block, naming("c.test"), false), "default");
    ck_assert_str_eq(decide(&block, naming(NULL), false), "named");
    ck_assert_str_eq(decide(&block, not_tls, true), "few"); /* there is no hello to ask about */
}
END_TEST

START_TEST(it_applies_to_tunnels_to_one_port)
{
    struct facts facts = request("CONNECT", "a.test", 8443, NULL);
    ck_assert(!tunnel_check_applies(&facts));
    facts = request("GET", "a.test", 443, "/");
    ck_assert(!tunnel_check_applies(&facts));
    struct client_hello hello = tunnel_check_imagine(STR("192.0.2.1"), true);
    ck_assert(hello.name.at == NULL);
}
END_TEST

Suite *suite_tunnel_check(void)
{
    Suite *suite = suite_create("tunnel_check");
    TCase *tests = tcase_create("tunnel_check");
    tcase_add_checked_fixture(tests, setup_policy, teardown_policy);
    tcase_add_test(tests, by_default_only_another_name_is_refused);
    tcase_add_test(tests, each_switch_does_what_it_says);
    tcase_add_test(tests, rules_are_asked_about_the_name_in_the_hello);
    tcase_add_test(tests, it_applies_to_tunnels_to_one_port);
    suite_add_tcase(suite, tests);
    return suite;
}
