#include "modes/forward/decide.h"

#include "modes/forward/own_listener.h"
#include "tests/unit/policy.h"

#include <sys/resource.h>

Suite *suite_forward_decide(void);

static const struct port_range web_ports[] = {{80, 80}, {443, 443}, {1025, 65535}};
static const struct port_range tls_port[] = {{443, 443}};

static struct forward_conf block_with(struct rules rules)
{
    return (struct forward_conf){
        .name = {.text = STR("office")},
        .rules = rules,
        .ports = {web_ports, 3},
        .tunnel_ports = {tls_port, 1},
        .deny_private = true,
    };
}

static struct forward_decision decided;
static struct facts facts;

static const char *decide(const struct forward_conf *block, const char *method, const char *host, uint16_t port,
                          const char *path)
{
    facts = request(method, host, port, path);
    forward_decide(block, &facts, &memory, NULL, &decided);
    return arena_cstr(&memory, decided.name);
}

/* The decision of one address of the name that was decided before. */
static const char *decide_ip(const struct forward_conf *block, const char *address, enum forward_outcome want)
{
    struct forward_decision one;
    struct facts told = facts;
    struct ip ip = ip_of(address);
    forward_decide_address(block, &decided, &told, &ip, &memory, &one);
    ck_assert(one.is_final);
    ck_assert_int_eq(one.outcome, want);
    ck_assert(str_eq(one.name, told.rule));
    return arena_cstr(&memory, one.name);
}

START_TEST(without_a_rule_that_holds_a_block_denies)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "packages", when("host", "deb.example", NULL))};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, "GET", "evil.example", 80, "/"), "default");
    ck_assert_int_eq(decided.outcome, FORWARD_DENY);
    ck_assert(decided.is_final);
    ck_str(facts.verdict, "deny");
    ck_assert_uint_gt(facts.reason.len, 0);
    ck_assert_str_eq(decide(&block, "GET", "deb.example", 80, "/"), "packages");
    ck_assert_int_eq(decided.outcome, FORWARD_ALLOW);
    ck_assert(!decided.is_final);
    ck_str(facts.verdict, "allow");
}
END_TEST

START_TEST(first_rule_decides_and_tells_its_reason)
{
    struct rule rules[] = {rule_with_text(RULE_DENY, "ads", when("host", ".ads.example", NULL), "$host is an ad."),
                           rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, "GET", "x.ads.example", 80, "/"), "ads");
    ck_str(facts.reason, "x.ads.example is an ad.");
    ck_str(decided.reason, "x.ads.example is an ad.");
    ck_assert_str_eq(decide(&block, "GET", "example", 80, "/"), "all");
}
END_TEST

START_TEST(ports_are_checked_after_the_rules)
{
    struct rule rules[] = {rule_as(RULE_DENY, "mail", when("port", "25", NULL)), rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, "GET", "a.example", 25, "/"), "mail");
    ck_assert_str_eq(decide(&block, "GET", "a.example", 22, "/"), "ports");
    ck_assert_int_eq(decided.outcome, FORWARD_DENY);
    ck_str(facts.rule, "ports");
    ck_assert_str_eq(decide(&block, "GET", "a.example", 8080, "/"), "all");
    ck_assert_str_eq(decide(&block, "CONNECT", "a.example", 443, NULL), "all");
    ck_assert_str_eq(decide(&block, "CONNECT", "a.example", 80, NULL), "tunnel-ports");
    ck_assert_str_eq(decide(&block, "CONNECT", "a.example", 25, NULL), "mail");
}
END_TEST

START_TEST(private_addresses_are_denied_whatever_is_allowed)
{
    static const char *const addresses[] = {
        "127.0.0.1", "10.1.2.3", "192.168.1.1",      "172.16.0.1",      "169.254.169.254", "100.64.0.1", "::1",
        "fe80::1",   "fc00::1",  "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0",         "224.0.0.1"};
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        ck_assert_str_eq(decide(&block, "GET", addresses[i], 80, "/"), "deny-private");
        ck_assert(decided.is_final);
        ck_assert_str_eq(decide(&block, "GET", "rebind.example", 80, "/"), "all");
        ck_assert_str_eq(decide_ip(&block, addresses[i], FORWARD_DENY), "deny-private");
    }
    ck_assert_str_eq(decide(&block, "GET", "93.184.216.34", 80, "/"), "all");
    ck_assert(decided.is_final);
    decide(&block, "GET", "name.example", 80, "/");
    ck_assert_str_eq(decide_ip(&block, "2606:2800:220:1::1", FORWARD_ALLOW), "all");
    ck_assert_str_eq(decide_ip(&block, "192.0.2.1", FORWARD_ALLOW), "all");
}
END_TEST

START_TEST(except_opens_and_off_opens_all_but_the_undialable)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    struct cidr range;
    const char *why;
    ck_assert(cidr_parse(STR("10.0.0.0/8"), &range, &why));
    cidr_set_add(&block.private_except, &memory, &range, 0);
    ck_assert_str_eq(decide(&block, "GET", "10.0.0.5", 80, "/"), "all");
    ck_assert_str_eq(decide(&block, "GET", "64:ff9b::a00:5", 80, "/"), "all");
    ck_assert_str_eq(decide(&block, "GET", "192.168.0.5", 80, "/"), "deny-private");
    block.deny_private = false;
    ck_assert_str_eq(decide(&block, "GET", "127.0.0.1", 80, "/"), "all");
    ck_assert_str_eq(decide(&block, "GET", "0.0.0.0", 80, "/"), "deny-private");
    ck_assert_str_eq(decide(&block, "GET", "255.255.255.255", 80, "/"), "deny-private");
}
END_TEST

START_TEST(rule_on_the_address_waits_for_it)
{
    struct rule rules[] = {rule_as(RULE_DENY, "sites", when("host", "bad.example", NULL)),
                           rule_as(RULE_DENY, "there", when("destination", "198.51.100.0/24", NULL)),
                           rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, "GET", "bad.example", 80, "/"), "sites");
    ck_assert_int_eq(decided.outcome, FORWARD_DENY);
    decide(&block, "GET", "good.example", 80, "/");
    ck_assert_int_eq(decided.outcome, FORWARD_LATER);
    ck_assert_ptr_eq(decided.verdict.asks, &rules[1]);
    ck_assert_str_eq(decide_ip(&block, "198.51.100.7", FORWARD_DENY), "there");
    ck_assert_str_eq(decide_ip(&block, "203.0.113.7", FORWARD_ALLOW), "all");
    ck_assert_str_eq(decide_ip(&block, "127.0.0.1", FORWARD_DENY), "deny-private");
    ck_assert_str_eq(decide(&block, "GET", "198.51.100.7", 80, "/"), "there");
    ck_assert(decided.is_final);
}
END_TEST

START_TEST(allow_by_address_is_no_way_round_the_checks)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "inside", when("destination", "10.0.0.0/8", NULL))};
    struct forward_conf block = block_with(RULES(rules));
    decide(&block, "CONNECT", "intra.example", 443, NULL);
    ck_assert_int_eq(decided.outcome, FORWARD_LATER);
    ck_assert_str_eq(decide_ip(&block, "10.0.0.1", FORWARD_DENY), "deny-private");
    ck_assert_str_eq(decide_ip(&block, "203.0.113.1", FORWARD_DENY), "default");
    block.deny_private = false;
    ck_assert_str_eq(decide_ip(&block, "10.0.0.1", FORWARD_ALLOW), "inside");
    decide(&block, "CONNECT", "intra.example", 22, NULL);
    ck_assert_str_eq(decide_ip(&block, "10.0.0.1", FORWARD_DENY), "tunnel-ports");
}
END_TEST

START_TEST(name_without_an_address_counts_as_public_in_tests)
{
    struct rule rules[] = {rule_as(RULE_DENY, "inner", when("destination", "10.0.0.0/8", "127.0.0.0/8", NULL)),
                           rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    facts = request("GET", "any.example", 80, "/");
    facts.destination = forward_public_address();
    forward_decide(&block, &facts, &memory, NULL, &decided);
    ck_assert_int_eq(decided.outcome, FORWARD_ALLOW);
    ck_assert(decided.is_final);
}
END_TEST

START_TEST(path_of_a_tunnel_is_unknown)
{
    struct rule rules[] = {rule_as(RULE_DENY, "path", when("path", "/x/*", NULL)),
                           rule_as(RULE_DENY, "not-path", join(EXPRESSION_NOT, when("path", "/x/*", NULL), NULL)),
                           rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, "CONNECT", "a.example", 443, NULL), "all");
    ck_assert_str_eq(decide(&block, "GET", "a.example", 80, "/x/1"), "path");
    ck_assert_str_eq(decide(&block, "GET", "a.example", 80, "/y"), "not-path");
}
END_TEST

START_TEST(redirect_and_respond_are_replies)
{
    struct rule rules[] = {
        rule_with_text(RULE_REDIRECT, "moved", when("host", "old.example", NULL), "http://new.example$uri"),
        rule_as(RULE_RESPOND, "stub", when("host", "stub.example", NULL)), rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    ck_assert_str_eq(decide(&block, "GET", "old.example", 22, "/"), "moved");
    ck_assert_int_eq(decided.outcome, FORWARD_REPLY);
    ck_assert_str_eq(decide(&block, "GET", "stub.example", 80, "/"), "stub");
    ck_assert_int_eq(decided.outcome, FORWARD_REPLY);
    ck_str(facts.verdict, "respond");
}
END_TEST

START_TEST(readings_that_differ_are_refused)
{
    struct rule rules[] = {rule_as(RULE_DENY, "blocked", when("path", "/blocked*", NULL)),
                           rule_as(RULE_ALLOW, "all", NULL)};
    struct forward_conf block = block_with(RULES(rules));
    decide(&block, "GET", "a.example", 80, "/x/..%2fblocked/y");
    ck_assert_int_eq(decided.outcome, FORWARD_FAULT);
    ck_assert_int_eq(decided.fault, FAULT_AMBIGUOUS_PATH);
    ck_assert_str_eq(decide(&block, "GET", "a.example", 80, "/x%2fy"), "all");
    ck_str(facts.path, "/x%2fy");
}
END_TEST

/* That of a listener on all interfaces, at port 3128. */
static bool is_own(const char *address, uint16_t port)
{
    static const struct ip any = {.version = 4};
    const struct listen_conf listen = {.addr = addr_of_ip(&any, 3128)};
    const struct gate gate = {.listen = &listen};
    const struct generation generation = {.gates = &gate, .gate_count = 1};
    struct ip ip = ip_of(address);
    return is_own_listener(&generation, &ip, port);
}

START_TEST(a_listener_on_all_interfaces_has_every_address_of_the_machine)
{
    ck_assert(is_own("127.0.0.1", 3128));
    ck_assert(is_own("127.1.2.3", 3128));
    ck_assert(is_own("::ffff:127.0.0.1", 3128));
    ck_assert(!is_own("127.0.0.1", 3129));
    ck_assert(!is_own("192.0.2.1", 3128));
}
END_TEST

START_TEST(when_the_kernel_cannot_be_asked_an_address_counts_as_own)
{
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool is_denied = is_own("192.0.2.1", 3128), is_other_port_denied = is_own("192.0.2.1", 80);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert(is_denied && !is_other_port_denied);
}
END_TEST

Suite *suite_forward_decide(void)
{
    Suite *suite = suite_create("forward_decide");
    TCase *tests = tcase_create("forward_decide");
    tcase_add_checked_fixture(tests, setup_policy, teardown_policy);
    tcase_add_test(tests, without_a_rule_that_holds_a_block_denies);
    tcase_add_test(tests, first_rule_decides_and_tells_its_reason);
    tcase_add_test(tests, ports_are_checked_after_the_rules);
    tcase_add_test(tests, private_addresses_are_denied_whatever_is_allowed);
    tcase_add_test(tests, except_opens_and_off_opens_all_but_the_undialable);
    tcase_add_test(tests, rule_on_the_address_waits_for_it);
    tcase_add_test(tests, allow_by_address_is_no_way_round_the_checks);
    tcase_add_test(tests, name_without_an_address_counts_as_public_in_tests);
    tcase_add_test(tests, path_of_a_tunnel_is_unknown);
    tcase_add_test(tests, redirect_and_respond_are_replies);
    tcase_add_test(tests, readings_that_differ_are_refused);
    tcase_add_test(tests, a_listener_on_all_interfaces_has_every_address_of_the_machine);
    tcase_add_test(tests, when_the_kernel_cannot_be_asked_an_address_counts_as_own);
    suite_add_tcase(suite, tests);
    return suite;
}
