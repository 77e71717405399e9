#include "modes/reverse/decide.h"

#include "base/regex.h"
#include "tests/unit/policy.h"

Suite *suite_reverse_decide(void);

static struct pool_conf main_pool = {.name = {.text = {"main", 4}}};
static struct pool_conf api_pool = {.name = {.text = {"api", 3}}};

static struct reverse_conf block_with(struct rules rules, struct route_conf *routes, size_t count)
{
    struct reverse_conf block = {.name = {.text = STR("site")}, .rules = rules, .routes = routes, .route_count = count};
    block.settings.serve = (struct serve){.kind = SERVE_POOL, .pool = &main_pool, .files_fd = -1};
    return block;
}

static struct route_conf route_to(const char *glob, struct pool_conf *pool)
{
    struct route_conf route = {.glob = {.text = str_of(glob)}};
    route.settings.serve = (struct serve){
        .kind = pool == NULL ? SERVE_NOTHING : SERVE_POOL, .pool = pool, .files_fd = -1};
    return route;
}

static struct rule rewrite_rule(const char *pattern, const char *replacement)
{
    char why[REGEX_WHY_MAX];
    size_t at;
    struct rule rule = rule_as(RULE_REWRITE, "rewrite", NULL);
    rule.pattern = regex_new(str_of(pattern), why, &at);
    rule.replacement = str_of(replacement);
    ck_assert_ptr_nonnull(rule.pattern);
    return rule;
}

static struct reverse_decision decided;
static struct facts facts;

static const char *decide(const struct reverse_conf *block, const char *method, const char *path)
{
    facts = request(method, "www.example.org", 80, path);
    reverse_decide(block, &facts, &memory, NULL, &decided);
    ck_assert(str_eq(decided.name, facts.rule));
    return arena_cstr(&memory, decided.name);
}

START_TEST(without_a_rule_that_holds_a_block_allows)
{
    struct reverse_conf block = block_with((struct rules){0}, NULL, 0);
    ck_assert_str_eq(decide(&block, "GET", "/"), "default");
    ck_assert_int_eq(decided.fault, FAULT_NONE);
    ck_assert_ptr_eq(decided.serve.pool, &main_pool);
    ck_str(facts.verdict, "allow");
    ck_str(facts.pool, "main");
    ck_str(facts.block, "site");
}
END_TEST

START_TEST(first_rule_that_holds_decides)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "one", when("path", "/admin/help", NULL)),
                           rule_as(RULE_DENY, "two", when("path", "/admin/*", NULL)),
                           rule_as(RULE_ALLOW, "three", NULL), rule_as(RULE_DENY, "four", NULL)};
    struct reverse_conf block = block_with(RULES(rules), NULL, 0);
    ck_assert_str_eq(decide(&block, "GET", "/admin/help"), "one");
    ck_assert_int_eq(decided.serve.kind, SERVE_POOL);
    ck_assert_str_eq(decide(&block, "GET", "/admin"), "two");
    ck_assert_int_eq(decided.verdict.action, ACTION_DENY);
    ck_assert_int_eq(decided.serve.kind, SERVE_NOTHING);
    ck_str(facts.verdict, "deny");
    ck_assert_str_eq(decide(&block, "GET", "/"), "three");
}
END_TEST

START_TEST(after_an_allow_the_routes_rules_still_run)
{
    struct rule rules[] = {rule_as(RULE_ALLOW, "all", NULL)};
    struct rule inner[] = {rule_as(RULE_DENY, "no-delete", when("method", "DELETE", NULL))};
    struct route_conf route = route_to("/api/*", &api_pool);
    route.rules = RULES(inner);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    ck_assert_str_eq(decide(&block, "DELETE", "/api/x"), "no-delete");
    ck_assert_str_eq(decide(&block, "GET", "/api/x"), "all");
    ck_assert_ptr_eq(decided.serve.pool, &api_pool);
    ck_str(facts.route, "/api/*");
    ck_assert_str_eq(decide(&block, "DELETE", "/x"), "all");
    ck_assert_ptr_eq(decided.serve.pool, &main_pool);
    ck_assert_ptr_null(decided.route);
}
END_TEST

START_TEST(block_that_denies_asks_no_route)
{
    struct rule rules[] = {rule_as(RULE_DENY, "closed", NULL)};
    struct rule inner[] = {rule_as(RULE_ALLOW, "open", NULL)};
    struct route_conf route = route_to("*", &api_pool);
    route.rules = RULES(inner);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    ck_assert_str_eq(decide(&block, "GET", "/"), "closed");
}
END_TEST

START_TEST(first_route_that_matches_is_taken)
{
    struct route_conf routes[] = {route_to("/a/*", &api_pool), route_to("/a/b", &main_pool),
                                  route_to("/p*", &api_pool)};
    routes[2].when = when("method", "POST", NULL);
    struct reverse_conf block = block_with((struct rules){0}, routes, 3);
    decide(&block, "GET", "/a/b");
    ck_assert_ptr_eq(decided.route, &routes[0]);
    decide(&block, "GET", "/a");
    ck_assert_ptr_eq(decided.route, &routes[0]);
    decide(&block, "GET", "/ab");
    ck_assert_ptr_null(decided.route);
    decide(&block, "GET", "/put");
    ck_assert_ptr_null(decided.route);
    decide(&block, "POST", "/put");
    ck_assert_ptr_eq(decided.route, &routes[2]);
}
END_TEST

START_TEST(nothing_to_serve_is_no_route)
{
    struct route_conf route = route_to("/a/*", &api_pool);
    struct reverse_conf block = block_with((struct rules){0}, &route, 1);
    block.settings.serve = (struct serve){.files_fd = -1};
    ck_assert_str_eq(decide(&block, "GET", "/b"), "no-route");
    ck_assert_int_eq(decided.fault, FAULT_NO_ROUTE);
    ck_assert_str_eq(decide(&block, "GET", "/a/"), "default");
    ck_assert_int_eq(decided.fault, FAULT_NONE);
}
END_TEST

START_TEST(rewrite_acts_where_it_stands)
{
    struct rule rules[] = {rule_as(RULE_DENY, "before", when("path", "/new/*", NULL)),
                           rewrite_rule("^/old/(.*)$", "/new/$1"),
                           rule_as(RULE_RESPOND, "after", when("path", "/new/x", NULL))};
    struct route_conf route = route_to("/new/*", &api_pool);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    ck_assert_str_eq(decide(&block, "GET", "/new/x"), "before");
    ck_assert_str_eq(decide(&block, "GET", "/old/x"), "after");
    ck_assert_str_eq(decide(&block, "GET", "/old/y"), "default");
    ck_assert_ptr_eq(decided.route, &route);
    ck_str(facts.path, "/new/y");
    regex_free(rules[1].pattern);
}
END_TEST

START_TEST(connect_is_refused)
{
    struct reverse_conf block = block_with((struct rules){0}, NULL, 0);
    decide(&block, "CONNECT", NULL);
    ck_assert_int_eq(decided.fault, FAULT_METHOD_REFUSED);
}
END_TEST

START_TEST(readings_that_differ_are_refused)
{
    struct rule rules[] = {rule_as(RULE_DENY, "admin", when("path", "/admin/*", NULL))};
    struct route_conf route = route_to("/api/*", &api_pool);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    ck_assert_str_eq(decide(&block, "GET", "/x/..%2fadmin/y"), "ambiguous-path");
    ck_assert_int_eq(decided.fault, FAULT_AMBIGUOUS_PATH);
    ck_assert_int_eq(decided.serve.kind, SERVE_NOTHING);
    decide(&block, "GET", "/admin%2fx");
    ck_assert_int_eq(decided.fault, FAULT_AMBIGUOUS_PATH);
    decide(&block, "GET", "/api%2Fx");
    ck_assert_int_eq(decided.fault, FAULT_AMBIGUOUS_PATH);
    decide(&block, "GET", "//admin/y");
    ck_assert_int_eq(decided.fault, FAULT_AMBIGUOUS_PATH);
}
END_TEST

START_TEST(readings_that_agree_keep_the_first)
{
    struct rule rules[] = {rewrite_rule("^/strip(/.*)$", "$1"),
                           rule_as(RULE_DENY, "admin", when("path", "/admin/*", NULL))};
    struct route_conf route = route_to("/api/*", &api_pool);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    ck_assert_str_eq(decide(&block, "GET", "/api/group%2fproject"), "default");
    ck_assert_int_eq(decided.fault, FAULT_NONE);
    ck_str(facts.path, "/api/group%2fproject");
    ck_assert_str_eq(decide(&block, "GET", "/strip/api/a%2Fb"), "default");
    ck_str(facts.path, "/api/a%2Fb");
    ck_assert_str_eq(decide(&block, "GET", "/admin/a%2fb"), "admin");
    regex_free(rules[0].pattern);
}
END_TEST

START_TEST(readings_must_agree_on_edits_too)
{
    struct rule rules[] = {edit_rule(RULE_SET_HEADER, RULE_REQUEST, "X-Zone", "inner")};
    rules[0].when = when("path", "/inner/*", NULL);
    struct reverse_conf block = block_with(RULES(rules), NULL, 0);
    decide(&block, "GET", "/inner%2fx");
    ck_assert_int_eq(decided.fault, FAULT_AMBIGUOUS_PATH);
}
END_TEST

START_TEST(rules_on_the_answer_wait_for_it)
{
    struct rule rules[] = {rule_as(RULE_DENY, "no-exe", when("response-type", "application/x-msdownload", NULL)),
                           rule_as(RULE_ALLOW, "all", NULL),
                           rule_as(RULE_DENY, "never-reached", when("response-type", "text/html", NULL))};
    struct rule inner[] = {edit_rule(RULE_SET_HEADER, RULE_RESPONSE, "X-Text", "yes")};
    inner[0].when = when("response-type", "text/*", NULL);
    struct route_conf route = route_to("*", &api_pool);
    route.rules = RULES(inner);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    ck_assert_str_eq(decide(&block, "GET", "/"), "all");
    ck_assert(decided.verdict.waits_for_response);
    struct fields fields;
    fields_init(&fields, &memory);
    fields_add_known(&fields, FIELD_CONTENT_TYPE, STR("text/html"));
    facts.phase = PHASE_RESPONSE;
    facts.response_fields = &fields;
    ck_assert(reverse_decide_response(&decided, &facts, &memory));
    ck_assert_ptr_nonnull(decided.verdict.acted);
    ck_assert_ptr_eq(decided.verdict.acted->rule, &inner[0]);

    decide(&block, "GET", "/");
    fields_set(&fields, STR("Content-Type"), STR("application/x-msdownload"));
    facts.phase = PHASE_RESPONSE;
    facts.response_fields = &fields;
    ck_assert(!reverse_decide_response(&decided, &facts, &memory));
    ck_str(facts.rule, "no-exe");
    ck_str(facts.verdict, "deny");
}
END_TEST

static unsigned asked_count;

static void count_asked(struct rule_trace *trace, const struct rule *rule, enum truth truth, const struct match *match)
{
    (void)trace, (void)rule, (void)truth, (void)match;
    asked_count++;
}

START_TEST(trace_is_told_of_the_first_reading_only)
{
    struct rule rules[] = {rule_as(RULE_DENY, "a", when("path", "/a", NULL)), rule_as(RULE_ALLOW, "all", NULL)};
    struct rule inner[] = {rule_as(RULE_DENY, "b", when("method", "PUT", NULL))};
    struct route_conf route = route_to("*", &api_pool);
    route.rules = RULES(inner);
    struct reverse_conf block = block_with(RULES(rules), &route, 1);
    struct rule_trace trace = {count_asked};
    asked_count = 0;
    facts = request("GET", "h", 80, "/x%2fy");
    reverse_decide(&block, &facts, &memory, &trace, &decided);
    ck_assert_uint_eq(asked_count, 3);
}
END_TEST

Suite *suite_reverse_decide(void)
{
    Suite *suite = suite_create("reverse_decide");
    TCase *tests = tcase_create("reverse_decide");
    tcase_add_checked_fixture(tests, setup_policy, teardown_policy);
    tcase_add_test(tests, without_a_rule_that_holds_a_block_allows);
    tcase_add_test(tests, first_rule_that_holds_decides);
    tcase_add_test(tests, after_an_allow_the_routes_rules_still_run);
    tcase_add_test(tests, block_that_denies_asks_no_route);
    tcase_add_test(tests, first_route_that_matches_is_taken);
    tcase_add_test(tests, nothing_to_serve_is_no_route);
    tcase_add_test(tests, rewrite_acts_where_it_stands);
    tcase_add_test(tests, connect_is_refused);
    tcase_add_test(tests, readings_that_differ_are_refused);
    tcase_add_test(tests, readings_that_agree_keep_the_first);
    tcase_add_test(tests, readings_must_agree_on_edits_too);
    tcase_add_test(tests, rules_on_the_answer_wait_for_it);
    tcase_add_test(tests, trace_is_told_of_the_first_reading_only);
    suite_add_tcase(suite, tests);
    return suite;
}
