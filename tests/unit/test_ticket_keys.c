#include "net/ticket_keys.h"
#include "observe/notice.h"

#include <check.h>
#include <string.h>

Suite *suite_ticket_keys(void);

enum { HOUR = TICKET_TURN_S * 1000 };

static int64_t turn_for(struct ticket_keys *keys, int64_t from, int64_t until)
{
    for (; from <= until; from += 60 * 1000)
        ticket_keys_turn(keys, from);
    return from;
}

START_TEST(test_one_an_hour)
{
    struct ticket_keys keys = {0};
    ck_assert_int_eq(ticket_keys_due(&keys), 0);
    ck_assert(ticket_keys_turn(&keys, 5000));
    struct ticket_key first = keys.at[0];
    ck_assert(!ticket_keys_turn(&keys, 5000 + HOUR - 1));
    ck_assert_int_eq(ticket_keys_due(&keys), 5000 + HOUR);
    ck_assert(ticket_keys_turn(&keys, 5000 + HOUR));
    ck_assert_uint_eq(keys.count, 2);
    ck_assert_mem_eq(&keys.at[1], &first, sizeof first);
    ck_assert_mem_ne(keys.at[0].name, first.name, sizeof first.name);
    ck_assert_mem_ne(keys.at[0].secret, first.secret, sizeof first.secret);
    ck_assert_ptr_eq(ticket_keys_find(&keys, first.name), &keys.at[1]);
}
END_TEST

START_TEST(test_a_key_is_there_as_long_as_its_tickets_and_then_erased)
{
    struct ticket_keys keys = {0};
    int64_t now = turn_for(&keys, 0, 0);
    struct ticket_key first = keys.at[0];
    /* its last ticket was made just before the next key */
    now = turn_for(&keys, now, HOUR + (int64_t)TICKET_LIFE_S * 1000 - 1000);
    ck_assert_ptr_nonnull(ticket_keys_find(&keys, first.name));
    turn_for(&keys, now, HOUR + (int64_t)TICKET_LIFE_S * 1000);
    ck_assert_ptr_null(ticket_keys_find(&keys, first.name));
    for (size_t i = 0; i + sizeof first.secret <= sizeof keys; i++)
        ck_assert_mem_ne((const char *)&keys + i, first.secret, sizeof first.secret);
    for (size_t day = 0; day < 3; day++) {
        now = turn_for(&keys, now, now + 24 * (int64_t)HOUR);
        ck_assert_uint_le(keys.count, TICKET_KEYS_MAX);
    }
}
END_TEST

START_TEST(test_after_a_long_sleep_only_the_new_one_is_left)
{
    struct ticket_keys keys = {0};
    turn_for(&keys, 0, 5 * (int64_t)HOUR);
    ck_assert_uint_eq(keys.count, 6);
    ck_assert(ticket_keys_turn(&keys, 100 * (int64_t)HOUR));
    ck_assert_uint_eq(keys.count, 2); /* the one that might have sealed until now, and its successor */
}
END_TEST

START_TEST(test_notices_are_few_and_the_rest_is_counted)
{
    struct notice_share share = {0};
    struct mono now = {1000000};
    uint64_t missed = 0;
    for (unsigned i = 0; i < NOTICE_RATE; i++)
        ck_assert(notice_may(&share, now, &missed) && missed == 0);
    for (unsigned i = 0; i < 7; i++)
        ck_assert(!notice_may(&share, (struct mono){1999000}, &missed));
    ck_assert(notice_may(&share, (struct mono){2000000}, &missed));
    ck_assert_uint_eq(missed, 7);
    ck_assert(notice_may(&share, (struct mono){2000000}, &missed));
    ck_assert_uint_eq(missed, 0);
}
END_TEST

Suite *suite_ticket_keys(void)
{
    Suite *suite = suite_create("ticket_keys");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, test_one_an_hour);
    tcase_add_test(tcase, test_a_key_is_there_as_long_as_its_tickets_and_then_erased);
    tcase_add_test(tcase, test_after_a_long_sleep_only_the_new_one_is_left);
    tcase_add_test(tcase, test_notices_are_few_and_the_rest_is_counted);
    suite_add_tcase(suite, tcase);
    return suite;
}
