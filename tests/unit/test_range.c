#include "http/range.h"

#include "base/must.h"

#include <check.h>

Suite *suite_range(void);

enum { ROOM = 4 };

START_TEST(test_ranges)
{
    static const struct {
        const char *value;
        uint64_t size;
        enum ranges result;
        size_t count;
        struct range ranges[ROOM];
    } cases[] = {
        {"bytes=0-4", 10, RANGES_SOME, 1, {{0, 4}}},
        {"Bytes=0-0,-1", 10, RANGES_SOME, 2, {{0, 0}, {9, 9}}},
        {"bytes=5-", 10, RANGES_SOME, 1, {{5, 9}}},
        {"bytes=5-99", 10, RANGES_SOME, 1, {{5, 9}}},
        {"bytes=-99", 10, RANGES_SOME, 1, {{0, 9}}},
        {"bytes= 1-2 , ,3-4 ", 10, RANGES_SOME, 2, {{1, 2}, {3, 4}}},
        {"bytes=10-", 10, RANGES_UNSATISFIABLE, 0, {{0, 0}}},
        {"bytes=-0", 10, RANGES_UNSATISFIABLE, 0, {{0, 0}}},
        {"bytes=0-", 0, RANGES_UNSATISFIABLE, 0, {{0, 0}}},
        {"bytes=-5", 0, RANGES_UNSATISFIABLE, 0, {{0, 0}}},
        {"bytes=20-,3-4", 10, RANGES_SOME, 1, {{3, 4}}},
        {"bytes=0-9,1-8", 10, RANGES_SOME, 2, {{0, 9}, {1, 8}}},
        {"bytes=0-9,1-8,2-7", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=0-0,2-2,4-4,6-6,8-8", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=-", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=4-3", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=a-3", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=1", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=1-2-3", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"bytes=99999999999999999999-", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"lines=1-2", 10, RANGES_WHOLE, 0, {{0, 0}}},
        {"", 10, RANGES_WHOLE, 0, {{0, 0}}},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct range ranges[ROOM];
        size_t count = 0;
        ck_assert_msg(ranges_parse(str_of(cases[i].value), cases[i].size, ranges, ROOM, &count) == cases[i].result,
                      "%s", cases[i].value);
        ck_assert_msg(count == cases[i].count, "%s", cases[i].value);
        for (size_t j = 0; j < count; j++)
            ck_assert(ranges[j].first == cases[i].ranges[j].first && ranges[j].last == cases[i].ranges[j].last);
    }
}
END_TEST

START_TEST(test_content_range)
{
    struct range range;
    uint64_t size;
    ck_assert(content_range_parse(STR("bytes 0-4/10"), &range, &size) && range_length(&range) == 5 && size == 10);
    ck_assert(content_range_parse(STR("bytes 3-3/*"), &range, &size) && range.first == 3 && size == UINT64_MAX);
    static const char *const wrong[] = {"bytes 9223372036854775807-0/-1",
                                        "bytes 0-4/4",
                                        "bytes 4-3/10",
                                        "bytes */10",
                                        "bytes 0-4",
                                        "bytes=0-4/10",
                                        "bytes -4/10",
                                        "bytes 0-/10",
                                        "",
                                        "bytes 0-4/",
                                        "bytes 0-18446744073709551615/*",
                                        "lines 0-4/10",
                                        "bytes /0-1"};
    for (size_t i = 0; i < lengthof(wrong); i++)
        ck_assert_msg(!content_range_parse(str_of(wrong[i]), &range, &size), "%s", wrong[i]);
}
END_TEST

Suite *suite_range(void)
{
    Suite *suite = suite_create("range");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, test_ranges);
    tcase_add_test(tests, test_content_range);
    suite_add_tcase(suite, tests);
    return suite;
}
