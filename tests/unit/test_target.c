#include "http/target.h"

#include "base/must.h"

#include <check.h>

Suite *suite_target(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

START_TEST(test_accepted)
{
    static const struct {
        const char *raw;
        enum method method;
        enum target_form form;
        const char *path, *query, *authority;
    } cases[] = {
        {"/", METHOD_GET, TARGET_ORIGIN, "/", NULL, NULL},
        {"/a?b?c", METHOD_POST, TARGET_ORIGIN, "/a", "b?c", NULL},
        {"/a?", METHOD_OTHER, TARGET_ORIGIN, "/a", "", NULL},
        {"/a?%zz=100%&x=|\\", METHOD_GET, TARGET_ORIGIN, "/a", "%zz=100%&x=|\\", NULL},
        {"//127.0.0.1/x", METHOD_GET, TARGET_ORIGIN, "//127.0.0.1/x", NULL, NULL},
        {"http://h:80/%61", METHOD_GET, TARGET_ABSOLUTE, "/a", NULL, "h:80"},
        {"HTTP://h", METHOD_GET, TARGET_ABSOLUTE, "/", NULL, "h"},
        {"http://h?x", METHOD_GET, TARGET_ABSOLUTE, "/", "x", "h"},
        {"http://", METHOD_GET, TARGET_ABSOLUTE, "/", NULL, ""},
        {"http://h", METHOD_OPTIONS, TARGET_ASTERISK, "*", NULL, "h"},
        {"http://h/", METHOD_OPTIONS, TARGET_ABSOLUTE, "/", NULL, "h"},
        {"*", METHOD_OPTIONS, TARGET_ASTERISK, "*", NULL, NULL},
        {"/x", METHOD_OPTIONS, TARGET_ORIGIN, "/x", NULL, NULL},
        {"h:443", METHOD_CONNECT, TARGET_AUTHORITY, NULL, NULL, "h:443"},
        {"/x", METHOD_CONNECT, TARGET_AUTHORITY, NULL, NULL, "/x"},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct target target;
        struct str authority;
        ck_assert_msg(target_parse(&arena, str_of(cases[i].raw), cases[i].method, &target, &authority), "%s",
                      cases[i].raw);
        ck_assert_int_eq(target.form, cases[i].form);
        ck_assert(str_eq(target.path, str_of(cases[i].path)) && str_eq(target.query, str_of(cases[i].query)));
        ck_assert_int_eq(target.query.at == NULL, cases[i].query == NULL);
        ck_assert(str_eq(authority, str_of(cases[i].authority)));
        ck_assert_int_eq(authority.at == NULL, cases[i].authority == NULL);
    }
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *raw;
        enum method method;
    } cases[] = {
        {"", METHOD_GET},
        {"a", METHOD_GET},
        {"*", METHOD_GET},
        {"*x", METHOD_OPTIONS},
        {"https://h/", METHOD_GET},
        {"file:///etc", METHOD_GET},
        {"ftp://h/", METHOD_GET},
        {"urn:a:b", METHOD_GET},
        {"@h/", METHOD_GET},
        {"?x", METHOD_GET},
        {"http:/h/", METHOD_GET},
        {"http:", METHOD_GET},
        {"/a#b", METHOD_GET},
        {"/a?b#c", METHOD_GET},
        {"/a b", METHOD_GET},
        {"/\x80", METHOD_GET},
        {"/a?\xff", METHOD_GET},
        {"/%00", METHOD_GET},
        {"cache_object://h/", METHOD_GET},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct target target;
        struct str authority;
        ck_assert_msg(!target_parse(&arena, str_of(cases[i].raw), cases[i].method, &target, &authority), "%s",
                      cases[i].raw);
    }
}
END_TEST

START_TEST(test_uri)
{
    struct target target = {.path = STR("/a"), .query = STR_NONE};
    ck_assert(str_eq(target_uri(&arena, &target), STR("/a")));
    target.query = STR("");
    ck_assert(str_eq(target_uri(&arena, &target), STR("/a?")));
}
END_TEST

Suite *suite_target(void)
{
    Suite *suite = suite_create("target");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_accepted);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_uri);
    suite_add_tcase(suite, tests);
    return suite;
}
