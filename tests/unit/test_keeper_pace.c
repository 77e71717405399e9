#include "process/keeper_pace.h"

#include <check.h>

Suite *suite_keeper_pace(void);

static const struct mono began = {.us = 1000};

static struct mono after_us(int64_t us)
{
    return (struct mono){.us = began.us + us};
}

START_TEST(without_a_limit_all_may_be_made)
{
    struct pace pace;
    pace_init(&pace, 0, began);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(pace_allows(&pace, 8, began), 8);
        pace_spend(&pace, 8);
    }
    ck_assert_int_eq(pace_wait(&pace), 0);
}
END_TEST

START_TEST(a_tenth_of_a_seconds_worth_at_once)
{
    struct pace pace;
    pace_init(&pace, 100, began);
    ck_assert_int_eq(pace_allows(&pace, 8, began), 8);
    pace_spend(&pace, 8);
    ck_assert_int_eq(pace_allows(&pace, 8, began), 2);
    pace_spend(&pace, 2);
    ck_assert_int_eq(pace_allows(&pace, 8, began), 0);
    ck_assert_int_eq(pace_wait(&pace), 10);
}
END_TEST

START_TEST(after_what_is_waited_for_there_is_one_more)
{
    struct pace pace;
    pace_init(&pace, 3, began);
    pace_spend(&pace, pace_allows(&pace, 8, began));
    ck_assert_int_eq(pace_wait(&pace), 334);
    ck_assert_int_eq(pace_allows(&pace, 8, after_us(333333)), 0);
    ck_assert_int_eq(pace_wait(&pace), 1);
    ck_assert_int_eq(pace_allows(&pace, 8, after_us(333334)), 1);
}
END_TEST

/* However often it is looked at. */
START_TEST(no_more_in_a_second_than_was_said)
{
    struct pace pace;
    int made = 0;
    pace_init(&pace, 777, began);
    pace_spend(&pace, pace_allows(&pace, 1000, began));
    for (int us = 1; us <= 1000000; us++) {
        int count = pace_allows(&pace, 8, after_us(us));
        pace_spend(&pace, count);
        made += count;
    }
    ck_assert_int_eq(made, 777);
}
END_TEST

START_TEST(rest_earns_no_more_than_the_beginning)
{
    struct pace pace;
    pace_init(&pace, 1000000, began);
    pace_spend(&pace, pace_allows(&pace, 1000000, began));
    ck_assert_int_eq(pace_allows(&pace, 1000000, after_us(INT64_MAX / 2)), 100000);
}
END_TEST

START_TEST(the_slowest_has_one_at_once)
{
    struct pace pace;
    pace_init(&pace, 1, began);
    ck_assert_int_eq(pace_allows(&pace, 8, began), 1);
    pace_spend(&pace, 1);
    ck_assert_int_eq(pace_wait(&pace), 1000);
    ck_assert_int_eq(pace_allows(&pace, 8, after_us(999999)), 0);
    ck_assert_int_eq(pace_allows(&pace, 8, after_us(1000000)), 1);
}
END_TEST

Suite *suite_keeper_pace(void)
{
    Suite *suite = suite_create("keeper_pace");
    TCase *tests = tcase_create("pace");
    tcase_add_test(tests, without_a_limit_all_may_be_made);
    tcase_add_test(tests, a_tenth_of_a_seconds_worth_at_once);
    tcase_add_test(tests, after_what_is_waited_for_there_is_one_more);
    tcase_add_test(tests, no_more_in_a_second_than_was_said);
    tcase_add_test(tests, rest_earns_no_more_than_the_beginning);
    tcase_add_test(tests, the_slowest_has_one_at_once);
    suite_add_tcase(suite, tests);
    return suite;
}
