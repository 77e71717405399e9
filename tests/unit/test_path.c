#include "http/path.h"

#include "base/must.h"

#include <check.h>

Suite *suite_path(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

START_TEST(test_canonical)
{
    /* raw, canonical, second reading (NULL: the same) */
    static const char *const cases[][3] = {
        {"/", "/", NULL},
        {"/a/b.html;x=1:2@3,(4)", "/a/b.html;x=1:2@3,(4)", NULL},
        {"/%62locked/%7e%2D", "/blocked/~-", NULL},
        {"/%c3%a9%3a%20%25", "/%C3%A9%3A%20%25", NULL},
        {"/%2562locked", "/%2562locked", NULL},
        {"/a|b\"c<d>^`{e}", "/a%7Cb%22c%3Cd%3E%5E%60%7Be%7D", NULL},
        {"/\xc3\xa9 x", "/%C3%A9%20x", NULL},
        {"/a/./b/../c", "/a/c", NULL},
        {"/a/b/..", "/a/", NULL},
        {"/a/b/.", "/a/b/", NULL},
        {"/..", "/", NULL},
        {"/../../a", "/a", NULL},
        {"/x/%2e%2E/blocked", "/blocked", NULL},
        {"/x/.%2e/blocked/%2e", "/blocked/", NULL},
        {"/...", "/...", NULL},
        {"/.a/..b/c..", "/.a/..b/c..", NULL},
        {"//blocked", "//blocked", "/blocked"},
        {"/a//b", "/a//b", "/a/b"},
        {"/a//", "/a//", "/a/"},
        {"/a//../b", "/a/b", NULL},
        {"//../b", "/b", NULL},
        {"/x/..%2fblocked", "/x/..%2fblocked", "/blocked"},
        {"/x/%2e%2e%5Cblocked", "/x/..%5Cblocked", "/blocked"},
        {"/a%2Fb", "/a%2Fb", "/a/b"},
        {"/%2fblocked", "/%2fblocked", "/blocked"},
        {"/a/..;x/b", "/a/..;x/b", "/b"},
        {"/a/..;/b", "/a/..;/b", "/b"},
        {"/a/.;/b", "/a/.;/b", "/a/b"},
        {"/a/..%3bx=1/b", "/a/..%3Bx=1/b", "/b"},
        {"/;x/b", "/;x/b", "/b"},
        {"/a;x/b", "/a;x/b", NULL},
        {"/a/..;x", "/a/..;x", "/"},
        {"/web/http://example.org/", "/web/http://example.org/", "/web/http:/example.org/"},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct str canonical, second, again, again_second;
        ck_assert_msg(path_canonical(&arena, str_of(cases[i][0]), &canonical, &second), "%s", cases[i][0]);
        ck_assert_msg(str_eq(canonical, str_of(cases[i][1])), "%s: %.*s", cases[i][0], STR_ARGS(canonical));
        ck_assert_msg((second.at == NULL) == (cases[i][2] == NULL) && str_eq(second, str_of(cases[i][2])), "%s: %.*s",
                      cases[i][0], STR_ARGS(second));
        ck_assert(path_canonical(&arena, canonical, &again, &again_second));
        ck_assert(str_eq(again, canonical) && str_eq(again_second, second));
    }
}
END_TEST

START_TEST(test_refused)
{
    static const char *const cases[] = {"",     "a",     "/%",        "/%4",   "/a%zz", "/%g0",  "/blocked%00",
                                        "/%00", "/a\\b", "/x\\..\\y", "/\x01", "/\x7f", "/\r\n", "/%%41"};
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct str canonical, second;
        ck_assert_msg(!path_canonical(&arena, str_of(cases[i]), &canonical, &second), "%s", cases[i]);
    }
    struct str canonical, second;
    ck_assert(!path_canonical(&arena, str_from("/a\0b", 4), &canonical, &second));
}
END_TEST

Suite *suite_path(void)
{
    Suite *suite = suite_create("path");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_canonical);
    tcase_add_test(tests, test_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
