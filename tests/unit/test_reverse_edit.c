#include "modes/reverse/edit.h"

#include "modes/reverse/hosts.h"
#include "proxy/apply.h"
#include "proxy/exchange.h"
#include "proxy/generation.h"
#include "tests/unit/policy.h"

Suite *suite_reverse_edit(void);

static struct fields fields;
static struct facts facts;

static void setup(void)
{
    setup_policy();
    fields_init(&fields, &memory);
    facts = request("GET", "www.example.org", 80, "/");
    facts.client = ip_of("203.0.113.9");
    facts.request_id = STR("0123");
}

static void add(const char *name, const char *value)
{
    fields_add(&fields, str_of(name), str_of(value));
}

START_TEST(clients_own_word_is_dropped_and_ours_written)
{
    static const char *const spoofed[] = {
        "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port", "Forwarded",
        "X-Real-IP",       "X_Forwarded_For",   "X-Request-Id",     "X-Original-URL",   "Proxy",
        "True-Client-IP"};
    for (unsigned i = 0; i < sizeof spoofed / sizeof spoofed[0]; i++)
        add(spoofed[i], "spoofed");
    add("Accept", "*/*");
    reverse_tell_client(&fields, FORWARDED_X, &facts, &memory);
    for (unsigned i = 0; i < fields.count; i++)
        ck_assert(!str_eq(fields.at[i].value, STR("spoofed")));
    ck_field(&fields, "X-Forwarded-For", "203.0.113.9");
    ck_field(&fields, "X-Forwarded-Proto", "http");
    ck_field(&fields, "X-Forwarded-Host", "www.example.org");
    ck_field(&fields, "X-Request-Id", "0123");
    ck_field(&fields, "Accept", "*/*");
    ck_no_field(&fields, "Forwarded");
    ck_assert_uint_eq(fields.count, 5);
}
END_TEST

START_TEST(off_says_nothing_and_lets_nothing_through)
{
    add("X-Forwarded-For", "1.2.3.4");
    add("Forwarded", "for=1.2.3.4");
    reverse_tell_client(&fields, FORWARDED_OFF, &facts, &memory);
    ck_assert_uint_eq(fields.count, 1);
    ck_field(&fields, "X-Request-Id", "0123");
}
END_TEST

START_TEST(forwarded_is_quoted_as_rfc7239_wants)
{
    reverse_tell_client(&fields, FORWARDED_STANDARD, &facts, &memory);
    ck_field(&fields, "Forwarded", "for=203.0.113.9;host=www.example.org;proto=http");
    ck_no_field(&fields, "X-Forwarded-For");

    facts.client = ip_of("2001:db8::1");
    facts.port = 8080;
    reverse_tell_client(&fields, FORWARDED_BOTH, &facts, &memory);
    ck_field(&fields, "Forwarded", "for=\"[2001:db8::1]\";host=\"www.example.org:8080\";proto=http");
    ck_field(&fields, "X-Forwarded-For", "2001:db8::1");
    ck_field(&fields, "X-Forwarded-Host", "www.example.org:8080");

    facts.client = (struct ip){0}; /* a unix socket's peer, HTTP/1.0 without Host */
    facts.host = STR_NONE;
    reverse_tell_client(&fields, FORWARDED_BOTH, &facts, &memory);
    ck_field(&fields, "Forwarded", "for=unknown;proto=http");
    ck_no_field(&fields, "X-Forwarded-For");
    ck_no_field(&fields, "X-Forwarded-Host");
}
END_TEST

static const char *client_for(const char *peer, const char *value)
{
    struct cidr_set trusted = {0};
    struct cidr range;
    const char *why;
    char text[ADDR_TEXT_MAX];
    fields_init(&fields, &memory);
    if (value != NULL)
        add("X-Forwarded-For", value);
    ck_assert(cidr_parse(STR("10.0.0.0/8"), &range, &why));
    cidr_set_add(&trusted, &memory, &range, 0);
    struct ip ip = ip_of(peer);
    struct ip found = reverse_client_address(&ip, &trusted, &fields);
    return arena_cstr(&memory, str_from(text, ip_text(&found, text)));
}

START_TEST(right_most_stranger_is_the_client)
{
    ck_assert_str_eq(client_for("10.0.0.1", "1.1.1.1, 2.2.2.2, 10.9.9.9"), "2.2.2.2");
    ck_assert_str_eq(client_for("10.0.0.1", "2.2.2.2"), "2.2.2.2");
    ck_assert_str_eq(client_for("10.0.0.1", "10.3.3.3, 10.4.4.4"), "10.3.3.3");
    ck_assert_str_eq(client_for("10.0.0.1", NULL), "10.0.0.1");
    ck_assert_str_eq(client_for("203.0.113.5", "1.1.1.1"), "203.0.113.5"); /* the peer is no proxy of ours */
    ck_assert_str_eq(client_for("10.0.0.1", "1.1.1.1, unknown, 10.4.4.4"), "10.4.4.4");
    ck_assert_str_eq(client_for("10.0.0.1", "1.1.1.1, unknown"), "10.0.0.1");
    ck_assert_str_eq(client_for("10.0.0.1", "[2001:db8::7]:4711"), "2001:db8::7");
    ck_assert_str_eq(client_for("10.0.0.1", "2001:db8::7"), "2001:db8::7");
    ck_assert_str_eq(client_for("10.0.0.1", "192.0.2.1:80"), "192.0.2.1");
    ck_assert_str_eq(client_for("10.0.0.1", "[, ]x"), "10.0.0.1");
}
END_TEST

static struct server_conf servers[] = {
    {.host = {"app.internal", 12}, .port = 3000},
    {.host = {NULL, 0}},
};
static struct pool_conf pool = {.servers = servers, .server_count = 2};

static void conceal(void)
{
    struct ip ip = ip_of("10.0.0.7");
    servers[1].addr = addr_of_ip(&ip, 8080);
    reverse_conceal(&fields, &pool, STR("gw-1234"), &facts, &memory);
}

START_TEST(software_is_not_named)
{
    static const char *const names[] = {"Server",
                                        "X-Powered-By",
                                        "x-aspnet-version",
                                        "X-AspNetMvc-Version",
                                        "X-Runtime",
                                        "X-Generator",
                                        "X-Envoy-Upstream-Service-Time",
                                        "X-Varnish"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        add(names[i], "origin/1.2");
    add("Via", "1.1 inner.example (squid/5.2)");
    add("Content-Type", "text/html");
    conceal();
    ck_assert_uint_eq(fields.count, 1);
    ck_field(&fields, "Content-Type", "text/html");
}
END_TEST

START_TEST(via_keeps_our_own_word)
{
    add("Via", "1.0 inner, 1.1 gw-1234");
    add("Via", "1.1 gw-1234");
    conceal();
    ck_assert_uint_eq(fields.count, 2);
    ck_str(fields.at[0].value, "1.1 gw-1234");
    ck_str(fields.at[1].value, "1.1 gw-1234");
}
END_TEST

static const char *location(const char *value)
{
    fields_init(&fields, &memory);
    add("Location", value);
    conceal();
    return arena_cstr(&memory, field_text(&fields, "Location"));
}

START_TEST(servers_address_becomes_the_public_one)
{
    ck_assert_str_eq(location("http://app.internal:3000/x?y#z"), "http://www.example.org/x?y#z");
    ck_assert_str_eq(location("http://APP.internal:3000"), "http://www.example.org");
    ck_assert_str_eq(location("//10.0.0.7:8080/x"), "http://www.example.org/x");
    ck_assert_str_eq(location("HTTPS://10.0.0.7:8080?q"), "http://www.example.org?q");
    ck_assert_str_eq(location("http://app.internal/x"), "http://app.internal/x"); /* another port */
    ck_assert_str_eq(location("http://elsewhere.example/x"), "http://elsewhere.example/x");
    ck_assert_str_eq(location("/x"), "/x");
    facts.server = STR("10.9.9.9:81");
    ck_assert_str_eq(location("http://10.9.9.9:81/x"), "http://www.example.org/x");
    facts.host = STR_NONE;
    ck_assert_str_eq(location("http://10.0.0.7:8080?q"), "/?q");
    ck_assert_str_eq(location("http://10.0.0.7:8080/r"), "/r");
}
END_TEST

START_TEST(other_fields_with_urls_are_looked_at)
{
    add("Content-Location", "http://10.0.0.7:8080/doc");
    add("Refresh", "5; url=http://app.internal:3000/next");
    conceal();
    ck_field(&fields, "Content-Location", "http://www.example.org/doc");
    ck_field(&fields, "Refresh", "5; url=http://www.example.org/next");
}
END_TEST

static struct acted *act(const struct rule *rules, unsigned count)
{
    struct acted *first = NULL, **last = &first;
    for (unsigned i = 0; i < count; i++) {
        *last = arena_new(&memory, struct acted);
        (*last)->rule = &rules[i];
        last = &(*last)->next;
    }
    return first;
}

START_TEST(field_rules_act_in_their_order_and_on_their_side)
{
    struct rule rules[] = {edit_rule(RULE_SET_HEADER, RULE_REQUEST, "X-A", "$host"),
                           edit_rule(RULE_ADD_HEADER, RULE_REQUEST, "X-A", "2"),
                           edit_rule(RULE_REMOVE_HEADER, RULE_REQUEST, "X-B*", ""),
                           edit_rule(RULE_SET_HEADER, RULE_RESPONSE, "X-C", "3"),
                           edit_rule(RULE_SET_HEADER, RULE_REQUEST, "Host", "inner.example:81"),
                           edit_rule(RULE_SET_HEADER, RULE_REQUEST, "Host", "not a host")};
    struct head head = {.authority = {.host = STR("www.example.org")}};
    fields_init(&head.fields, &memory);
    fields_add(&head.fields, STR("x-a"), STR("client's"));
    fields_add(&head.fields, STR("X-Bad"), STR("1"));
    apply_field_rules(act(rules, 6), RULE_REQUEST, &facts, &memory, &head);
    ck_assert_uint_eq(head.fields.count, 2);
    ck_str(head.fields.at[0].value, "www.example.org");
    ck_str(head.fields.at[1].value, "2");
    ck_str(head.authority.host, "inner.example");
    ck_assert_uint_eq(head.authority.port, 81);
}
END_TEST

START_TEST(redirect_can_not_leave_its_field)
{
    struct fields own;
    fields_init(&own, &memory);
    fields_add(&own, STR("X-Evil"), STR("a b\"<>\\\x01\xc3\xa4"));
    facts.request_fields = &own;
    struct rule rule = rule_with_text(RULE_REDIRECT, "r", NULL, "https://$host/${header.x-evil}");
    struct plan plan = {0};
    plan_reply(&plan, &rule, &facts, &memory);
    ck_assert_int_eq(plan.kind, PLAN_REPLY);
    ck_assert_uint_eq(plan.status, 302);
    for (size_t i = 0; i < plan.location.len; i++)
        ck_assert(plan.location.at[i] > 0x20 && plan.location.at[i] < 0x7f);
    ck_assert(str_starts(plan.location, STR("https://www.example.org/a%20b%22%3C%3E%5C")));

    facts.path = STR("//evil.example/");
    rule = rule_with_text(RULE_REDIRECT, "r", NULL, "$path");
    plan_reply(&plan, &rule, &facts, &memory);
    ck_str(plan.location, "/.//evil.example/");
}
END_TEST

START_TEST(body_of_a_respond_is_escaped_where_it_is_html)
{
    facts.user = STR("<b>");
    struct rule rule = rule_with_text(RULE_RESPOND, "r", NULL, "$user");
    struct plan plan = {0};
    plan_reply(&plan, &rule, &facts, &memory);
    ck_str(plan.body, "<b>");
    ck_str(plan.media_type, "text/plain; charset=utf-8");
    rule.media_type = STR("text/html");
    plan_reply(&plan, &rule, &facts, &memory);
    ck_str(plan.body, "&lt;b&gt;");
}
END_TEST

START_TEST(log_rules_name_logs_and_off_takes_them_back)
{
    struct log_conf *one = (void *)"one", *two = (void *)"two";
    struct rule rules[] = {rule_as(RULE_LOG, "l", NULL), rule_as(RULE_LOG, "l", NULL), rule_as(RULE_LOG, "l", NULL)};
    struct plan plan = {0};
    plan_logs(&plan, NULL, &memory);
    ck_assert(!plan.log_decided);
    rules[0].log = one, rules[1].log = two, rules[2].log = one;
    plan_logs(&plan, act(rules, 3), &memory);
    ck_assert(plan.log_decided);
    ck_assert_uint_eq(plan.log_count, 2);
    rules[1].log = NULL;
    plan_logs(&plan, act(rules, 3), &memory);
    ck_assert_uint_eq(plan.log_count, 1);
    ck_assert_ptr_eq(plan.logs[0], one);
    plan_logs(&plan, act(rules, 2), &memory);
    ck_assert_uint_eq(plan.log_count, 0);
    ck_assert(plan.log_decided);
}
END_TEST

/* The live mode on an exchange that has no connection. */
static struct exchange x;
static struct stream client;
static struct gate gate;
static struct listen_conf listen_line;

static void begin(const struct reverse_hosts *hosts, const char *method, const char *host)
{
    memset(&x, 0, sizeof x);
    client = (struct stream){.arena = &memory};
    client.head = (struct head){.method = method_of(str_of(method)), .method_text = str_of(method)};
    client.head.target = (struct target){.form = TARGET_ORIGIN, .path = STR("/")};
    client.head.authority.host = host == NULL ? STR_NONE : str_of(host);
    fields_init(&client.head.fields, &memory);
    listen_line = (struct listen_conf){0};
    gate = (struct gate){.listen = &listen_line};
    x.gate = &gate;
    x.client = &client;
    x.arena = &memory;
    x.facts.request_id = STR("0123");
    reverse_mode.identify(&x, hosts);
}

static const struct reverse_hosts *hosts_of(const struct reverse_conf *block)
{
    return reverse_hosts_build(&memory, &block, 1);
}

START_TEST(live_mode_finds_the_block_or_says_why_not)
{
    struct host_pattern pattern = {.kind = HOST_EXACT, .name = STR("www.example.org")};
    struct reverse_conf named = {.hosts = &pattern, .host_count = 1}, rest = {.name = {.text = STR("rest")}};
    begin(hosts_of(&named), "GET", "other.example.org");
    ck_assert_int_eq(x.plan.fault, FAULT_MISDIRECTED);
    begin(hosts_of(&named), "GET", NULL);
    ck_assert_int_eq(x.plan.fault, FAULT_BAD_HOST);
    begin(hosts_of(&named), "CONNECT", "www.example.org");
    ck_assert_int_eq(x.plan.fault, FAULT_METHOD_REFUSED);
    begin(hosts_of(&rest), "GET", NULL);
    ck_assert_int_eq(x.plan.fault, FAULT_NONE);
    ck_str(x.facts.block, "rest");
    ck_assert_ptr_eq(x.plan.limits, &rest.settings.limits);
}
END_TEST

START_TEST(live_mode_plans_and_edits)
{
    struct rule rules[] = {rule_with_text(RULE_REDIRECT, "head", when("method", "HEAD", NULL), "https://$host$uri"),
                           rule_as(RULE_DENY, "no-exe", when("response-type", "application/x-msdownload", NULL)),
                           edit_rule(RULE_SET_HEADER, RULE_RESPONSE, "X-Frame-Options", "DENY")};
    struct reverse_conf block = {.rules = RULES(rules)};
    block.settings.serve = (struct serve){.kind = SERVE_POOL, .pool = &pool, .files_fd = -1};
    block.settings.conceal = true;
    begin(hosts_of(&block), "HEAD", "www.example.org");
    reverse_mode.choose(&x);
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_str(x.plan.location, "https://www.example.org/");

    begin(hosts_of(&block), "GET", "www.example.org");
    reverse_mode.choose(&x);
    ck_assert_int_eq(x.plan.kind, PLAN_POOL);
    ck_assert_ptr_eq(x.plan.pool, &pool);
    struct head out = {.status = 200, .declared = BODY_UNKNOWN};
    fields_init(&out.fields, &memory);
    fields_add(&out.fields, STR("Server"), STR("origin"));
    fields_add(&out.fields, STR("X-Frame-Options"), STR("ALLOW"));
    ck_assert(reverse_mode.edit_response(&x, &out, false));
    ck_no_field(&out.fields, "Server");
    ck_field(&out.fields, "X-Frame-Options", "DENY");
    ck_field(&out.fields, "X-Request-Id", "0123");
    fields_add(&out.fields, STR("Content-Type"), STR("application/x-msdownload"));
    ck_assert(!reverse_mode.edit_response(&x, &out, false));
    ck_assert_int_eq(x.plan.kind, PLAN_REPLY);
    ck_assert_uint_eq(x.plan.status, 403);
    ck_str(x.facts.rule, "no-exe");
}
END_TEST

Suite *suite_reverse_edit(void)
{
    Suite *suite = suite_create("reverse_edit");
    TCase *tests = tcase_create("reverse_edit");
    tcase_add_checked_fixture(tests, setup, teardown_policy);
    tcase_add_test(tests, clients_own_word_is_dropped_and_ours_written);
    tcase_add_test(tests, off_says_nothing_and_lets_nothing_through);
    tcase_add_test(tests, forwarded_is_quoted_as_rfc7239_wants);
    tcase_add_test(tests, right_most_stranger_is_the_client);
    tcase_add_test(tests, software_is_not_named);
    tcase_add_test(tests, via_keeps_our_own_word);
    tcase_add_test(tests, servers_address_becomes_the_public_one);
    tcase_add_test(tests, other_fields_with_urls_are_looked_at);
    tcase_add_test(tests, field_rules_act_in_their_order_and_on_their_side);
    tcase_add_test(tests, redirect_can_not_leave_its_field);
    tcase_add_test(tests, body_of_a_respond_is_escaped_where_it_is_html);
    tcase_add_test(tests, log_rules_name_logs_and_off_takes_them_back);
    tcase_add_test(tests, live_mode_finds_the_block_or_says_why_not);
    tcase_add_test(tests, live_mode_plans_and_edits);
    suite_add_tcase(suite, tests);
    return suite;
}
