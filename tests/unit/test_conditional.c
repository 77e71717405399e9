#include "http/conditional.h"

#include "base/must.h"

#include <check.h>

Suite *suite_conditional(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

static struct fields fields_of(const char *lines)
{
    struct fields fields;
    struct str rest = str_of(lines), line;
    fields_init(&fields, &arena);
    while (str_cut(&rest, '\n', &line) && line.len > 0) {
        size_t colon = str_find(line, ':');
        fields_add(&fields, str_head(line, colon), str_trim(str_skip(line, colon + 1)));
    }
    return fields;
}

#define BEFORE "Wed, 25 Nov 2026 07:59:59 GMT\n"
#define EXACT "Wed, 25 Nov 2026 08:00:00 GMT\n"
#define AFTER "Wed, 25 Nov 2026 08:00:01 GMT\n"

START_TEST(test_judge)
{
    static const struct {
        const char *lines;
        enum precondition get, put;
    } cases[] = {
        {"", PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Match: \"b\", \"a\"\n", PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Match: *\n", PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Match: \"b\"\n", PRECONDITION_FAILED, PRECONDITION_FAILED},
        {"If-Match: W/\"a\"\n", PRECONDITION_FAILED, PRECONDITION_FAILED},
        {"If-Match: \"a\"\nIf-Unmodified-Since: " BEFORE, PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Unmodified-Since: " BEFORE, PRECONDITION_FAILED, PRECONDITION_FAILED},
        {"If-Unmodified-Since: " EXACT, PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Unmodified-Since: yesterday\n", PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-None-Match: \"b\", W/\"a\"\n", PRECONDITION_NOT_MODIFIED, PRECONDITION_FAILED},
        {"If-None-Match: *\n", PRECONDITION_NOT_MODIFIED, PRECONDITION_FAILED},
        {"If-None-Match: \"b\"\nIf-Modified-Since: " AFTER, PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Modified-Since: " AFTER, PRECONDITION_NOT_MODIFIED, PRECONDITION_HOLDS},
        {"If-Modified-Since: " EXACT, PRECONDITION_NOT_MODIFIED, PRECONDITION_HOLDS},
        {"If-Modified-Since: " BEFORE, PRECONDITION_HOLDS, PRECONDITION_HOLDS},
        {"If-Modified-Since: " AFTER "If-Modified-Since: " AFTER, PRECONDITION_HOLDS, PRECONDITION_HOLDS},
    };
    struct fields response = fields_of("ETag: \"a\"\nLast-Modified: " EXACT);
    struct validators have = validators_of(&response);
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct fields request = fields_of(cases[i].lines);
        ck_assert_msg(conditional_judge(METHOD_GET, &request, &have) == cases[i].get, "%s", cases[i].lines);
        ck_assert_msg(conditional_judge(METHOD_PUT, &request, &have) == cases[i].put, "%s", cases[i].lines);
    }
}
END_TEST

START_TEST(test_missing)
{
    struct validators have = {.is_missing = true};
    struct fields request = fields_of("If-Match: *\n");
    ck_assert_int_eq(conditional_judge(METHOD_PUT, &request, &have), PRECONDITION_FAILED);
    request = fields_of("If-None-Match: *\n");
    ck_assert_int_eq(conditional_judge(METHOD_PUT, &request, &have), PRECONDITION_HOLDS);
}
END_TEST

START_TEST(test_if_range)
{
    static const struct {
        const char *lines;
        bool allows;
    } cases[] = {{"", true},
                 {"If-Range: \"a\"\n", true},
                 {"If-Range: W/\"a\"\n", false},
                 {"If-Range: \"b\"\n", false},
                 {"If-Range: " EXACT, true},
                 {"If-Range: " AFTER, false},
                 {"If-Range: x\n", false}};
    struct fields response = fields_of("ETag: \"a\"\nLast-Modified: " EXACT);
    struct validators have = validators_of(&response);
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct fields request = fields_of(cases[i].lines);
        ck_assert_msg(conditional_allows_range(&request, &have) == cases[i].allows, "%s", cases[i].lines);
    }
}
END_TEST

START_TEST(test_etags)
{
    ck_assert(etag_is_valid(STR("\"\"")) && etag_is_valid(STR("W/\"x y\"")) == false && etag_is_valid(STR("W/\"xy\"")));
    ck_assert(!etag_is_valid(STR("x")) && !etag_is_valid(STR("\"")) && !etag_is_valid(STR("w/\"x\"")) &&
              !etag_is_valid(STR("")));
    ck_assert(etag_matches_weak(STR("W/\"1\""), STR("\"1\"")) && !etag_matches_weak(STR("\"1\""), STR("\"2\"")));
    ck_assert(etag_matches_strong(STR("\"1\""), STR("\"1\"")) && !etag_matches_strong(STR("W/\"1\""), STR("W/\"1\"")));
    ck_assert(!etag_matches_weak(STR_NONE, STR_NONE) && !etag_matches_strong(STR_NONE, STR_NONE));
    struct fields response = fields_of("ETag: bare\nLast-Modified: soon\n");
    struct validators have = validators_of(&response);
    ck_assert(have.etag.at == NULL && !have.has_modified);
}
END_TEST

Suite *suite_conditional(void)
{
    Suite *suite = suite_create("conditional");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_judge);
    tcase_add_test(tests, test_missing);
    tcase_add_test(tests, test_if_range);
    tcase_add_test(tests, test_etags);
    suite_add_tcase(suite, tests);
    return suite;
}
