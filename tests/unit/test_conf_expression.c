#include "tests/unit/conf_kit.h"

Suite *suite_conf_expression(void);

#define FORWARD(rules)                                                                                                 \
    "list ads { file ads.txt }\nacl office source 10.0.0.0/8\nacl far destination 192.0.2.0/24\n"                      \
    "forward f {\n listen 127.0.0.1:3128\n" rules "\n allow\n}\n"
#define REVERSE(rules)                                                                                                 \
    "acl office source 10.0.0.0/8\nacl far destination 192.0.2.0/24\nacl big response-size >1M\n"                      \
    "reverse r {\n listen :80\n to a\n" rules "\n}\n"

static const struct kit_file files[] = {{"/t/ads.txt", "ads.example\n"}, {NULL, NULL}};

/* The tree as text, fully in parentheses. */
static void add_expression(const struct expression *e, struct text *into)
{
    static const char *const joins[] = {[EXPRESSION_AND] = " and ", [EXPRESSION_OR] = " or "};
    if (e->op == EXPRESSION_CONDITION) {
        text_add(into, e->name);
        return;
    }
    text_add_cstr(into, e->op == EXPRESSION_NOT ? "(not " : "(");
    add_expression(e->left, into);
    if (e->right != NULL) {
        text_add_cstr(into, joins[e->op]);
        add_expression(e->right, into);
    }
    text_add_char(into, ')');
}

static void check_tree(const char *expression, const char *expected)
{
    struct kit kit = {0};
    struct text source, tree;
    text_init(&source);
    text_init(&tree);
    text_printf(&source, FORWARD(" deny if %s\n"), expression);
    const struct config *config = kit_load(&kit, text_str(&source).at, files);
    ck_assert_msg(config != NULL, "%s", text_str(&kit.shown).at);
    add_expression(config->forwards[0].rules.at[0].when, &tree);
    ck_assert_str_eq(text_str(&tree).at, expected);
    kit_fini(&kit);
    text_fini(&source);
    text_fini(&tree);
}

START_TEST(test_trees)
{
    check_tree("office", "office");
    check_tree("source(10.0.0.0/8 192.0.2.1)", "source(10.0.0.0/8 192.0.2.1)");
    check_tree("not office", "(not office)");
    check_tree("not not office", "(not (not office))");
    check_tree("office and far or listed(ads)", "((office and far) or listed(ads))");
    check_tree("office or far and listed(ads)", "(office or (far and listed(ads)))");
    check_tree("not office and far", "((not office) and far)");
    check_tree("not (office and far)", "(not (office and far))");
    check_tree("(office or far) and ((listed(ads)))", "((office or far) and listed(ads))");
    check_tree("office and far and method(GET)", "((office and far) and method(GET))");
    check_tree("office or far or method(GET)", "((office or far) or method(GET))");
    check_tree("host(\"and\" \"not\") and path(\"/(a)\")", "(host(and not) and path(/(a)))");
    check_tree("office \\\n  and far", "(office and far)");
    check_tree("port(80 443 1025-65535) and scheme(http)", "(port(80 443 1025-65535) and scheme(http))");
}
END_TEST

static const struct {
    const char *text;
    const char *says;
} mistakes[] = {
    {FORWARD(" deny if"), "6:7 expected a condition after 'if'"},
    {FORWARD(" deny if office and"), "6:17 expected a condition after 'and'"},
    {FORWARD(" deny if not"), "6:10 expected a condition after 'not'"},
    {FORWARD(" deny if and office"), "6:10 expected a condition before 'and'"},
    {FORWARD(" deny if office far"), "6:17 both: 'and far'; either: 'or far'"},
    {FORWARD(" deny if !office"), "6:10 write 'not office'"},
    {FORWARD(" deny if office && far"), "6:17 write 'and'"},
    {FORWARD(" deny if office || far"), "6:17 write 'or'"},
    {FORWARD(" deny unless office"), "6:7 write: if not (…)"},
    {FORWARD(" deny if unless office"), "6:10 write 'if not (…)'"},
    {FORWARD(" deny if (office or far"), "6:10 this '(' is not closed"},
    {FORWARD(" deny if source(10.0.0.0/8"), "6:16 this '(' is not closed"},
    {FORWARD(" deny if office)"), "6:16 this ')' closes nothing"},
    {FORWARD(" deny if ()"), "6:11 expected a condition before ')'"},
    {FORWARD(" deny if source()"), "6:17 expected a value of 'source'"},
    {FORWARD(" deny if source"), "6:10 'source' needs a value"},
    {FORWARD(" deny if office(1)"), "6:16 'office' is an acl"},
    {FORWARD(" deny if source(10.0.0.0/8 (1))"), "6:28 not '('"},
    {FORWARD(" deny if source(10.0.0.0/8 or 10.0.0.1)"), "6:28 expected ')' before 'or'"},
    {FORWARD(" deny if offce"), "6:10 did you mean 'office'?"},
    {FORWARD(" deny if hots(a.example)"), "6:10 did you mean 'host'?"},
    {FORWARD(" deny if listed(asd)"), "6:17 did you mean 'ads'?"},
    {FORWARD(" deny if host(a.*.example)"), "6:15 '*'"},
    {FORWARD(" deny if (office far)"), "6:18 expected 'and', 'or' or ')' before 'far'"},
    /* phases */
    {FORWARD(" redirect http://x/ if destination(10.0.0.0/8)"), "6:24 dial"},
    {FORWARD(" redirect http://x/ if office and not far"), "6:39 'far' is known in the dial phase"},
    {FORWARD(" allow if response-size(>1M)"), "6:11 response"},
    {REVERSE(" deny if office or far"), "7:20 dial"},
    {REVERSE(" allow if big"), "7:11 'big' is known in the response phase"},
    {REVERSE(" set-header request x-a b if big"), "7:30 response"},
    {REVERSE(" rewrite path ^/a /b if big"), "7:25 response"},
    {REVERSE(" route /a if big { }"), "7:14 the choice of a route"},
};

START_TEST(test_mistakes)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        kit_check_mistakes(mistakes[i].text, mistakes[i].says, files);
}
END_TEST

START_TEST(test_phases_that_may)
{
    kit_check_loads(FORWARD(" deny if far and response-type(image/*)\n allow if far"), files);
    kit_check_loads(
        REVERSE(" deny if big\n set-header response x-a b if big\n remove-header response x-b if big and office"),
        files);
    kit_check_loads("reverse r { listen :80; to a; deny if later }\nacl later method POST\n", files);
}
END_TEST

START_TEST(test_mistake_of_an_acl_is_told_once)
{
    kit_check_mistakes("acl bad source 10.0.0.0/40\n" REVERSE(" deny if bad\n deny if not bad and office"),
                       "1:16 10.0.0.0/40", files);
}
END_TEST

START_TEST(test_bounds)
{
    struct text text;
    struct kit kit = {0};
    text_init(&text);
    text_add_cstr(&text, "reverse r { listen :80; to a; deny if ");
    for (int i = 0; i < 10000; i++)
        text_add_cstr(&text, i % 2 ? "not " : "( ");
    ck_assert_ptr_null(kit_load(&kit, text_str(&text).at, files));
    kit_fini(&kit);
    text_clear(&text);
    text_add_cstr(&text, "reverse r { listen :80; to a; deny if method(A)");
    for (int i = 0; i < 1000; i++)
        text_add_cstr(&text, " or method(B)");
    text_add_cstr(&text, "\n}\n");
    ck_assert_ptr_null(kit_load(&kit, text_str(&text).at, files));
    ck_assert_uint_eq(kit.diag.errors, 1);
    kit_fini(&kit);
    text_fini(&text);
}
END_TEST

Suite *suite_conf_expression(void)
{
    Suite *suite = suite_create("conf_expression");
    TCase *tests = tcase_create("conf_expression");
    tcase_add_test(tests, test_trees);
    tcase_add_test(tests, test_mistakes);
    tcase_add_test(tests, test_phases_that_may);
    tcase_add_test(tests, test_mistake_of_an_acl_is_told_once);
    tcase_add_test(tests, test_bounds);
    suite_add_tcase(suite, tests);
    return suite;
}
