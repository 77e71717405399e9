#include "base/date.h"

#include <check.h>
#include <stdio.h>
#include <time.h>

Suite *suite_date(void);

enum { SECOND = 1000000 };

static struct wall wall_at(int64_t seconds)
{
    return (struct wall){seconds * SECOND};
}

START_TEST(test_calendar)
{
    /* Every 97th day or so from the year -400 to 9999, against libc. */
    for (int64_t seconds = INT64_C(-74800000000); seconds < INT64_C(253402300800); seconds += 86400 * 97 + 12347) {
        struct date date = date_of(seconds);
        time_t as_time = (time_t)seconds;
        struct tm tm;
        gmtime_r(&as_time, &tm);
        ck_assert_int_eq(date.year, tm.tm_year + 1900);
        ck_assert_int_eq(date.month, tm.tm_mon + 1);
        ck_assert_int_eq(date.day, tm.tm_mday);
        ck_assert_int_eq(date.weekday, tm.tm_wday);
        ck_assert_int_eq(date.hour, tm.tm_hour);
        ck_assert_int_eq(date.minute, tm.tm_min);
        ck_assert_int_eq(date.second, tm.tm_sec);
        ck_assert_int_eq(date_seconds(&date), seconds);
        ck_assert_int_eq(date_minute_of_day(&date), tm.tm_hour * 60 + tm.tm_min);
    }
    ck_assert_int_gt(date_of(INT64_MAX).year, 9999);
    ck_assert_int_lt(date_of(INT64_MIN).year, 0);
}
END_TEST

START_TEST(test_written)
{
    char text[DATE_TEXT_MAX];
    struct wall wall = {INT64_C(1795593600123999)};
    ck_assert_uint_eq(date_http(wall, text), 29);
    ck_assert_str_eq(text, "Wed, 25 Nov 2026 08:00:00 GMT");
    ck_assert_uint_eq(date_iso(wall, text), 24);
    ck_assert_str_eq(text, "2026-11-25T08:00:00.123Z");
    ck_assert_uint_eq(date_common(wall, text), 26);
    ck_assert_str_eq(text, "25/Nov/2026:08:00:00 +0000");
    date_http(wall_at(784111777), text);
    ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    date_iso((struct wall){-1}, text); /* rounded down, not towards 1970 */
    ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
    ck_assert_uint_eq(date_http((struct wall){INT64_MAX}, text), 29);
    ck_assert_uint_eq(date_http((struct wall){INT64_MIN}, text), 29);
    ck_assert_uint_eq(date_iso((struct wall){INT64_MAX}, text), 24);
    ck_assert_uint_eq(date_iso((struct wall){INT64_MIN}, text), 24);
}
END_TEST

START_TEST(test_now)
{
    clock_update();
    struct str now = date_now();
    struct wall wall = {0};
    ck_assert(date_parse_http(now, &wall));
    ck_assert_int_eq(wall_seconds(wall), wall_seconds(clock_wall()));
    ck_assert_ptr_eq(date_now().at, now.at);
}
END_TEST

START_TEST(test_http_reads)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Wed Nov 16 08:49:37 1994", 784975777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799}, /* a leap second, read as 59 */
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Mon, 01 Jan 0001 00:00:00 GMT", -62135596800},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wall wall = {0};
        ck_assert_msg(date_parse_http(str_of(cases[i].text), &wall), "%s", cases[i].text);
        ck_assert_int_eq(wall.us, cases[i].seconds * SECOND);
    }
}
END_TEST

START_TEST(test_http_refuses)
{
    static const char *const wrong[] = {
        "",
        "0",
        "-1",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Thu, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 00:00:00 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 19 4 08:49:37 GMT",
        "Monday, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 94",
        "1994-11-06T08:49:37Z",
    };
    struct wall wall = {7};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!date_parse_http(str_of(wrong[i]), &wall), "%s", wrong[i]);
    ck_assert(!date_parse_http(STR_NONE, &wall));
    ck_assert_int_eq(wall.us, 7);
}
END_TEST

/* Cut off anywhere, no form is a date. */
START_TEST(test_http_cut_off)
{
    static const char *const whole[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    struct wall wall;
    for (size_t i = 0; i < 3; i++)
        for (size_t len = 0; len < strlen(whole[i]); len++)
            ck_assert(!date_parse_http(str_from(whole[i], len), &wall));
}
END_TEST

/* Two digits are never more than 50 years ahead, never 50 or more behind. */
START_TEST(test_http_two_digits)
{
    int now = date_of(wall_seconds(clock_wall())).year;
    for (int year = now - 49; year <= now + 50; year++) {
        static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
        struct date date = {.year = year, .month = 1, .day = 1};
        struct wall wall = {0};
        char text[DATE_TEXT_MAX];
        date = date_of(date_seconds(&date));
        snprintf(text, sizeof(text), "%s, 01-Jan-%02d 00:00:00 GMT", days[date.weekday], year % 100);
        ck_assert_msg(date_parse_http(str_of(text), &wall), "%s", text);
        ck_assert_int_eq(date_of(wall_seconds(wall)).year, year);
    }
}
END_TEST

START_TEST(test_iso)
{
    static const char *const wrong[] = {"",
                                        "2026-11-25",
                                        "2026-11-25T08:00:00",
                                        "2026-11-25T08:00:00.Z",
                                        "2026-11-25 08:00:00Z",
                                        "2026-11-25T08:00:00.1234567Z",
                                        "2026-13-25T08:00:00Z",
                                        "2026-11-25T24:00:00Z",
                                        "2026-11-25T08:00:60Z",
                                        "2026-11-25T08:00:00+00:00",
                                        "2026-11-25T08:00:00Zx",
                                        "2026-11-25T08:00:00."};
    struct wall wall = {0};
    ck_assert(date_parse_iso(STR("2026-11-25T08:00:00.123Z"), &wall));
    ck_assert_int_eq(wall.us, INT64_C(1795593600123000));
    ck_assert(date_parse_iso(STR("2026-11-25T08:00:00Z"), &wall));
    ck_assert_int_eq(wall.us, INT64_C(1795593600000000));
    ck_assert(date_parse_iso(STR("2026-11-25T08:00:00.000001Z"), &wall));
    ck_assert_int_eq(wall.us, INT64_C(1795593600000001));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!date_parse_iso(str_of(wrong[i]), &wall), "%s", wrong[i]);
}
END_TEST

START_TEST(test_local)
{
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-11",
                                        "2026-11-5",
                                        "26-11-25",
                                        "2026-11-31",
                                        "2026-11-25 8:00",
                                        "2026-11-25 08",
                                        "2026-11-25 24:00",
                                        "2026-11-25 08:60",
                                        "2026-11-25  08:00",
                                        "2026-11-25 08:00 ",
                                        "2026-11-25T08:00",
                                        "2026-11-25 08:00:00",
                                        "2026/11/25",
                                        "2026-02-29",
                                        "0000-01-01"};
    struct date date = {0};
    ck_assert(date_parse_local(STR("2026-11-25 23:59"), &date));
    ck_assert(date.year == 2026 && date.month == 11 && date.day == 25 && date.hour == 23 && date.minute == 59 &&
              date.second == 0);
    ck_assert_int_eq(date.weekday, 3);
    ck_assert_int_eq(date_minute_of_day(&date), 1439);
    ck_assert(date_parse_local(STR("2024-02-29"), &date));
    ck_assert(date.year == 2024 && date.month == 2 && date.day == 29 && date.hour == 0 && date.minute == 0);
    ck_assert_int_eq(date.weekday, 4);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!date_parse_local(str_of(wrong[i]), &date), "%s", wrong[i]);
    ck_assert_int_eq(date.year, 2024);
}
END_TEST

Suite *suite_date(void)
{
    Suite *suite = suite_create("date");
    TCase *tcase = tcase_create("date");
    tcase_add_test(tcase, test_calendar);
    tcase_add_test(tcase, test_written);
    tcase_add_test(tcase, test_now);
    tcase_add_test(tcase, test_http_reads);
    tcase_add_test(tcase, test_http_refuses);
    tcase_add_test(tcase, test_http_cut_off);
    tcase_add_test(tcase, test_http_two_digits);
    tcase_add_test(tcase, test_iso);
    tcase_add_test(tcase, test_local);
    suite_add_tcase(suite, tcase);
    return suite;
}
