#include "base/text.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_text(void);

START_TEST(test_grows)
{
    struct text text;
    text_init(&text);
    ck_assert_str_eq(text_str(&text).at, "");
    text_clear(&text);
    text_add(&text, STR_NONE);
    for (int i = 0; i < 1000; i++) {
        text_add(&text, STR("ab"));
        text_add_char(&text, 'c');
        text_add_cstr(&text, "d");
        text_printf(&text, "%d", i % 10);
        ck_assert_int_eq(text.at[text.len], '\0');
    }
    ck_assert_uint_eq(text_str(&text).len, 5000);
    ck_assert(str_starts(text_str(&text), STR("abcd0abcd1")));
    ck_assert(str_ends(text_str(&text), STR("abcd9")));
    text_clear(&text);
    ck_assert_str_eq(text_str(&text).at, "");
    text_printf(&text, "%10000s", "x");
    ck_assert_uint_eq(text.len, 10000);
    text_fini(&text);
    ck_assert_uint_eq(text_str(&text).len, 0);
}
END_TEST

START_TEST(test_take)
{
    struct text text;
    text_init(&text);
    char *taken = text_take(&text);
    ck_assert_str_eq(taken, "");
    free(taken);
    text_add(&text, STR("abc"));
    taken = text_take(&text);
    ck_assert_str_eq(taken, "abc");
    ck_assert_uint_eq(text.len, 0);
    free(taken);
    text_fini(&text);
}
END_TEST

Suite *suite_text(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, test_grows);
    tcase_add_test(tcase, test_take);
    suite_add_tcase(suite, tcase);
    return suite;
}
