#include "tests/unit/acl_kit.h"

Suite *suite_verdict(void);

enum { RULES_MAX = 8 };

static struct rule rows[RULES_MAX];
static struct rules rules;

static void begin(void)
{
    memset(rows, 0, sizeof rows);
    rules = (struct rules){rows, 0};
}

static struct rule *rule(enum rule_kind kind, const char *name, const struct expression *when)
{
    struct rule *row = &rows[rules.count++];
    row->kind = kind;
    row->name = str_of(name);
    row->when = when;
    row->status = kind == RULE_DENY ? 403 : 200;
    return row;
}

static struct rule *rewrite(const char *name, const char *pattern, const char *replacement,
                            const struct expression *when)
{
    char why[REGEX_WHY_MAX];
    size_t at;
    struct rule *row = rule(RULE_REWRITE, name, when);
    row->pattern = regex_new(str_of(pattern), why, &at);
    ck_assert_ptr_nonnull(row->pattern);
    row->replacement = str_of(replacement);
    ck_assert_ptr_null(rule_replacement_wrong(row->replacement, row->pattern, &at));
    return row;
}

static void end(void)
{
    for (size_t i = 0; i < rules.count; i++) {
        regex_free(rows[i].pattern);
        expression_fini(rows[i].when);
    }
}

static enum action run(struct facts *facts, struct verdict *ret)
{
    verdict_init(ret);
    rules_run(&rules, facts, &kit.arena, ret, NULL);
    return ret->action;
}

static const char *decided(const struct verdict *verdict)
{
    return verdict->rule != NULL ? arena_cstr(&kit.arena, verdict->rule->name) : "";
}

/* The names of the rules that acted, in order. */
static const char *acted(const struct verdict *verdict)
{
    struct str names = STR("");
    for (const struct acted *one = verdict->acted; one != NULL; one = one->next)
        names = arena_join(&kit.arena, arena_join(&kit.arena, names, one->rule->name), STR(" "));
    return arena_cstr(&kit.arena, names);
}

START_TEST(test_first_match_decides)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    begin();
    ck_assert_int_eq(run(&facts, &verdict), ACTION_NONE);
    rule(RULE_DENY, "other", is("host", "other.example"));
    rule(RULE_ALLOW, "ours", is("source", "127.0.0.0/8"));
    rule(RULE_DENY, "late", is("host", "example.org"));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ALLOW);
    ck_assert_str_eq(decided(&verdict), "ours");
    facts.client = kit_ip("192.0.2.1");
    ck_assert_int_eq(run(&facts, &verdict), ACTION_DENY);
    ck_assert_str_eq(decided(&verdict), "late");
    facts.host = STR("third.example");
    ck_assert_int_eq(run(&facts, &verdict), ACTION_NONE);
    ck_assert_ptr_null(verdict.rule);
}
END_TEST

START_TEST(test_every_terminal_rule_ends)
{
    static const struct {
        enum rule_kind kind;
        enum action action;
    } kinds[] = {{RULE_ALLOW, ACTION_ALLOW},
                 {RULE_DENY, ACTION_DENY},
                 {RULE_REDIRECT, ACTION_REDIRECT},
                 {RULE_RESPOND, ACTION_RESPOND}};
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    for (size_t i = 0; i < lengthof(kinds); i++) {
        begin();
        rule(kinds[i].kind, "first", NULL);
        rule(RULE_SET_HEADER, "never", NULL);
        rule(RULE_DENY, "never", NULL);
        ck_assert_int_eq(run(&facts, &verdict), kinds[i].action);
        ck_assert_str_eq(decided(&verdict), "first");
        ck_assert_str_eq(acted(&verdict), "");
    }
}
END_TEST

START_TEST(test_what_is_not_terminal_acts_only_if_reached)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    begin();
    rule(RULE_SET_HEADER, "a", NULL);
    rule(RULE_LOG, "b", is("host", "other.example"));
    rule(RULE_REMOVE_HEADER, "c", is("port", "80"));
    rule(RULE_ALLOW, "d", is("path", "/allowed"));
    rule(RULE_ADD_HEADER, "e", NULL);
    run(&facts, &verdict);
    ck_assert_str_eq(acted(&verdict), "a c e ");
    facts.path = STR("/allowed");
    run(&facts, &verdict);
    ck_assert_str_eq(acted(&verdict), "a c ");
}
END_TEST

/* After an allow of a reverse block the route's rules still run; what was gathered is kept. */
START_TEST(test_two_blocks)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    begin();
    rule(RULE_SET_HEADER, "a", NULL);
    rule(RULE_ALLOW, "block", NULL);
    run(&facts, &verdict);
    struct rules empty = {rows, 0};
    rules_run(&empty, &facts, &kit.arena, &verdict, NULL);
    ck_assert_int_eq(verdict.action, ACTION_ALLOW);
    struct rule route_rows[2] = {{.kind = RULE_ADD_HEADER, .name = STR("b")},
                                 {.kind = RULE_DENY, .name = STR("route")}};
    struct rules route = {route_rows, 2};
    rules_run(&route, &facts, &kit.arena, &verdict, NULL);
    ck_assert_int_eq(verdict.action, ACTION_DENY);
    ck_assert_str_eq(decided(&verdict), "route");
    ck_assert_str_eq(acted(&verdict), "a b ");
}
END_TEST

START_TEST(test_unknown_does_not_hold)
{
    struct verdict verdict;
    struct facts tunnel = kit_tunnel("example.org");
    begin();
    rule(RULE_DENY, "a", is("path", "/secret"));
    rule(RULE_DENY, "b", not(is("path", "/secret")));
    rule(RULE_SET_HEADER, "c", is("url-regex", "."));
    rule(RULE_ALLOW, "d", NULL);
    ck_assert_int_eq(run(&tunnel, &verdict), ACTION_ALLOW);
    ck_assert_str_eq(decided(&verdict), "d");
    ck_assert_str_eq(acted(&verdict), "");
    end();
}
END_TEST

START_TEST(test_need_address)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/a");
    begin();
    rule(RULE_SET_HEADER, "edit", NULL);
    rewrite("move", "^/a$", "/b", NULL);
    rule(RULE_DENY, "no", is("host", "other.example"));
    rule(RULE_DENY, "inside", is("destination", "10.0.0.0/8"));
    rule(RULE_ALLOW, "yes", is("path", "/b"));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_NEED_ADDRESS);
    ck_assert(str_eq(verdict.asks->name, STR("inside")));
    ck_assert_ptr_null(verdict.rule);
    ck_assert_str_eq(acted(&verdict), ""); /* as before the run */
    ck_assert(str_eq(facts.path, STR("/a")));
    facts.phase = PHASE_DIAL;
    struct facts first = facts, second = facts, parent = facts;
    first.destination = kit_ip("10.0.0.1");
    ck_assert_int_eq(run(&first, &verdict), ACTION_DENY);
    ck_assert_str_eq(decided(&verdict), "inside");
    second.destination = kit_ip("192.0.2.1");
    ck_assert_int_eq(run(&second, &verdict), ACTION_ALLOW);
    ck_assert_str_eq(acted(&verdict), "edit ");
    ck_assert(str_eq(second.path, STR("/b")));
    ck_assert_int_eq(run(&parent, &verdict),
                     ACTION_ALLOW); /* the address will never be known: the rule does not hold */
    end();
}
END_TEST

START_TEST(test_address_is_asked_for_only_when_it_matters)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    begin();
    rule(RULE_DENY, "inside", both(is("destination", "10.0.0.0/8"), is("port", "81")));
    rule(RULE_ALLOW, "known", either(is("port", "80"), is("destination", "10.0.0.0/8")));
    rule(RULE_DENY, "never", is("destination", "::/0"));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ALLOW);
    ck_assert_str_eq(decided(&verdict), "known");
    facts.port = 81;
    ck_assert_int_eq(run(&facts, &verdict), ACTION_NEED_ADDRESS);
    ck_assert(str_eq(verdict.asks->name, STR("inside")));
    facts.host = STR("10.0.0.9"); /* a numeric host: known at once */
    ck_assert(ip_parse(facts.host, &facts.host_ip));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_DENY);
}
END_TEST

START_TEST(test_rewrite)
{
    static const struct {
        const char *pattern, *replacement, *path, *result;
        enum action action;
    } cases[] = {
        {"^/old/(.*)$", "/new/$1", "/old/a/b", "/new/a/b", ACTION_NONE},
        {"^/old/(.*)$", "/new/$1", "/other", "/other", ACTION_NONE},
        {"^/(a)(b)?(c)$", "/$3$2$1", "/ac", "/ca", ACTION_NONE}, /* a group without a part is empty */
        {"old", "/new", "/some/old/thing", "/new", ACTION_NONE}, /* the whole path becomes the replacement */
        {"^/(.*)$", "/x/../$1", "/a", "/a", ACTION_NONE},        /* canonicalised again */
        {"^/(.*)$", "/%41/%2e%2e/$1", "/a", "/a", ACTION_NONE},
        {"^/(.*)$", "/price$$/$1", "/a", "/price$/a", ACTION_NONE},
        {"^/x/(.*)$", "$1", "/x/a", "/x/a", ACTION_ERROR}, /* no slash: no path */
        {"^/x(.*)$", "/%0$1", "/x0", "/x0", ACTION_ERROR}, /* an encoded NUL */
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct verdict verdict;
        struct facts facts = kit_facts("example.org", cases[i].path);
        begin();
        rewrite("move", cases[i].pattern, cases[i].replacement, NULL);
        ck_assert_int_eq(run(&facts, &verdict), cases[i].action);
        ck_assert_msg(str_eq(facts.path, str_of(cases[i].result)), "%.*s", STR_ARGS(facts.path));
        end();
    }
}
END_TEST

START_TEST(test_rewrite_acts_where_it_stands)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/a"), tunnel = kit_tunnel("example.org"),
                 star = kit_facts("example.org", "*");
    begin();
    rule(RULE_SET_HEADER, "before", is("path", "/a"));
    rewrite("move", "^/a$", "/b", NULL);
    rule(RULE_SET_HEADER, "gone", is("path", "/a"));
    rewrite("again", ".*", "/c", is("path", "/b"));
    rule(RULE_DENY, "after", is("path", "/c"));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_DENY);
    ck_assert_str_eq(acted(&verdict), "before ");
    ck_assert_int_eq(run(&tunnel, &verdict), ACTION_NONE); /* there is nothing to rewrite */
    ck_assert_ptr_null(tunnel.path.at);
    ck_assert_int_eq(run(&star, &verdict), ACTION_NONE);
    ck_assert(str_eq(star.path, STR("*")));
    end();
}
END_TEST

START_TEST(test_replacements)
{
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } cases[] = {
        {"/$2", 1, "no such group"}, {"/$x", 1, "'$'"}, {"/a$", 2, "'$'"},
        {"/a?b=$1", 2, "query"},     {"a", 0, "slash"}, {"", 0, "slash"},
    };
    char why[REGEX_WHY_MAX];
    size_t at = 99;
    struct regex *regex = regex_new(STR("^/(.*)$"), why, &at);
    for (size_t i = 0; i < lengthof(cases); i++) {
        const char *wrong = rule_replacement_wrong(str_of(cases[i].text), regex, &at);
        ck_assert_msg(wrong != NULL && strstr(wrong, cases[i].why) != NULL, "%s", cases[i].text);
        ck_assert_uint_eq(at, cases[i].at);
    }
    ck_assert_ptr_null(rule_replacement_wrong(STR("/$1/$$"), regex, &at));
    ck_assert_ptr_null(rule_replacement_wrong(STR("$1"), regex, &at));
    regex_free(regex);
}
END_TEST

static const char *slow_path(void)
{
    char *path = arena_bytes(&kit.arena, 4000);
    memset(path, 'a', 4000);
    path[0] = '/';
    path[3999] = '\0';
    return path;
}

#define SLOW "^/(a+a+)+[bc]$"

/* A pattern that ran too long must not open what it was to close, nor close what was open to all. */
START_TEST(test_a_limit_fails_closed)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", slow_path());
    begin();
    rule(RULE_DENY, "deny", is("path-regex", SLOW));
    rule(RULE_ALLOW, "allow", NULL);
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ERROR);
    ck_assert_str_eq(decided(&verdict), "deny");
    end();
    begin();
    rule(RULE_ALLOW, "allow", is("path-regex", SLOW));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ERROR);
    end();
    begin();
    rewrite("move", SLOW, "/", NULL);
    rule(RULE_ALLOW, "allow", NULL);
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ERROR);
    ck_assert_str_eq(decided(&verdict), "move");
    end();
    begin();
    rule(RULE_DENY, "deny", both(is("port", "81"), is("path-regex", SLOW))); /* it does not depend on it */
    rule(RULE_ALLOW, "allow", either(is("port", "80"), is("path-regex", SLOW)));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ALLOW);
    end();
}
END_TEST

static struct facts answered(struct facts facts, const char *type)
{
    struct fields *fields = arena_new(&kit.arena, struct fields);
    fields_init(fields, &kit.arena);
    fields_add(fields, STR("Content-Type"), str_of(type));
    facts.phase = PHASE_RESPONSE;
    facts.response_fields = fields;
    facts.response_size = 100;
    return facts;
}

START_TEST(test_response_rules_are_passed_over)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    begin();
    rule(RULE_DENY, "scripts", is("response-type", "text/javascript"));
    rule(RULE_SET_HEADER, "all", NULL);
    rule(RULE_ALLOW, "allow", NULL);
    rule(RULE_DENY, "beyond", is("response-type", "text/*"));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_ALLOW);
    ck_assert(verdict.waits_for_response);
    struct facts html = answered(facts, "text/html"), script = answered(facts, "text/javascript");
    rules_run_response(&rules, &html, &kit.arena, &verdict);
    ck_assert_int_eq(verdict.action, ACTION_ALLOW); /* what is behind the allow was never reached */
    rules_run_response(&rules, &script, &kit.arena, &verdict);
    ck_assert_int_eq(verdict.action, ACTION_DENY);
    ck_assert_str_eq(decided(&verdict), "scripts");
}
END_TEST

START_TEST(test_no_waiting_for_what_cannot_hold)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/"), tunnel = kit_tunnel("example.org");
    begin();
    rule(RULE_DENY, "a", both(is("host", "other.example"), is("response-type", "text/*")));
    run(&facts, &verdict);
    ck_assert(!verdict.waits_for_response);
    begin();
    rule(RULE_DENY, "b", is("response-type", "text/*"));
    run(&tunnel, &verdict);
    ck_assert(!verdict.waits_for_response);
}
END_TEST

START_TEST(test_no_waiting_for_what_holds_anyway)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/"), tunnel = kit_tunnel("example.org");
    begin();
    rule(RULE_DENY, "a", either(is("response-type", "text/*"), is("host", "example.org")));
    ck_assert_int_eq(run(&facts, &verdict), ACTION_DENY);
    ck_assert_int_eq(run(&tunnel, &verdict), ACTION_DENY);
    begin();
    rule(RULE_DENY, "b", either(is("destination", "192.0.2.0/24"), is("response-type", "text/*")));
    rule(RULE_ALLOW, "c", NULL);
    ck_assert_int_eq(run(&facts, &verdict), ACTION_NEED_ADDRESS);
    ck_assert_int_eq(run(&tunnel, &verdict), ACTION_NEED_ADDRESS);
    ip_parse(STR("192.0.2.1"), &facts.destination);
    tunnel.destination = facts.destination;
    ck_assert_int_eq(run(&facts, &verdict), ACTION_DENY);
    ck_assert_int_eq(run(&tunnel, &verdict), ACTION_DENY);
    ip_parse(STR("198.51.100.1"), &facts.destination);
    tunnel.destination = facts.destination;
    ck_assert(run(&facts, &verdict) == ACTION_ALLOW && verdict.waits_for_response);
    ck_assert(run(&tunnel, &verdict) == ACTION_ALLOW && !verdict.waits_for_response);
    end();
}
END_TEST

START_TEST(test_response_fields_keep_the_order_of_rules)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/old/x");
    begin();
    rule(RULE_SET_HEADER, "a", NULL)->side = RULE_RESPONSE;
    rule(RULE_REMOVE_HEADER, "b", both(is("path", "/old/*"), is("response-type", "text/*")))->side = RULE_RESPONSE;
    rewrite("move", "^/old/(.*)$", "/new/$1", NULL);
    rule(RULE_SET_HEADER, "c", NULL)->side = RULE_RESPONSE;
    rule(RULE_ADD_HEADER, "d", both(is("path", "/old/*"), is("response-type", "text/*")))->side = RULE_RESPONSE;
    rule(RULE_ADD_HEADER, "e", is("response-size", ">1B"))->side = RULE_RESPONSE;
    run(&facts, &verdict);
    ck_assert_str_eq(acted(&verdict), "a c ");
    facts = answered(facts, "text/html");
    rules_run_response(&rules, &facts, &kit.arena, &verdict);
    ck_assert_str_eq(acted(&verdict), "a b c e "); /* each saw the path as it was when it was reached */
    ck_assert(str_eq(facts.path, STR("/new/x")));
    ck_assert_ptr_eq(*verdict.last, NULL);
    ck_assert(str_eq(container_of(verdict.last, struct acted, next)->rule->name, STR("e")));
    end();
}
END_TEST

static unsigned asked_rules;
static enum truth last_truth;

static void note_asked(struct rule_trace *trace, const struct rule *one, enum truth truth, const struct match *match)
{
    (void)trace, (void)one, (void)match;
    asked_rules++;
    last_truth = truth;
}

START_TEST(test_trace)
{
    struct verdict verdict;
    struct facts facts = kit_facts("example.org", "/");
    struct rule_trace trace = {note_asked};
    begin();
    rule(RULE_DENY, "a", is("port", "1"));
    rule(RULE_DENY, "b", is("destination", "10.0.0.0/8"));
    rule(RULE_DENY, "c", NULL);
    verdict_init(&verdict);
    rules_run(&rules, &facts, &kit.arena, &verdict, &trace);
    ck_assert_uint_eq(asked_rules, 2);
    ck_assert_int_eq(last_truth, TRUTH_LATER);
}
END_TEST

START_TEST(test_tell)
{
    struct verdict verdict;
    struct facts facts = kit_facts("www.ads.example", "/");
    struct str why;
    size_t at;
    kit_list("ads", "# no ads\nads.example\n");
    begin();
    struct rule *deny = rule(RULE_DENY, "no-ads", is("listed", "ads"));
    deny->has_text = template_parse(&kit.arena, STR("$host by $rule"), TEMPLATE_RESPONSE, &deny->text, &why, &at);
    ck_assert(deny->has_text);
    run(&facts, &verdict);
    verdict_tell(&verdict, &facts, &kit.arena);
    ck_assert(str_eq(facts.rule, STR("no-ads")));
    ck_assert(str_eq(facts.verdict, STR("deny")));
    ck_assert(str_eq(facts.reason, STR("www.ads.example by no-ads")));
    ck_assert(str_eq(facts.matched, arena_printf(&kit.arena, "ads %s:2", kit.lists[0].files[0].absolute)));
    facts.host = STR("example.org");
    run(&facts, &verdict);
    verdict_tell(&verdict, &facts, &kit.arena);
    ck_assert(str_eq(facts.rule, STR("default")));
    ck_assert_uint_eq(facts.reason.len + facts.matched.len + facts.verdict.len, 0);
}
END_TEST

Suite *suite_verdict(void)
{
    const TTest *const tests[] = {
        test_first_match_decides,
        test_every_terminal_rule_ends,
        test_what_is_not_terminal_acts_only_if_reached,
        test_two_blocks,
        test_unknown_does_not_hold,
        test_need_address,
        test_address_is_asked_for_only_when_it_matters,
        test_rewrite,
        test_rewrite_acts_where_it_stands,
        test_replacements,
        test_a_limit_fails_closed,
        test_response_rules_are_passed_over,
        test_no_waiting_for_what_cannot_hold,
        test_no_waiting_for_what_holds_anyway,
        test_response_fields_keep_the_order_of_rules,
        test_trace,
        test_tell,
    };
    Suite *suite = suite_create("verdict");
    kit_add(suite, "verdict", tests, lengthof(tests));
    return suite;
}
