#include "base/glob.h"

#include <check.h>
#include <time.h>

Suite *suite_glob(void);

static bool match(const char *pattern, const char *text)
{
    return glob_match(str_of(pattern), str_of(text));
}

START_TEST(test_match)
{
    static const struct {
        const char *pattern, *text;
        bool is_match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"a", "a", true},
        {"a", "A", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"*", "", true},
        {"*", "a/b", true},
        {"**", "abc", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "/", true},
        {"?", "ab", false},
        {"a*", "a", true},
        {"a*", "abc", true},
        {"a*", "ba", false},
        {"*a", "a", true},
        {"*a", "aaba", true},
        {"*a", "ab", false},
        {"a*c", "ac", true},
        {"a*c", "abcbc", true},
        {"a*c", "abcb", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "acb", false},
        {"*.php", "/a/b.php", true},
        {"*.php", "/a/b.php5", false},
        {"/a/*/c", "/a/b/x/c", true},
        {"/a/*/c", "/a/c", false},
        {"?*?", "a", false},
        {"?*?", "ab", true},
        {"*?", "", false},
        {"*?", "a", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*ab", "aab", true},
        {"*aab", "aaab", true},
        {"a*?b", "ab", false},
        {"a*?b", "acb", true},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"\\*", "\\x", true},
        {"a*", "", false},
        {"*a*", "bbb", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(match(cases[i].pattern, cases[i].text) == cases[i].is_match, "%s %s", cases[i].pattern,
                      cases[i].text);
    ck_assert(glob_match(STR("a?b"), str_from("a\0b", 3)));
    ck_assert(glob_match(STR("*"), STR_NONE));
    ck_assert(glob_match(STR_NONE, STR_NONE));
}
END_TEST

START_TEST(test_folder)
{
    ck_assert(match("/admin/*", "/admin"));
    ck_assert(match("/admin/*", "/admin/"));
    ck_assert(match("/admin/*", "/admin/a/b"));
    ck_assert(!match("/admin/*", "/administrator"));
    ck_assert(!match("/admin/*", "/admi"));
    ck_assert(!match("/admin/*", "/Admin"));
    ck_assert(!match("/admin/**", "/admin"));
    ck_assert(!match("/admin/?", "/admin"));
    ck_assert(match("/*/x/*", "/a/x"));
    ck_assert(match("/*", "/"));
    ck_assert(match("/*", "/a"));
    ck_assert(match("/*", ""));
    ck_assert(!match("/*", "a"));
}
END_TEST

START_TEST(test_nocase)
{
    ck_assert(glob_match_nocase(STR("*Bot*"), STR("some bOt/1.0")));
    ck_assert(glob_match_nocase(STR("TEXT/?tml"), STR("text/HTML")));
    ck_assert(!glob_match_nocase(STR("image/*"), STR("image")));
    ck_assert(glob_match_nocase(STR("image/*"), STR("image/")));
    ck_assert(!glob_match_nocase(STR("\xc3\xa9"), STR("\xc3\x89")));
    ck_assert(!glob_match_nocase(STR("@"), STR("`"))); /* apart by the bit that tells cases of letters */
}
END_TEST

/* Many stars must not take exponential time. */
START_TEST(test_steps)
{
    static char pattern[201], text[8000];
    for (size_t i = 0; i < 200; i += 2)
        memcpy(pattern + i, "a*", 2);
    pattern[200] = 'b';
    memset(text, 'a', sizeof(text));
    clock_t start = clock();
    for (int i = 0; i < 100; i++)
        ck_assert(!glob_match(str_from(pattern, sizeof(pattern)), str_from(text, sizeof(text))));
    ck_assert_int_lt((clock() - start) / CLOCKS_PER_SEC, 3);
}
END_TEST

/* What glob.h says, written down the slow way. */
static bool slow_match(const char *p, const char *t)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p == '*')
        return slow_match(p + 1, t) || (*t != '\0' && slow_match(p, t + 1));
    return *t != '\0' && (*p == '?' || *p == *t) && slow_match(p + 1, t + 1);
}

START_TEST(test_like_the_slow_one)
{
    unsigned seed = 5;
    for (int i = 0; i < 200000; i++) {
        char pattern[8] = "", text[10] = "";
        for (size_t j = 0; j < 7; j++) {
            seed = seed * 1103515245 + 12345;
            pattern[j] = "ab*?*ab\0"[seed >> 16 & 7];
        }
        for (size_t j = 0; j < 9; j++) {
            seed = seed * 1103515245 + 12345;
            text[j] = "aabb\0aba"[seed >> 16 & 7];
        }
        if (match(pattern, text) != slow_match(pattern, text))
            ck_abort_msg("%s %s", pattern, text);
    }
}
END_TEST

static bool fits_escaped(const char *pattern, const char *text)
{
    return glob_match_escaped(str_of(pattern), str_of(text));
}

START_TEST(test_escaped)
{
    ck_assert(fits_escaped("a,b", "a,b") && fits_escaped("a\\,b", "a\\,b"));
    ck_assert(!fits_escaped("a,b", "a\\,b") && !fits_escaped("a\\,b", "a,b"));
    ck_assert(!fits_escaped("*,b", "a\\,b") && fits_escaped("*,b", "a\\\\,b"));
    ck_assert(!fits_escaped("*\\,b", "a\\\\,b") && fits_escaped("*\\,b", "a\\,b"));
    ck_assert(fits_escaped("a?b", "a\\,b") && !fits_escaped("a??b", "a\\,b"));
    ck_assert(fits_escaped("*", "\\,\\") && !fits_escaped("\\", "\\,") && fits_escaped("\\", "\\"));
    ck_assert(fits_escaped("a\\*b", "a*b") && !fits_escaped("a\\*b", "axb") && !fits_escaped("a\\*b", "a\\xb"));
    ck_assert(fits_escaped("a\\?b", "a?b") && !fits_escaped("a\\?b", "axb") && !fits_escaped("a\\xb", "axb"));
    ck_assert(fits_escaped("a\\C3*", "a\\C3\\A4") && !fits_escaped("*3", "a\\C3") && !fits_escaped("a?3", "a\\C3"));
    ck_assert(!fits_escaped("a?", "a\\C3") && !fits_escaped("a??", "a\\C3") && fits_escaped("*\\C", "a\\C"));
    ck_assert(!fits_escaped("a/*", "a") && !fits_escaped("A", "a") && !fits_escaped("\\A", "\\a"));
}
END_TEST

Suite *suite_glob(void)
{
    Suite *suite = suite_create("glob");
    TCase *tcase = tcase_create("glob");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_match);
    tcase_add_test(tcase, test_folder);
    tcase_add_test(tcase, test_nocase);
    tcase_add_test(tcase, test_escaped);
    tcase_add_test(tcase, test_steps);
    tcase_add_test(tcase, test_like_the_slow_one);
    suite_add_tcase(suite, tcase);
    return suite;
}
