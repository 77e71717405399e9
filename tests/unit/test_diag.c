#include "base/diag.h"

#include <check.h>

Suite *suite_diag(void);

static struct place place_at(const char *file, unsigned line, unsigned column, unsigned width, const char *text)
{
    return (struct place){.file = file, .line = line, .column = column, .width = width, .text = str_of(text)};
}

static void check_shown(const struct diag *diag, const char *expected)
{
    struct text text;
    text_init(&text);
    diag_show(diag, &text);
    ck_assert_str_eq(text_str(&text).at, expected);
    text_fini(&text);
}

START_TEST(test_shown_as_documented)
{
    struct diag diag;
    diag_init(&diag);
    check_shown(&diag, "");
    struct place place = place_at("gatehouse.conf", 14, 5, 7, "    compres gzip br");
    diag_add(&diag, DIAG_ERROR, &place, "did you mean 'compress'?", "unknown directive '%s' in a reverse block",
             "compres");
    check_shown(&diag, "gatehouse.conf:14:5: unknown directive 'compres' in a reverse block\n"
                       "    14 |     compres gzip br\n"
                       "       |     ^~~~~~~ did you mean 'compress'?\n");
    ck_assert(diag_has_failed(&diag));
    diag_fini(&diag);
}
END_TEST

START_TEST(test_sorted_and_once)
{
    struct diag diag;
    diag_init(&diag);
    struct place b2 = place_at("b", 2, 1, 1, "x"), b1 = place_at("b", 1, 3, 1, "a b"),
                 b1a = place_at("b", 1, 1, 1, "a b");
    struct place a9 = place_at("a", 9, 1, 0, "y");
    diag_add(&diag, DIAG_ERROR, &b2, NULL, "two");
    diag_add(&diag, DIAG_WARNING, &a9, NULL, "nine");
    diag_add(&diag, DIAG_ERROR, &b1, NULL, "one");
    diag_add(&diag, DIAG_ERROR, &b1a, NULL, "first");
    diag_add(&diag, DIAG_ERROR, &b1a, NULL, "second");
    diag_add(&diag, DIAG_ERROR, &b1a, "hint", "first");
    ck_assert_uint_eq(diag.errors, 4);
    ck_assert_uint_eq(diag.warnings, 1);
    check_shown(&diag, "b:1:1: first\n    1 | a b\n      | ^\n"
                       "b:1:1: second\n    1 | a b\n      | ^\n"
                       "b:1:3: one\n    1 | a b\n      |   ^\n"
                       "b:2:1: two\n    2 | x\n      | ^\n"
                       "a:9:1: warning: nine\n    9 | y\n      | ^\n");
    diag_fini(&diag);
    check_shown(&diag, "");
}
END_TEST

START_TEST(test_strict)
{
    struct diag diag;
    diag_init(&diag);
    ck_assert(!diag_has_failed(&diag));
    diag_add(&diag, DIAG_WARNING, NULL, NULL, "careful");
    ck_assert(!diag_has_failed(&diag));
    diag.strict = true;
    ck_assert(diag_has_failed(&diag));
    diag_fini(&diag);
}
END_TEST

START_TEST(test_odd_places)
{
    struct diag diag;
    diag_init(&diag);
    struct place whole = {.file = "f"}, empty = place_at("f", 3, 1, 1, "");
    diag_add(&diag, DIAG_ERROR, NULL, "a hint", "nowhere");
    diag_add(&diag, DIAG_ERROR, &whole, NULL, "whole file");
    diag_add(&diag, DIAG_ERROR, &empty, "close it", "the block is not closed");
    check_shown(&diag, "nowhere (a hint)\nf: whole file\nf:3:1: the block is not closed (close it)\n");
    diag_fini(&diag);

    diag_init(&diag);
    struct place tabs = place_at("f", 1, 3, 2, "\t\tab"),
                 accents = place_at("f", 2, 6, 4, "\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9 x");
    struct place end = place_at("f", 3, 4, 1, "abc"), beyond = place_at("f", 4, 3, 99, "abcd"),
                 escape = place_at("f", 5, 1, 1, "\x1b[2J");
    diag_add(&diag, DIAG_ERROR, &tabs, NULL, "t");
    diag_add(&diag, DIAG_ERROR, &accents, NULL, "a");
    diag_add(&diag, DIAG_ERROR, &end, "h", "e");
    diag_add(&diag, DIAG_ERROR, &beyond, NULL, "b");
    diag_add(&diag, DIAG_ERROR, &escape, NULL, "x");
    check_shown(&diag, "f:1:3: t\n    1 | \t\tab\n      | \t\t^~\n"
                       "f:2:6: a\n    2 | \xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9 x\n      |    ^~\n"
                       "f:3:4: e\n    3 | abc\n      |    ^ h\n"
                       "f:4:3: b\n    4 | abcd\n      |   ^~\n"
                       "f:5:1: x\n    5 | ?[2J\n      | ^\n");
    diag_fini(&diag);
}
END_TEST

START_TEST(test_long_line)
{
    struct diag diag;
    struct text text;
    char line[1000];
    memset(line, 'a', sizeof(line));
    line[500] = 'B';
    diag_init(&diag);
    text_init(&text);
    struct place place = {.file = "f", .line = 1, .column = 501, .width = 1, .text = str_from(line, sizeof(line))};
    diag_add(&diag, DIAG_ERROR, &place, NULL, "m");
    diag_show(&diag, &text);
    ck_assert_uint_lt(text.len, 400);
    size_t b = str_find(text_str(&text), 'B'), caret = str_find(text_str(&text), '^');
    size_t line_start = str_find(text_str(&text), '\n') + 1;
    struct str rest = str_skip(text_str(&text), line_start);
    ck_assert_uint_eq(b - line_start, caret - (line_start + str_find(rest, '\n') + 1));
    text_fini(&text);
    diag_fini(&diag);
}
END_TEST

START_TEST(test_copies)
{
    struct diag diag;
    char file[] = "file", line[] = "line", hint[] = "hint";
    diag_init(&diag);
    struct place place = place_at(file, 1, 1, 4, line);
    diag_add(&diag, DIAG_ERROR, &place, hint, "%s", "message");
    memset(file, 'x', 4);
    memset(line, 'x', 4);
    memset(hint, 'x', 4);
    check_shown(&diag, "file:1:1: message\n    1 | line\n      | ^~~~ hint\n");
    diag_fini(&diag);
}
END_TEST

static const char *nearest(const char *word)
{
    static const char *const names[] = {"compress", "conceal", "cache",       "listen", "to",
                                        "pool",     "app",     "round-robin", NULL};
    const char *name = diag_nearest(str_of(word), names);
    return name ? name : "-";
}

START_TEST(test_nearest)
{
    static const char *const none[] = {NULL};
    char long_word[100];
    ck_assert_str_eq(nearest("compres"), "compress");
    ck_assert_str_eq(nearest("concel"), "conceal");
    ck_assert_str_eq(nearest("conceal"), "conceal");
    ck_assert_str_eq(nearest("listn"), "listen");
    ck_assert_str_eq(nearest("lisetn"), "listen"); /* neighbours swapped: one step */
    ck_assert_str_eq(nearest("apq"), "app");
    ck_assert_str_eq(nearest("ot"), "to");
    ck_assert_str_eq(nearest("rond-robin"), "round-robin");
    ck_assert_str_eq(nearest("ruond-robni"), "round-robin");
    ck_assert_str_eq(nearest("qqqq"), "-");
    ck_assert_str_eq(nearest("abcdef"), "-");
    ck_assert_str_eq(nearest(""), "-");
    ck_assert_ptr_null(diag_nearest(STR("x"), none));
    memset(long_word, 'c', sizeof(long_word));
    static const char *const names[] = {"compress", NULL};
    ck_assert_ptr_null(diag_nearest(str_from(long_word, sizeof(long_word)), names));
}
END_TEST

Suite *suite_diag(void)
{
    Suite *suite = suite_create("diag");
    TCase *tcase = tcase_create("diag");
    tcase_add_test(tcase, test_shown_as_documented);
    tcase_add_test(tcase, test_sorted_and_once);
    tcase_add_test(tcase, test_strict);
    tcase_add_test(tcase, test_odd_places);
    tcase_add_test(tcase, test_long_line);
    tcase_add_test(tcase, test_copies);
    tcase_add_test(tcase, test_nearest);
    suite_add_tcase(suite, tcase);
    return suite;
}
