#include "tests/unit/acl_kit.h"

Suite *suite_expression(void);

/* Leaves of every truth, for a tunnel to example.org before it is dialled. */
static const struct expression *leaf(enum truth truth)
{
    switch (truth) {
    case TRUTH_NO:
        return is("port", "80");
    case TRUTH_YES:
        return is("port", "443");
    case TRUTH_UNKNOWN:
        return is("path", "/x");
    case TRUTH_LATER:
        return is("destination", "10.0.0.0/8");
    case TRUTH_FAILED:
        break;
    }
    return NULL;
}

#define N TRUTH_NO
#define Y TRUTH_YES
#define U TRUTH_UNKNOWN
#define L TRUTH_LATER

START_TEST(test_truth_tables)
{
    static const enum truth order[] = {N, Y, U, L};
    static const enum truth and[4][4] = {{N, N, N, N}, {N, Y, U, L}, {N, U, U, U}, {N, L, U, L}};
    static const enum truth or [4][4] = {{N, Y, U, L}, {Y, Y, Y, Y}, {U, Y, U, L}, {L, Y, L, L}};
    static const enum truth negated[4] = {Y, N, U, L};
    struct facts facts = kit_tunnel("example.org");
    for (unsigned a = 0; a < 4; a++) {
        ck_assert_int_eq(truth_of(leaf(order[a]), &facts), order[a]);
        ck_assert_int_eq(truth_of(not(leaf(order[a])), &facts), negated[a]);
        ck_assert_int_eq(truth_of(not(not(leaf(order[a]))), &facts), order[a]);
        for (unsigned b = 0; b < 4; b++) {
            ck_assert_int_eq(truth_of(both(leaf(order[a]), leaf(order[b])), &facts), and[a][b]);
            ck_assert_int_eq(truth_of(either(leaf(order[a]), leaf(order[b])), &facts), or [a][b]);
        }
    }
}
END_TEST

/* What holds of `and` holds of a negated `or`: the whole is later only if what comes later could make it hold. */
START_TEST(test_negated_joins)
{
    struct facts facts = kit_tunnel("example.org");
    ck_assert_int_eq(truth_of(not(both(leaf(U), leaf(L))), &facts), L);
    ck_assert_int_eq(truth_of(not(either(leaf(U), leaf(L))), &facts), U);
    ck_assert_int_eq(truth_of(not(either(leaf(N), leaf(L))), &facts), L);
    ck_assert_int_eq(truth_of(not(either(leaf(Y), leaf(L))), &facts), N);
    ck_assert_int_eq(truth_of(not(both(leaf(N), leaf(L))), &facts), Y);
    ck_assert_int_eq(truth_of(both(leaf(Y), not(both(leaf(U), not(leaf(L))))), &facts), L);
    facts.destination = kit_ip("192.0.2.1"); /* and now it is known */
    ck_assert_int_eq(truth_of(not(both(leaf(U), leaf(L))), &facts), Y);
    facts.destination = kit_ip("10.0.0.1");
    ck_assert_int_eq(truth_of(not(both(leaf(U), leaf(L))), &facts), U);
}
END_TEST

static unsigned asked;

static enum truth count_asked(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)condition, (void)facts, (void)ret_match;
    asked++;
    return TRUTH_YES;
}

START_TEST(test_only_as_far_as_needed)
{
    static const struct condition_kind kind = {.name = "counted", .truth = count_asked};
    struct expression counted = {.op = EXPRESSION_CONDITION, .kind = &kind};
    struct facts facts = kit_tunnel("example.org");
    asked = 0;
    ck_assert_int_eq(truth_of(both(leaf(N), &counted), &facts), N);
    ck_assert_int_eq(truth_of(either(leaf(Y), &counted), &facts), Y);
    ck_assert_int_eq(truth_of(not(either(leaf(Y), &counted)), &facts), N);
    ck_assert_uint_eq(asked, 0);
    ck_assert_int_eq(truth_of(both(leaf(Y), &counted), &facts), Y);
    ck_assert_int_eq(truth_of(either(leaf(L), &counted), &facts), Y);
    ck_assert_uint_eq(asked, 2);
}
END_TEST

static enum truth always_fails(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)condition, (void)facts, (void)ret_match;
    return TRUTH_FAILED;
}

/* What failed counts where the whole could hold by it, and nowhere else. */
START_TEST(test_failed)
{
    static const struct condition_kind kind = {.name = "failing", .truth = always_fails};
    struct expression failing = {.op = EXPRESSION_CONDITION, .kind = &kind};
    struct facts facts = kit_tunnel("example.org");
    ck_assert_int_eq(truth_of(&failing, &facts), TRUTH_FAILED);
    ck_assert_int_eq(truth_of(not(&failing), &facts), TRUTH_FAILED);
    ck_assert_int_eq(truth_of(both(&failing, leaf(Y)), &facts), TRUTH_FAILED);
    ck_assert_int_eq(truth_of(both(&failing, leaf(N)), &facts), N);
    ck_assert_int_eq(truth_of(both(&failing, leaf(U)), &facts), U);
    ck_assert_int_eq(truth_of(both(&failing, leaf(L)), &facts), TRUTH_FAILED);
    ck_assert_int_eq(truth_of(either(&failing, leaf(Y)), &facts), Y);
    ck_assert_int_eq(truth_of(either(&failing, leaf(N)), &facts), TRUTH_FAILED);
    ck_assert_int_eq(truth_of(either(leaf(U), &failing), &facts), TRUTH_FAILED);
    ck_assert_int_eq(truth_of(either(leaf(L), &failing), &facts), TRUTH_FAILED);
}
END_TEST

START_TEST(test_match_is_of_the_list_that_decided)
{
    struct match match;
    struct facts facts = kit_facts("ads.example", "/");
    kit_list("ads", "other.example\nads.example\n");
    kit_list("more", "ads.example\n");
    const struct expression *ads = is("listed", "ads"), *more = is("listed", "more");
    ck_assert_int_eq(expression_truth(both(ads, more), &facts, &match), Y);
    ck_assert(str_eq(match.list, STR("ads"))); /* the first */
    ck_assert_uint_eq(match.line, 2);
    ck_assert_int_eq(expression_truth(either(both(ads, is("port", "1")), is("port", "80")), &facts, &match), Y);
    ck_assert_ptr_null(match.list.at); /* it held, but it did not decide */
    ck_assert_int_eq(expression_truth(either(both(ads, is("port", "1")), more), &facts, &match), Y);
    ck_assert(str_eq(match.list, STR("more")));
    ck_assert_int_eq(expression_truth(not(not(ads)), &facts, &match), Y);
    ck_assert(str_eq(match.list, STR("ads")));
    ck_assert_int_eq(expression_truth(not(ads), &facts, &match), N);
    ck_assert_ptr_null(match.list.at);
    ck_assert_int_eq(expression_truth(both(ads, is("destination", "10.0.0.0/8")), &facts, &match), L);
    ck_assert_ptr_null(match.list.at);
}
END_TEST

START_TEST(test_explain)
{
    struct facts facts = kit_facts("ads.example", "/");
    struct text text;
    kit_list("ads", "ads.example\n");
    text_init(&text);
    expression_explain(both(is("listed", "ads"), not(either(is("port", "443"), is("destination", "::/0")))), &facts,
                       &text);
    const char *expected = arena_printf(&kit.arena,
                                        "listed(ads): yes (ads %s:1), port(443): no, destination(::/0): later",
                                        kit.lists[0].files[0].absolute)
                               .at;
    ck_assert_str_eq(text_str(&text).at, expected);
    text_fini(&text);
}
END_TEST

/* An acl's expression may hang in several rules. */
START_TEST(test_fini_of_what_is_shared)
{
    const struct expression *shared = is("path-regex", "a b");
    expression_fini(both(shared, not(shared)));
    expression_fini(shared);
    expression_fini(NULL);
}
END_TEST

Suite *suite_expression(void)
{
    const TTest *const tests[] = {test_truth_tables,
                                  test_negated_joins,
                                  test_only_as_far_as_needed,
                                  test_failed,
                                  test_match_is_of_the_list_that_decided,
                                  test_explain,
                                  test_fini_of_what_is_shared};
    Suite *suite = suite_create("expression");
    kit_add(suite, "expression", tests, lengthof(tests));
    return suite;
}
