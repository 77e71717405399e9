#include "base/regex.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

Suite *suite_regex(void);

static struct regex *regex_of(const char *pattern)
{
    char why[REGEX_WHY_MAX] = "";
    size_t at;
    struct regex *regex = regex_new(str_of(pattern), why, &at);
    ck_assert_msg(regex != NULL, "%s: %s", pattern, why);
    return regex;
}

static enum regex_result match(const char *pattern, struct str text)
{
    struct regex *regex = regex_of(pattern);
    enum regex_result result = regex_match(regex, text, NULL, 0);
    regex_free(regex);
    return result;
}

static void tear_down(void)
{
    regex_thread_done();
}

START_TEST(test_match)
{
    ck_assert_int_eq(match("^/a{2}$", STR("/aa")), REGEX_MATCH);
    ck_assert_int_eq(match("^/a{2}$", STR("/aaa")), REGEX_NO_MATCH);
    ck_assert_int_eq(match("b", STR("abc")), REGEX_MATCH);
    ck_assert_int_eq(match("B", STR("abc")), REGEX_NO_MATCH);
    ck_assert_int_eq(match("(?i)B", STR("abc")), REGEX_MATCH);
    ck_assert_int_eq(match("", STR("")), REGEX_MATCH);
    ck_assert_int_eq(match("^$", STR_NONE), REGEX_MATCH);
    ck_assert_int_eq(match("x", STR_NONE), REGEX_NO_MATCH);
    ck_assert_int_eq(match("\\.php$", STR("/x.php")), REGEX_MATCH);
    ck_assert_int_eq(match("^/(?!public/)", STR("/private")), REGEX_MATCH);
}
END_TEST

/* No rule is passed by an odd byte. */
START_TEST(test_odd_bytes)
{
    ck_assert_int_eq(match("^/admin$", STR("/admin\n")), REGEX_NO_MATCH);
    ck_assert_int_eq(match("^/a.b$", STR("/a\nb")), REGEX_MATCH);
    ck_assert_int_eq(match("^/a.b$", str_from("/a\0b", 4)), REGEX_MATCH);
    ck_assert_int_eq(match("^/a.b$", STR("/a\xff"
                                         "b")),
                     REGEX_MATCH);
    ck_assert_int_eq(match("^b", STR("a\nb")), REGEX_NO_MATCH);
    ck_assert_int_eq(match("^/a..b$", STR("/a\xc3\xa9"
                                          "b")),
                     REGEX_MATCH);  /* bytes, not characters */
    char text[3] = {'a', 'b', 'c'}; /* not terminated */
    ck_assert_int_eq(match("abc$", str_from(text, 3)), REGEX_MATCH);
    ck_assert_int_eq(match("abc$", str_from(text, 2)), REGEX_NO_MATCH);
}
END_TEST

START_TEST(test_groups)
{
    struct regex *regex = regex_of("^/(\\w+)(?:/(\\d+))?(/x)?(.*)$");
    struct str groups[REGEX_GROUPS], text = STR("/user/42rest");
    ck_assert_uint_eq(regex_group_count(regex), 4);
    ck_assert_int_eq(regex_match(regex, text, groups, REGEX_GROUPS), REGEX_MATCH);
    ck_assert(str_eq(groups[0], text) && groups[0].at == text.at);
    ck_assert(str_eq(groups[1], STR("user")));
    ck_assert(str_eq(groups[2], STR("42")));
    ck_assert_ptr_null(groups[3].at);
    ck_assert(str_eq(groups[4], STR("rest")));
    ck_assert_ptr_null(groups[5].at);
    ck_assert_ptr_null(groups[9].at);
    ck_assert_int_eq(regex_match(regex, STR("/user"), groups, 2), REGEX_MATCH);
    ck_assert(str_eq(groups[1], STR("user")));
    groups[0] = STR("untouched");
    ck_assert_int_eq(regex_match(regex, STR("-"), groups, REGEX_GROUPS), REGEX_NO_MATCH);
    ck_assert(str_eq(groups[0], STR("untouched")));
    ck_assert_int_eq(regex_match(regex, STR("/a"), groups, 5), REGEX_MATCH);
    ck_assert(groups[4].at != NULL && groups[4].len == 0); /* took part, and is empty */
    regex_free(regex);

    regex = regex_of("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)");
    ck_assert_int_eq(regex_match(regex, STR("abcdefghijkl"), groups, REGEX_GROUPS), REGEX_MATCH);
    ck_assert(str_eq(groups[9], STR("i")));
    regex_free(regex);

    regex = regex_of("a\\Kb");
    ck_assert_int_eq(regex_match(regex, STR("ab"), groups, 1), REGEX_MATCH);
    ck_assert(str_eq(groups[0], STR("b")));
    regex_free(regex);
}
END_TEST

START_TEST(test_limits)
{
    enum { LEN = 8000 };
    static char many[LEN];
    memset(many, 'a', LEN);
    many[LEN - 1] = 'b';
    ck_assert_int_eq(match("^(a+)+$", str_from(many, LEN)), REGEX_LIMIT);
    ck_assert_int_eq(match("^(a|aa)+$", str_from(many, LEN)), REGEX_LIMIT);
    ck_assert_int_eq(match("^(a+)+$", str_from(many + LEN - 40, 40)), REGEX_LIMIT);
    /* Plain ones do not come near it. */
    ck_assert_int_eq(match("^.*x", str_from(many, LEN)), REGEX_NO_MATCH);
    ck_assert_int_eq(match("^a+b$", str_from(many, LEN)), REGEX_MATCH);
    ck_assert_int_eq(match("^(?:a|b)*$", str_from(many, LEN)), REGEX_MATCH);
    /* Afterwards the thread's scratch memory is as good as before. */
    ck_assert_int_eq(match("b$", str_from(many, LEN)), REGEX_MATCH);
}
END_TEST

/* The limits hold without JIT too. */
START_TEST(test_limits_interpreted)
{
    enum { LEN = 8000 };
    static char many[LEN];
    memset(many, 'a', LEN);
    many[LEN - 1] = 'b';
    ck_assert_int_eq(match("(*NO_JIT)^(a+)+$", str_from(many, LEN)), REGEX_LIMIT);
    ck_assert_int_eq(match("(*NO_JIT)^(a+)+$", str_from(many + LEN - 40, 40)), REGEX_LIMIT);
    ck_assert_int_eq(match("(*NO_JIT)^.*x", str_from(many, LEN)), REGEX_NO_MATCH);
    ck_assert_int_eq(match("(*NO_JIT)^(?:a|b)*$", str_from(many, LEN)), REGEX_MATCH);
    ck_assert_int_eq(match("(*NO_JIT)(*LIMIT_MATCH=4000000000)^(a+)+$", str_from(many, LEN)), REGEX_LIMIT);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *pattern;
        size_t at;
    } cases[] = {{"a(b", 3}, {"a)", 1}, {"[a", 2}, {"*a", 0}, {"a{2,1}", 0}, {"(*UTF)a", 0}, {"\\C", 2}, {"(?<n", 4}};
    char why[REGEX_WHY_MAX];
    size_t at;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        why[0] = '\0';
        ck_assert_ptr_null(regex_new(str_of(cases[i].pattern), why, &at));
        ck_assert_msg(why[0] != '\0', "%s", cases[i].pattern);
        if (cases[i].at != 0)
            ck_assert_msg(at == cases[i].at, "%s: %zu", cases[i].pattern, at);
    }
    static char long_pattern[10000];
    memset(long_pattern, 'a', sizeof(long_pattern));
    ck_assert_ptr_null(regex_new(str_from(long_pattern, sizeof(long_pattern)), why, &at));
    memset(long_pattern, '(', 2000);
    ck_assert_ptr_null(regex_new(str_from(long_pattern, 2000), why, &at));
    regex_free(NULL);
}
END_TEST

static void *match_often(void *argument)
{
    const struct regex *regex = argument;
    for (int i = 0; i < 2000; i++) {
        struct str groups[2];
        if (regex_match(regex, STR("key=value"), groups, 2) != REGEX_MATCH || !str_eq(groups[1], STR("value")))
            return NULL;
    }
    regex_thread_done();
    return argument;
}

START_TEST(test_threads)
{
    struct regex *regex = regex_of("=(.*)$");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, match_often, regex), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ck_assert_ptr_eq(result, regex);
    }
    regex_free(regex);
}
END_TEST

Suite *suite_regex(void)
{
    Suite *suite = suite_create("regex");
    TCase *tcase = tcase_create("regex");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, test_match);
    tcase_add_test(tcase, test_odd_bytes);
    tcase_add_test(tcase, test_groups);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_limits_interpreted);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_threads);
    suite_add_tcase(suite, tcase);
    return suite;
}
