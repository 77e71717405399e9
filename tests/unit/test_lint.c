#include "tests/unit/acl_kit.h"

#include "acl/lint_conf.h"

Suite *suite_lint(void);

static struct rule rows[4];
static struct rules rules;

static void rule(enum rule_kind kind, const struct expression *when)
{
    struct rule *row = &rows[rules.count];
    struct str text = arena_printf(&kit.arena, "rule %zu", rules.count + 1);
    *row = (struct rule){.kind = kind, .name = text, .place_text = STR("test.conf:1"), .when = when};
    row->place = (struct place){"test.conf", (unsigned)rules.count + 1, 1, 4, text};
    rules = (struct rules){rows, rules.count + 1};
}

/* The warnings on the rules so far, which are forgotten. */
static const char *lint(enum lint_block block)
{
    rules_lint(&rules, block, &kit.diag);
    for (size_t i = 0; i < rules.count; i++)
        expression_fini(rows[i].when);
    rules.count = 0;
    ck_assert_uint_eq(kit.diag.errors, 0);
    return kit_told();
}

#define assert_warns(block, words)                                                                                     \
    do {                                                                                                               \
        const char *told_ = lint(block);                                                                               \
        ck_assert_msg(strstr(told_, words) != NULL, "'%s' is not in:\n%s", words, told_);                              \
    } while (0)
#define assert_clean(block) ck_assert_str_eq(lint(block), "")

START_TEST(test_unreachable)
{
    rule(RULE_ALLOW, is("port", "80"));
    rule(RULE_DENY, NULL);
    assert_clean(LINT_FORWARD);
    rule(RULE_ALLOW, NULL);
    rule(RULE_SET_HEADER, NULL);
    assert_warns(LINT_REVERSE, "test.conf:2:1");
    rule(RULE_RESPOND, NULL);
    rule(RULE_DENY, is("port", "80"));
    assert_warns(LINT_FORWARD, "can never be reached: 'rule 1'");
    rule(RULE_LOG, NULL);
    rule(RULE_ALLOW, NULL);
    assert_clean(LINT_FORWARD);
}
END_TEST

START_TEST(test_exact_deny)
{
    rule(RULE_DENY, is("host", "example.org"));
    assert_warns(LINT_FORWARD, "names below example.org are not denied");
    rule(RULE_DENY, is("host", "example.org"));
    assert_clean(LINT_REVERSE);
    rule(RULE_DENY, is("host", ".example.org"));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, is("host", "example.org *.example.org"));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, is("host", "example.org"));
    rule(RULE_DENY, is("host", "*.example.org"));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, is("host", "a.example.org .example.org"));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, is("host", "192.0.2.1"));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, not(is("host", "example.org"))); /* an allow-list leaves nothing open */
    assert_clean(LINT_FORWARD);
    rule(RULE_ALLOW, is("host", "example.org"));
    assert_clean(LINT_FORWARD);
}
END_TEST

START_TEST(test_tunnels)
{
    rule(RULE_DENY, is("path", "/x"));
    assert_warns(LINT_FORWARD, "'path' can never be known");
    rule(RULE_DENY, is("path", "/x"));
    assert_clean(LINT_REVERSE);
    rule(RULE_DENY, both(is("url-regex", "x"), is("scheme", "http")));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, both(is("url-regex", "x"), is("scheme", "http tunnel")));
    assert_warns(LINT_FORWARD, "'url-regex'");
    rule(RULE_DENY, either(is("path", "/x"), is("scheme", "http")));
    assert_warns(LINT_FORWARD, "'path'");
    rule(RULE_DENY, both(not(is("scheme", "tunnel")), is("path", "/x")));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, both(is("method", "POST PUT"), is("path", "/x")));
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, both(not(is("method", "POST")), is("path", "/x")));
    assert_warns(LINT_FORWARD, "'path'");
    rule(RULE_DENY, is("response-type", "text/*"));
    assert_warns(LINT_FORWARD, "'response-type'");
    rule(RULE_SET_HEADER, is("path", "/x")); /* there is nothing to edit in a tunnel */
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, both(is("host", ".example.org"), is("port", "80")));
    assert_clean(LINT_FORWARD);
}
END_TEST

START_TEST(test_fields_of_a_connect)
{
    rule(RULE_DENY, is("header", "x-role guest"));
    assert_warns(LINT_FORWARD, "only the fields of its CONNECT");
    rule(RULE_DENY, both(is("header", "user-agent curl*"), is("scheme", "http tunnel"))); /* that is meant */
    assert_clean(LINT_FORWARD);
    rule(RULE_DENY, both(is("header", "x-role guest"), is("scheme", "http")));
    assert_clean(LINT_FORWARD);
}
END_TEST

START_TEST(test_lists_without_addresses)
{
    kit_list("names", "example.org\n");
    kit_list("ranges", "10.0.0.0/8\n");
    rule(RULE_DENY, is("source", "@names"));
    assert_warns(LINT_REVERSE, "'names' holds no address");
    rule(RULE_DENY, is("source", "@ranges"));
    assert_clean(LINT_REVERSE);
}
END_TEST

Suite *suite_lint(void)
{
    const TTest *const tests[] = {test_unreachable, test_exact_deny, test_tunnels, test_fields_of_a_connect,
                                  test_lists_without_addresses};
    Suite *suite = suite_create("lint");
    kit_add(suite, "lint", tests, lengthof(tests));
    return suite;
}
