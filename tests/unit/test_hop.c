#include "proxy/hop.h"

#include <check.h>

Suite *suite_hop(void);

static struct arena arena;
static struct fields from;
static struct fields to;

static void setup(void)
{
    arena_init(&arena);
    fields_init(&from, &arena);
    fields_init(&to, &arena);
}

static void teardown(void)
{
    arena_reset(&arena);
}

START_TEST(hop_by_hop_fields_end_here)
{
    static const char *const names[] = {"Connection",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "Proxy-Authorization",
                                        "Proxy-Authenticate",
                                        "HTTP2-Settings",
                                        "Content-Length",
                                        "Host"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        fields_add(&from, str_of(names[i]), STR("x"));
    fields_add(&from, STR("X-Kept"), STR("1"));
    hop_copy(&from, &to);
    ck_assert_uint_eq(to.count, 1);
    ck_assert(str_eq(to.at[0].name, STR("X-Kept")));
}
END_TEST

START_TEST(connection_takes_away_what_it_names)
{
    fields_add(&from, STR("Connection"), STR("close, X-Private"));
    fields_add(&from, STR("X-Private"), STR("1"));
    fields_add(&from, STR("x-private"), STR("2"));
    fields_add(&from, STR("X-Kept"), STR("3"));
    hop_copy(&from, &to);
    ck_assert_uint_eq(to.count, 1);
}
END_TEST

START_TEST(connection_cannot_take_away_what_servers_rely_on)
{
    fields_add(&from, STR("Connection"), STR("Authorization, Cookie, X-Forwarded-For, Via"));
    fields_add(&from, STR("Authorization"), STR("a"));
    fields_add(&from, STR("Cookie"), STR("b"));
    fields_add(&from, STR("X-Forwarded-For"), STR("c"));
    fields_add(&from, STR("Via"), STR("1.1 d"));
    hop_copy(&from, &to);
    ck_assert_uint_eq(to.count, 4);
}
END_TEST

START_TEST(loop_is_found_by_via)
{
    fields_add(&from, STR("Via"), STR("1.0 fred, 1.1 other (comment, with comma)"));
    ck_assert(!hop_is_loop(&from, STR("us")));
    hop_add_via(&from, 1, STR("us"), &arena);
    ck_assert(hop_is_loop(&from, STR("us")));
    ck_assert(!hop_is_loop(&from, STR("u")));
}
END_TEST

Suite *suite_hop(void)
{
    Suite *suite = suite_create("hop");
    TCase *tests = tcase_create("hop");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, hop_by_hop_fields_end_here);
    tcase_add_test(tests, connection_takes_away_what_it_names);
    tcase_add_test(tests, connection_cannot_take_away_what_servers_rely_on);
    tcase_add_test(tests, loop_is_found_by_via);
    suite_add_tcase(suite, tests);
    return suite;
}
