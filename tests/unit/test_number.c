#include "base/number.h"

#include <check.h>

Suite *suite_number(void);

START_TEST(test_decimal)
{
    uint64_t value = 0;
    ck_assert(number_parse_u64(STR("0"), UINT64_MAX, &value) && value == 0);
    ck_assert(number_parse_u64(STR("007"), UINT64_MAX, &value) && value == 7);
    ck_assert(number_parse_u64(STR("65535"), 65535, &value) && value == 65535);
    ck_assert(number_parse_u64(STR("9999999999999999999"), UINT64_MAX, &value) && value == 9999999999999999999u);
    ck_assert(number_parse_u64(STR("0000000000000000001"), UINT64_MAX, &value) && value == 1);
    ck_assert(number_parse_u64(STR("0"), 0, &value) && value == 0);
    value = 5;
    ck_assert(!number_parse_u64(STR("65536"), 65535, &value));
    ck_assert(!number_parse_u64(STR("1"), 0, &value));
    ck_assert_uint_eq(value, 5);
}
END_TEST

START_TEST(test_decimal_refuses)
{
    static const char *const wrong[] = {"",
                                        " 1",
                                        "1 ",
                                        "+1",
                                        "-1",
                                        "-0",
                                        "1.0",
                                        "1e3",
                                        "0x1",
                                        "1_000",
                                        "1,000",
                                        "a",
                                        "1a",
                                        "18446744073709551616",
                                        "00000000000000000001",
                                        "\xd9\xa1",
                                        "1\n"};
    uint64_t value = 5;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!number_parse_u64(str_of(wrong[i]), UINT64_MAX, &value), "%s", wrong[i]);
    ck_assert(!number_parse_u64(str_from("1\0", 2), UINT64_MAX, &value));
    ck_assert(!number_parse_u64(STR_NONE, UINT64_MAX, &value));
    ck_assert_uint_eq(value, 5);
}
END_TEST

static const char *written(uint64_t number)
{
    static char text[NUMBER_TEXT_MAX + 1];
    *number_write(text, number) = '\0';
    return text;
}

START_TEST(test_decimal_is_written)
{
    ck_assert_str_eq(written(0), "0");
    ck_assert_str_eq(written(9), "9");
    ck_assert_str_eq(written(10), "10");
    ck_assert_str_eq(written(65535), "65535");
    ck_assert_str_eq(written(UINT64_MAX), "18446744073709551615");
}
END_TEST

START_TEST(test_hex)
{
    uint64_t value = 0;
    ck_assert(number_parse_hex(STR("0"), 16, &value) && value == 0);
    ck_assert(number_parse_hex(STR("ff"), 16, &value) && value == 255);
    ck_assert(number_parse_hex(STR("aBcDeF09"), 8, &value) && value == 0xabcdef09);
    ck_assert(number_parse_hex(STR("ffffffffffffffff"), 16, &value) && value == UINT64_MAX);
    ck_assert(number_parse_hex(STR("0000000000000001"), 99, &value) && value == 1);
    value = 5;
    ck_assert(!number_parse_hex(STR(""), 16, &value));
    ck_assert(!number_parse_hex(STR("0x1"), 16, &value));
    ck_assert(!number_parse_hex(STR("g"), 16, &value));
    ck_assert(!number_parse_hex(STR("-1"), 16, &value));
    ck_assert(!number_parse_hex(STR(" 1"), 16, &value));
    ck_assert(!number_parse_hex(STR("123"), 2, &value));
    ck_assert(!number_parse_hex(STR("00000000000000001"), 99, &value));
    ck_assert_uint_eq(value, 5);
}
END_TEST

START_TEST(test_checked)
{
    size_t size = 5;
    uint64_t value = 5;
    ck_assert(number_add_size(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    ck_assert(!number_add_size(SIZE_MAX, 1, &size));
    ck_assert(number_mul_size(SIZE_MAX / 2, 2, &size) && size == SIZE_MAX - 1);
    ck_assert(!number_mul_size(SIZE_MAX / 2 + 1, 2, &size));
    ck_assert_uint_eq(size, SIZE_MAX - 1);
    ck_assert(number_add_u64(1, 2, &value) && value == 3);
    ck_assert(!number_add_u64(UINT64_MAX, UINT64_MAX, &value));
    ck_assert(number_mul_u64(0, UINT64_MAX, &value) && value == 0);
    ck_assert(!number_mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &value));
    ck_assert_uint_eq(value, 0);
    /* The result may be one of the operands. */
    size = 7;
    ck_assert(number_add_size(size, 1, &size) && size == 8);
}
END_TEST

Suite *suite_number(void)
{
    Suite *suite = suite_create("number");
    TCase *tcase = tcase_create("number");
    tcase_add_test(tcase, test_decimal);
    tcase_add_test(tcase, test_decimal_refuses);
    tcase_add_test(tcase, test_decimal_is_written);
    tcase_add_test(tcase, test_hex);
    tcase_add_test(tcase, test_checked);
    suite_add_tcase(suite, tcase);
    return suite;
}
