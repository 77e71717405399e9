#include "proxy/rate.h"

#include <check.h>

Suite *suite_rate(void);

/* A peer that owes nothing is never too slow, and one that moves is not idle. */
START_TEST(quiet_peer_that_owes_nothing_is_fine)
{
    struct rate rate = {0};
    clock_update();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(rate_look(&rate, 0, false, 0, 512, 0), RATE_FINE);
}
END_TEST

START_TEST(first_look_starts_the_clock)
{
    struct rate rate = {0};
    clock_update();
    ck_assert_int_eq(rate_look(&rate, 0, true, 1000, 512, 1000), RATE_FINE);
    ck_assert_int_eq(rate.owed, 0);
}
END_TEST

START_TEST(idle_peer_is_told)
{
    struct rate rate = {0};
    clock_update();
    ck_assert_int_eq(rate_look(&rate, 7, true, 1000, 0, 0), RATE_FINE);
    rate.last_moved.us -= 2000000;
    rate.last_look.us -= 2000000;
    ck_assert_int_eq(rate_look(&rate, 7, true, 1000, 0, 0), RATE_IDLE);
}
END_TEST

/* Who began to owe at some moment between two looks is not blamed for all of the time between them. */
START_TEST(time_before_it_was_owed_does_not_count)
{
    struct rate rate = {0};
    clock_update();
    rate_look(&rate, 0, false, 500, 512, 500);
    rate.last_look.us -= 1000000;
    rate.last_moved.us -= 1000000;
    ck_assert_int_eq(rate_look(&rate, 0, true, 500, 512, 500), RATE_FINE);
    ck_assert_int_eq(rate.owed, 0);
    rate.last_look.us -= 1000000;
    rate.last_moved.us -= 1000000;
    ck_assert_int_eq(rate_look(&rate, 0, true, 500, 512, 500), RATE_IDLE);
}
END_TEST

START_TEST(minimum_counts_after_the_grace)
{
    struct rate rate = {0};
    clock_update();
    rate_look(&rate, 0, true, 60000, 512, 10000);
    rate.last_look.us -= 9000000;
    ck_assert_int_eq(rate_look(&rate, 100, true, 60000, 512, 10000), RATE_FINE);
    rate.last_look.us -= 2000000;
    ck_assert_int_eq(rate_look(&rate, 200, true, 60000, 512, 10000), RATE_TOO_SLOW);
}
END_TEST

/* A fast start does not pay for a trickle that goes on for hours. */
START_TEST(each_window_is_judged_by_itself)
{
    struct rate rate = {0};
    clock_update();
    rate_look(&rate, 0, true, 60000, 512, 10000);
    rate.last_look.us -= 11000000;
    ck_assert_int_eq(rate_look(&rate, 10000000, true, 60000, 512, 10000), RATE_FINE);
    rate.last_look.us -= 11000000;
    ck_assert_int_eq(rate_look(&rate, 10000011, true, 60000, 512, 10000), RATE_TOO_SLOW);
}
END_TEST

Suite *suite_rate(void)
{
    Suite *suite = suite_create("rate");
    TCase *tests = tcase_create("rate");
    tcase_add_test(tests, quiet_peer_that_owes_nothing_is_fine);
    tcase_add_test(tests, first_look_starts_the_clock);
    tcase_add_test(tests, idle_peer_is_told);
    tcase_add_test(tests, time_before_it_was_owed_does_not_count);
    tcase_add_test(tests, minimum_counts_after_the_grace);
    tcase_add_test(tests, each_window_is_judged_by_itself);
    suite_add_tcase(suite, tests);
    return suite;
}
