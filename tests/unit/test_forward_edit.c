#include "modes/forward/edit.h"

#include "modes/forward/block_page.h"
#include "modes/forward/forward_conf.h"
#include "modes/forward/own_listener.h"
#include "proxy/exchange.h"
#include "tests/unit/policy.h"

Suite *suite_forward_edit(void);

static struct fields fields;
static struct facts facts;

static void setup(void)
{
    setup_policy();
    fields_init(&fields, &memory);
    facts = request("GET", "site.example", 80, "/");
    facts.client = ip_of("10.1.2.3");
    facts.request_id = STR("0123");
}

START_TEST(concealed_client_leaves_no_trace)
{
    static const char *const names[] = {"X-Forwarded-For",     "X-Forwarded-Host", "Forwarded",       "X-Real-IP",
                                        "Client-IP",           "X-Client-IP",      "True-Client-IP",  "From",
                                        "Proxy-Authorization", "Proxy-Connection", "X_Forwarded_For", "Proxy-Foo"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        fields_add(&fields, str_of(names[i]), STR("10.1.2.3"));
    fields_add(&fields, STR("User-Agent"), STR("curl"));
    forward_tell_client(&fields, true, &facts, &memory);
    ck_assert_uint_eq(fields.count, 1);
    ck_field(&fields, "User-Agent", "curl");
}
END_TEST

START_TEST(conceal_off_adds_the_client_behind_the_others)
{
    fields_add(&fields, STR("X-Forwarded-For"), STR("192.0.2.1"));
    fields_add(&fields, STR("X-Forwarded-For"), STR("192.0.2.2,192.0.2.3"));
    fields_add(&fields, STR("Proxy-Authorization"), STR("Basic eDp5"));
    forward_tell_client(&fields, false, &facts, &memory);
    ck_assert_uint_eq(fields.count, 1);
    ck_field(&fields, "X-Forwarded-For", "192.0.2.1, 192.0.2.2, 192.0.2.3, 10.1.2.3");
}
END_TEST

START_TEST(block_page_names_rule_and_reason_escaped)
{
    facts.rule = STR("ads<1>");
    facts.reason = STR("<script>alert(1)</script> & co");
    struct str page = block_page(&facts, &memory);
    ck_assert_uint_lt(str_find_str(page, STR("ads&lt;1&gt;")), page.len);
    ck_assert_uint_lt(str_find_str(page, STR("&lt;script&gt;alert(1)&lt;/script&gt; &amp; co")), page.len);
    ck_assert_uint_lt(str_find_str(page, STR("site.example")), page.len);
    ck_assert_uint_lt(str_find_str(page, STR("0123")), page.len);
    ck_assert_uint_eq(str_find_str(page, STR("<script")), page.len);
    ck_assert_uint_lt(page.len, 2048);
}
END_TEST

static bool is_own(const char *listen, uint16_t listen_port, const char *address, uint16_t port)
{
    struct ip own = ip_of(listen), ip = ip_of(address);
    struct listen_conf conf = {.addr = addr_of_ip(&own, listen_port)};
    struct gate gate = {.listen = &conf};
    struct generation generation = {.gates = &gate, .gate_count = 1};
    return is_own_listener(&generation, &ip, port);
}

START_TEST(own_listeners_are_known)
{
    ck_assert(is_own("192.0.2.1", 3128, "192.0.2.1", 3128));
    ck_assert(!is_own("192.0.2.1", 3128, "192.0.2.1", 3129));
    ck_assert(!is_own("192.0.2.1", 3128, "192.0.2.2", 3128));
    ck_assert(is_own("192.0.2.1", 3128, "::ffff:192.0.2.1", 3128));
    ck_assert(is_own("0.0.0.0", 3128, "127.0.0.1", 3128));
    ck_assert(is_own("::", 3128, "127.9.9.9", 3128));
    ck_assert(is_own("::", 3128, "::1", 3128));
    ck_assert(!is_own("::", 3128, "127.0.0.1", 80));
    ck_assert(!is_own("0.0.0.0", 3128, "203.0.113.200", 3128));
}
END_TEST

/* The live mode on an exchange that has no connection. */
static struct exchange x;
static struct stream client;
static struct forward_conf block;
static struct generation generation;
static const struct port_range any_port = {1, 65535};

static void begin(struct rules rules, const char *method, enum target_form form, const char *host, bool is_ip)
{
    memset(&x, 0, sizeof x);
    client = (struct stream){.arena = &memory};
    client.head = (struct head){.method = method_of(str_of(method)), .method_text = str_of(method), .minor = 1};
    struct str scheme = form == TARGET_ABSOLUTE ? STR("http") : STR_NONE;
    client.head.target = (struct target){.form = form, .scheme = scheme, .path = STR("/")};
    client.head.authority = (struct authority){.host = str_of(host), .port = 8080};
    if (is_ip)
        ck_assert(ip_parse(str_of(host), &client.head.authority.ip));
    fields_init(&client.head.fields, &memory);
    block = (struct forward_conf){
        .rules = rules, .ports = {&any_port, 1}, .tunnel_ports = {&any_port, 1}, .deny_private = true};
    generation = (struct generation){0};
    x.client = &client;
    x.arena = &memory;
    x.generation = &generation;
    forward_mode.identify(&x, &block);
    forward_mode.choose(&x);
}

START_TEST(live_mode_dials_only_what_is_allowed)
{
    struct rule rules[] = {rule_as(RULE_DENY, "there", when("destination", "198.51.100.0/24", NULL)),
                           rule_as(RULE_ALLOW, "all", NULL)};
    struct ip good = ip_of("203.0.113.1"), there = ip_of("198.51.100.1"), local = ip_of("127.0.0.1");
    begin(RULES(rules), "GET", TARGET_ABSOLUTE, "name.example", false);
    ck_assert_int_eq(x.plan.kind, PLAN_NAME);
    ck_str(x.plan.host, "name.example");
    ck_assert(!forward_mode.may_dial(&x, &local, 8080));
    ck_assert(!forward_mode.may_dial(&x, &there, 8080));
    ck_assert(forward_mode.may_dial(&x, &good, 8080));
    forward_mode.dialled(&x, &good);
    ck_assert_int_eq(x.plan.kind, PLAN_NAME);
    ck_str(x.facts.rule, "all");
    forward_mode.dialled(&x, &there); /* an idle connection that would lead there */
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_str(x.facts.rule, "there");

    begin(RULES(rules), "CONNECT", TARGET_AUTHORITY, "name.example", false);
    ck_assert_int_eq(x.plan.kind, PLAN_TUNNEL);
    ck_assert(!forward_mode.may_dial(&x, &local, 8080));
    forward_mode.dialled(&x, NULL);
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_assert_uint_eq(x.plan.status, 403);
    ck_assert(x.plan.is_denied);
    ck_str(x.facts.rule, "deny-private");
}
END_TEST

START_TEST(address_that_passed_opens_the_way_to_no_other)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    struct ip good = ip_of("203.0.113.1"), local = ip_of("127.0.0.1");
    begin(RULES(rules), "GET", TARGET_ABSOLUTE, "name.example", false);
    ck_assert(forward_mode.may_dial(&x, &good, 8080));
    ck_assert(!forward_mode.may_dial(&x, &local, 8080));
    ck_assert(forward_mode.may_dial(&x, &good, 8080));
    forward_mode.dialled(&x, &good);
    ck_assert_int_eq(x.plan.kind, PLAN_NAME);
    ck_assert(ip_eq(&x.facts.destination, &good) && x.facts.phase == PHASE_DIAL);
    forward_mode.dialled(&x, &local); /* a retry that would lead there */
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_str(x.facts.rule, "deny-private");
}
END_TEST

START_TEST(live_mode_decides_literals_at_once)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    begin(RULES(rules), "GET", TARGET_ABSOLUTE, "127.0.0.1", true);
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_str(x.facts.rule, "deny-private");
    begin(RULES(rules), "GET", TARGET_ABSOLUTE, "203.0.113.1", true);
    ck_assert_int_eq(x.plan.kind, PLAN_NAME);
    ck_assert_uint_eq(x.plan.literal.version, 4);
}
END_TEST

START_TEST(live_mode_answers_what_is_no_proxy_request)
{
    struct rule rules[] = {rule_with_text(RULE_REDIRECT, "moved", NULL, "http://x.example/")};
    begin(RULES(rules), "GET", TARGET_ORIGIN, "site.example", false);
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_assert_uint_eq(x.plan.status, 400);
    begin(RULES(rules), "GET", TARGET_ABSOLUTE, "site.example", false);
    ck_str(x.plan.location, "http://x.example/");
    begin(RULES(rules), "CONNECT", TARGET_AUTHORITY, "site.example", false);
    ck_assert_uint_eq(x.plan.status, 403);
    ck_assert_ptr_null(x.plan.location.at);
}
END_TEST

Suite *suite_forward_edit(void)
{
    Suite *suite = suite_create("forward_edit");
    TCase *tests = tcase_create("forward_edit");
    tcase_add_checked_fixture(tests, setup, teardown_policy);
    tcase_add_test(tests, concealed_client_leaves_no_trace);
    tcase_add_test(tests, conceal_off_adds_the_client_behind_the_others);
    tcase_add_test(tests, block_page_names_rule_and_reason_escaped);
    tcase_add_test(tests, own_listeners_are_known);
    tcase_add_test(tests, live_mode_dials_only_what_is_allowed);
    tcase_add_test(tests, address_that_passed_opens_the_way_to_no_other);
    tcase_add_test(tests, live_mode_decides_literals_at_once);
    tcase_add_test(tests, live_mode_answers_what_is_no_proxy_request);
    suite_add_tcase(suite, tests);
    return suite;
}
