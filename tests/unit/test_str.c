#include "base/str.h"

#include <check.h>

Suite *suite_str(void);

START_TEST(test_of)
{
    ck_assert_uint_eq(str_of(NULL).len, 0);
    ck_assert_uint_eq(str_of("abc").len, 3);
    ck_assert_uint_eq(STR("abc").len, 3);
    ck_assert(str_is_empty(STR("")));
    ck_assert(str_is_empty(STR_NONE));
}
END_TEST

START_TEST(test_compare)
{
    ck_assert(str_eq(STR("a"), STR("a")));
    ck_assert(!str_eq(STR("a"), STR("A")));
    ck_assert(!str_eq(STR("a"), STR("ab")));
    ck_assert(str_eq(STR_NONE, STR("")));
    ck_assert(str_eq_nocase(STR("aZ-1"), STR("Az-1")));
    ck_assert(!str_eq_nocase(STR("@"), STR("`")));
    ck_assert(!str_eq_nocase(STR("\xc3\xa9"), STR("\xc3\x89")));
    ck_assert(str_eq_nocase(STR_NONE, STR("")));
    ck_assert_int_eq(str_compare(STR("a"), STR("a")), 0);
    ck_assert_int_lt(str_compare(STR("a"), STR("b")), 0);
    ck_assert_int_lt(str_compare(STR("a"), STR("aa")), 0);
    ck_assert_int_gt(str_compare(STR("\xff"), STR("a")), 0);
    ck_assert_int_lt(str_compare(STR_NONE, STR("a")), 0);
    ck_assert_int_eq(str_compare(STR_NONE, STR("")), 0);
}
END_TEST

START_TEST(test_ends)
{
    ck_assert(str_starts(STR("abc"), STR("ab")));
    ck_assert(str_starts(STR("abc"), STR("")));
    ck_assert(str_starts(STR_NONE, STR_NONE));
    ck_assert(!str_starts(STR("a"), STR("ab")));
    ck_assert(!str_starts(STR("Abc"), STR("ab")));
    ck_assert(str_starts_nocase(STR("Abc"), STR("aB")));
    ck_assert(str_ends(STR("abc"), STR("bc")));
    ck_assert(str_ends(STR("abc"), STR("")));
    ck_assert(str_ends(STR_NONE, STR_NONE));
    ck_assert(!str_ends(STR("c"), STR("bc")));
}
END_TEST

START_TEST(test_find)
{
    ck_assert_uint_eq(str_find(STR("a.b.c"), '.'), 1);
    ck_assert_uint_eq(str_find_last(STR("a.b.c"), '.'), 3);
    ck_assert_uint_eq(str_find(STR("abc"), '.'), 3);
    ck_assert_uint_eq(str_find_last(STR("abc"), '.'), 3);
    ck_assert_uint_eq(str_find(STR_NONE, '.'), 0);
    ck_assert_uint_eq(str_find_last(STR_NONE, '.'), 0);
    ck_assert_uint_eq(str_find(str_from("a\0b", 3), '\0'), 1);
    ck_assert_uint_eq(str_find_str(STR("abcabc"), STR("ca")), 2);
    ck_assert_uint_eq(str_find_str(STR("abc"), STR("x")), 3);
    ck_assert_uint_eq(str_find_str(STR("abc"), STR("")), 0);
    ck_assert_uint_eq(str_find_str(STR("a"), STR("ab")), 1);
    ck_assert_uint_eq(str_find_str(STR_NONE, STR("a")), 0);
    ck_assert_uint_eq(str_find_str(str_from("abc", 2), STR("bc")), 2);
}
END_TEST

START_TEST(test_parts)
{
    ck_assert(str_eq(str_skip(STR("abc"), 1), STR("bc")));
    ck_assert(str_eq(str_skip(STR("abc"), 9), STR("")));
    ck_assert_ptr_nonnull(str_skip(STR("abc"), 3).at);
    ck_assert_ptr_null(str_skip(STR_NONE, 1).at);
    ck_assert(str_eq(str_head(STR("abc"), 2), STR("ab")));
    ck_assert(str_eq(str_head(STR("abc"), 9), STR("abc")));
    ck_assert(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    ck_assert(str_eq(str_trim(STR(" \t ")), STR("")));
    ck_assert(str_eq(str_trim(STR("\na\n")), STR("\na\n")));
    ck_assert(str_eq(str_trim(STR_NONE), STR("")));
}
END_TEST

START_TEST(test_cut)
{
    struct str rest = STR("a,,b,"), piece;
    ck_assert(str_cut(&rest, ',', &piece) && str_eq(piece, STR("a")));
    ck_assert(str_cut(&rest, ',', &piece) && str_eq(piece, STR("")));
    ck_assert(str_cut(&rest, ',', &piece) && str_eq(piece, STR("b")));
    ck_assert(str_cut(&rest, ',', &piece) && str_eq(piece, STR("")));
    ck_assert(!str_cut(&rest, ',', &piece));
    rest = STR("");
    ck_assert(str_cut(&rest, ',', &piece) && str_eq(piece, STR("")));
    ck_assert(!str_cut(&rest, ',', &piece));
    rest = STR_NONE;
    ck_assert(!str_cut(&rest, ',', &piece));
}
END_TEST

START_TEST(test_chars)
{
    for (int c = -128; c < 128; c++) {
        bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z';
        ck_assert_int_eq(char_lower((char)c), is_upper ? c + 32 : c);
        ck_assert(char_is_alpha((char)c) == (is_upper || is_lower));
        ck_assert(char_is_digit((char)c) == (c >= '0' && c <= '9'));
    }
    ck_assert_int_eq(char_hex('0'), 0);
    ck_assert_int_eq(char_hex('9'), 9);
    ck_assert_int_eq(char_hex('a'), 10);
    ck_assert_int_eq(char_hex('F'), 15);
    ck_assert_int_eq(char_hex('g'), -1);
    ck_assert_int_eq(char_hex('@'), -1);
    ck_assert_int_eq(char_hex('\xff'), -1);
}
END_TEST

Suite *suite_str(void)
{
    Suite *suite = suite_create("str");
    TCase *tcase = tcase_create("str");
    tcase_add_test(tcase, test_of);
    tcase_add_test(tcase, test_compare);
    tcase_add_test(tcase, test_ends);
    tcase_add_test(tcase, test_find);
    tcase_add_test(tcase, test_parts);
    tcase_add_test(tcase, test_cut);
    tcase_add_test(tcase, test_chars);
    suite_add_tcase(suite, tcase);
    return suite;
}
