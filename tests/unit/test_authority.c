#include "http/authority.h"

#include "base/must.h"

#include <check.h>
#include <string.h>

Suite *suite_authority(void);

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
        const char *text, *host, *again;
        unsigned port;
        int version;
    } cases[] = {
        {"example.org", "example.org", "example.org", 0, 0},
        {"EXAMPLE.Org.:8080", "example.org", "example.org:8080", 8080, 0},
        {"example.org:", "example.org", "example.org", 0, 0},
        {"example.org:00080", "example.org", "example.org", 80, 0},
        {"a_b.test:65535", "a_b.test", "a_b.test:65535", 65535, 0},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example", 0, 0},
        {"127.0.0.1:1", "127.0.0.1", "127.0.0.1:1", 1, 4},
        {"[::1]", "::1", "[::1]", 0, 6},
        {"[2001:DB8:0:0::1]:443", "2001:db8::1", "[2001:db8::1]:443", 443, 6},
        {"[::ffff:127.0.0.1]:80", "127.0.0.1", "127.0.0.1", 80, 4},
        {"0xg.test", "0xg.test", "0xg.test", 0, 0},
        {"1.2.3.4.example", "1.2.3.4.example", "1.2.3.4.example", 0, 0},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct authority authority;
        ck_assert_msg(authority_parse(&arena, str_of(cases[i].text), AUTHORITY_HOST, &authority), "%s", cases[i].text);
        ck_assert_msg(str_eq(authority.host, str_of(cases[i].host)), "%.*s", STR_ARGS(authority.host));
        ck_assert_uint_eq(authority.port, cases[i].port);
        ck_assert_int_eq(authority.ip.version, cases[i].version);
        ck_assert(str_eq(authority_text(&arena, &authority, 80), str_of(cases[i].again)));
    }
}
END_TEST

static const char *const refused[] = {"",
                                      ":80",
                                      ".",
                                      "a b",
                                      "a/b",
                                      "a#b",
                                      "a?b",
                                      "a\\b",
                                      "a\tb",
                                      "a@b",
                                      "u:p@h",
                                      "a,b",
                                      "a%62",
                                      "a%2e",
                                      "a..b",
                                      "a..",
                                      ".a",
                                      "a:80:80",
                                      "a:0",
                                      "a:65536",
                                      "a:000080",
                                      "a:-1",
                                      "a:+80",
                                      "a:0x50",
                                      "a:80a",
                                      "a: 80",
                                      "a:80 ",
                                      " a",
                                      "a ",
                                      "[::1",
                                      "::1",
                                      "[::1]80",
                                      "[::1]x",
                                      "[]",
                                      "[127.0.0.1]",
                                      "[::1%25lo]",
                                      "[::1%lo]",
                                      "[v1.a]",
                                      "[::g]",
                                      "[[::1]]",
                                      "127.1",
                                      "0x7f.1",
                                      "2130706433",
                                      "0177.0.0.1",
                                      "0x7f000001",
                                      "127.0.0.1.",
                                      "127.0.0.256",
                                      "1.2.3.4.5",
                                      "example.123",
                                      "0x7f.0.0.1",
                                      "127.0.0.0x1",
                                      "bl\xc3\xb6"
                                      "cked.test",
                                      "\xef\xbc\x91"
                                      "27.0.0.1", /* full-width */
                                      "\xe2\x92\x91"
                                      "1.2.3", /* one sign for 10. */
                                      "127\xe3\x80\x82"
                                      "0.0.1",
                                      "a'b",
                                      "a;b",
                                      "a~b",
                                      "a*b",
                                      "*",
                                      "http://a"};

START_TEST(test_refused)
{
    for (size_t i = 0; i < lengthof(refused); i++) {
        struct authority authority = {.port = 7};
        ck_assert_msg(!authority_parse(&arena, str_of(refused[i]), AUTHORITY_HOST, &authority), "%s", refused[i]);
        ck_assert_uint_eq(authority.port, 7);
    }
    char name[400];
    struct authority authority;
    memset(name, 'a', sizeof name);
    ck_assert(!authority_parse(&arena, str_from(name, 300), AUTHORITY_HOST, &authority));
    ck_assert(!authority_parse(&arena, str_from(name, 64), AUTHORITY_HOST, &authority));
    ck_assert(!authority_parse(&arena, str_from("a\0b", 3), AUTHORITY_HOST, &authority));
}
END_TEST

START_TEST(test_uses)
{
    struct authority authority;
    ck_assert(authority_parse(&arena, STR("h:443"), AUTHORITY_CONNECT, &authority));
    ck_assert(!authority_parse(&arena, STR("h"), AUTHORITY_CONNECT, &authority));
    ck_assert(!authority_parse(&arena, STR("h:"), AUTHORITY_CONNECT, &authority));
    ck_assert(!authority_parse(&arena, STR("[::1]"), AUTHORITY_CONNECT, &authority));
    ck_assert(authority_parse(&arena, STR("h"), AUTHORITY_NAME, &authority));
    ck_assert(!authority_parse(&arena, STR("h:"), AUTHORITY_NAME, &authority));
    ck_assert(!authority_parse(&arena, STR("h:443"), AUTHORITY_NAME, &authority));
}
END_TEST

START_TEST(test_same)
{
    struct authority a, b;
    ck_assert(authority_parse(&arena, STR("H:80"), AUTHORITY_HOST, &a) &&
              authority_parse(&arena, STR("h."), AUTHORITY_HOST, &b));
    ck_assert(authority_same(&a, &b, 80));
    ck_assert(!authority_same(&a, &b, 443));
}
END_TEST

Suite *suite_authority(void)
{
    Suite *suite = suite_create("authority");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_accepted);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_uses);
    tcase_add_test(tests, test_same);
    suite_add_tcase(suite, tests);
    return suite;
}
