#include "base/hostname.h"

#include "base/addr.h"

#include <check.h>

Suite *suite_hostname(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

static const char *normal(struct str in)
{
    struct str out = STR("untouched");
    if (!hostname_normal(&arena, in, &out)) {
        ck_assert(str_eq(out, STR("untouched")));
        return "-";
    }
    ck_assert_uint_eq(strlen(out.at), out.len);
    return out.at;
}

static void check_normal(const char *in, const char *out)
{
    ck_assert_str_eq(normal(str_of(in)), out);
}

START_TEST(test_ascii)
{
    check_normal("example.org", "example.org");
    check_normal("EXAMPLE.Org", "example.org");
    check_normal("example.org.", "example.org");
    check_normal("localhost", "localhost");
    check_normal("a", "a");
    check_normal("_dmarc.example.org", "_dmarc.example.org");
    check_normal("under_score.example", "under_score.example");
    check_normal("-a-.example", "-a-.example");
    check_normal("xn--bcher-kva.example", "xn--bcher-kva.example");
    check_normal("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    check_normal("127.0.0.1", "127.0.0.1");
    check_normal("a--b.example", "a--b.example");
}
END_TEST

START_TEST(test_refused)
{
    static const char *const wrong[] = {
        "",    ".",    "..",    ".a",   "a..b",  "a..",         ".a.",       "a b",  " a",
        "a ",  "a\tb", "a\n",   "a:80", "a:",    "a@b",         "u:p@a",     "a/b",  "a\\b",
        "a?b", "a#b",  "[::1]", "::1",  "a%2eb", "%61.example", "ex%61mple", "a*b",  "*.example.org",
        "a,b", "a;b",  "a\"b",  "a'b",  "a<b",   "a|b",         "a!b",       "a$b",  "a&b",
        "a(b", "a+b",  "a=b",   "a~b",  "a^b",   "a`b",         "a{b",       "\x7f", "a\x01",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(strcmp(normal(str_of(wrong[i])), "-") == 0, "%s", wrong[i]);
    ck_assert_str_eq(normal(STR_NONE), "-");
    ck_assert_str_eq(normal(str_from("a\0b", 3)), "-");
    ck_assert_str_eq(normal(str_from("a\0", 2)), "-");
    ck_assert_str_eq(normal(str_from("b\xc3\xbc\0.example", 12)), "-");
}
END_TEST

START_TEST(test_lengths)
{
    char name[300];
    memset(name, 'a', sizeof(name));
    ck_assert_uint_eq(strlen(normal(str_from(name, 63))), 63);
    ck_assert_str_eq(normal(str_from(name, 64)), "-");
    for (size_t i = 63; i < sizeof(name); i += 64)
        name[i] = '.';
    ck_assert_uint_eq(strlen(normal(str_from(name, 253))), 253);
    ck_assert_str_eq(normal(str_from(name, 254)), "-");
    name[253] = '.'; /* the final dot does not count */
    ck_assert_uint_eq(strlen(normal(str_from(name, 254))), 253);
    ck_assert_str_eq(normal(str_from(name, 300)), "-");
}
END_TEST

START_TEST(test_idn)
{
    check_normal("b\xc3\xbc"
                 "cher.example",
                 "xn--bcher-kva.example");
    check_normal("B\xc3\x9c"
                 "CHER.Example.",
                 "xn--bcher-kva.example");
    check_normal("bu\xcc\x88"
                 "cher.example",
                 "xn--bcher-kva.example");                    /* u and a combining diaeresis */
    check_normal("fa\xc3\x9f.example", "xn--fa-hia.example"); /* non-transitional: not fass */
    check_normal("_x.b\xc3\xbc"
                 "cher.example",
                 "_x.xn--bcher-kva.example");
    check_normal("\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah");
    check_normal("b\xc3\xbc"
                 "cher\xe3\x80\x82"
                 "example",
                 "xn--bcher-kva.example");                 /* ideographic full stop */
    check_normal("\xef\xbd\x85xample.org", "example.org"); /* full-width e */
    check_normal("\xe2\x80\x8b.example", "-");             /* a zero-width space alone */
    check_normal("a\xef\xbc\x8f"
                 "b.example",
                 "-"); /* a full-width slash */
    check_normal("a\xef\xbc\x85"
                 "41.example",
                 "-"); /* a full-width percent sign */
    check_normal("a\xe2\x84\x80"
                 "b.example",
                 "-"); /* ℀ becomes a/c */
    check_normal("b\xc3\xbc%41.example", "-");
    check_normal("b\xc3\xbc cher.example", "-");
    check_normal("b\xfc"
                 "cher.example",
                 "-");          /* ISO 8859-1 */
    check_normal("b\xc3", "-"); /* cut off */
    check_normal("\xc0\xae"
                 "a.example",
                 "-");                         /* an overlong dot */
    check_normal("\xed\xa0\x80.example", "-"); /* a surrogate */
    check_normal("b\xc3\xbc..example", "-");
    check_normal("\xcc\x88"
                 "a.example",
                 "-"); /* begins with a combining mark */
    char many[2000];
    for (size_t i = 0; i + 1 < sizeof(many); i += 2)
        memcpy(many + i, "\xc3\xbc", 2);
    ck_assert_str_eq(normal(str_from(many, sizeof(many))), "-");
    ck_assert_str_eq(normal(str_from(many, 1024)), "-");
}
END_TEST

/* An address in full-width digits is seen as the address by who asks of the result, as hostname.h says. */
START_TEST(test_full_width_address)
{
    struct ip ip;
    check_normal("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", "127.0.0.1");
    ck_assert(ip_parse(str_of(normal(STR("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97\xe3\x80\x82"
                                         "0.0.1"))),
                       &ip));
    ck_assert(ip_is_loopback(&ip));
}
END_TEST

START_TEST(test_numeric_like)
{
    static const char *const numeric[] = {
        "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1", "1.2.3.4", "0x7f000001", "0",
        "0x",    "a.0x1f", "example.1",  "0X7F",       "1.2.3.4.5", "foo.09",  "0x.0x",      "256.256.256.256"};
    static const char *const names[] = {"",    "a",  "example.org", "1.example", "127.0.0.1.example",
                                        "1a",  "a1", "0xg",         "0x1.a",     "x0",
                                        "1-1", "_1", "xn--1",       "1e3",       "deadbeef"};
    for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++)
        ck_assert_msg(hostname_is_numeric_like(str_of(numeric[i])), "%s", numeric[i]);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(!hostname_is_numeric_like(str_of(names[i])), "%s", names[i]);
}
END_TEST

START_TEST(test_below)
{
    ck_assert(hostname_is_below(STR("www.example.org"), STR("example.org")));
    ck_assert(hostname_is_below(STR("a.b.c.example.org"), STR("example.org")));
    ck_assert(hostname_is_below(STR("a.org"), STR("org")));
    ck_assert(!hostname_is_below(STR("example.org"), STR("example.org")));
    ck_assert(!hostname_is_below(STR("badexample.org"), STR("example.org")));
    ck_assert(!hostname_is_below(STR("org"), STR("example.org")));
    ck_assert(!hostname_is_below(STR("example.org.evil"), STR("example.org")));
    ck_assert(!hostname_is_below(STR("a."), STR("")));
    ck_assert(!hostname_is_below(STR(""), STR("")));
}
END_TEST

Suite *suite_hostname(void)
{
    Suite *suite = suite_create("hostname");
    TCase *tcase = tcase_create("hostname");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_ascii);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_lengths);
    tcase_add_test(tcase, test_idn);
    tcase_add_test(tcase, test_full_width_address);
    tcase_add_test(tcase, test_numeric_like);
    tcase_add_test(tcase, test_below);
    suite_add_tcase(suite, tcase);
    return suite;
}
