#include "process/imagine.h"

#include "base/must.h"

#include <check.h>

static struct arena arena;
static struct imagined request;

static void setup(void)
{
    arena_init(&arena);
}

static void teardown(void)
{
    arena_reset(&arena);
}

static const char *imagine(const char *method, const char *url, bool is_forward)
{
    struct imagine what = {.method = str_of(method), .url = str_of(url), .is_forward = is_forward};
    return imagine_request(&what, &arena, &request);
}

#define HAS(str, text) ck_assert(str_eq((str), str_of(text)))

START_TEST(test_a_plain_request)
{
    struct field_line line = {STR("X-Test"), STR("1")};
    struct imagine what = {.method = STR("GET"), .url = STR("http://Site.TEST.:8080/a/../b%2e?q=1"), .headers = &line};
    what.header_count = 1;
    what.at = STR("2026-02-28 23:59");
    ck_assert_ptr_null(imagine_request(&what, &arena, &request));
    HAS(request.facts.host, "site.test");
    HAS(request.facts.scheme, "http");
    HAS(request.facts.path, "/b.");
    HAS(request.facts.query, "q=1");
    ck_assert_uint_eq(request.facts.port, 8080);
    ck_assert_int_eq(request.facts.phase, PHASE_REQUEST);
    HAS(fields_find(request.facts.request_fields, STR("host"))->value, "site.test:8080");
    HAS(fields_find(request.facts.request_fields, STR("x-test"))->value, "1");
    ck_assert(request.clock.is_given);
    ck_assert_int_eq(request.clock.local.weekday, 6);
    ck_assert_int_eq(request.clock.local.minute, 59);
}
END_TEST

START_TEST(test_https_is_a_tunnel_when_it_goes_out)
{
    ck_assert_ptr_null(imagine("GET", "https://site.test/x", true));
    ck_assert_int_eq(request.facts.method, METHOD_CONNECT);
    HAS(request.facts.scheme, "tunnel");
    ck_assert_uint_eq(request.facts.port, 443);
    ck_assert_ptr_null(request.facts.path.at);

    ck_assert_ptr_null(imagine("GET", "https://site.test/x", false));
    ck_assert_int_eq(request.facts.method, METHOD_GET);
    HAS(request.facts.scheme, "https");
    HAS(request.facts.path, "/x");
    ck_assert_uint_eq(request.facts.port, 443);
}
END_TEST

START_TEST(test_connect)
{
    ck_assert_ptr_null(imagine("CONNECT", "site.test:22", true));
    ck_assert_uint_eq(request.facts.port, 22);
    HAS(request.facts.method_text, "CONNECT");
}
END_TEST

START_TEST(test_an_address_is_its_own_destination)
{
    ck_assert_ptr_null(imagine("GET", "http://[::ffff:10.0.0.1]", true));
    ck_assert(request.facts.host_ip.version == 4);
    ck_assert_uint_ne(request.facts.destination.version, 0);
    HAS(request.facts.path, "/");
    ck_assert_ptr_null(imagine("GET", "http://site.test", true));
    ck_assert_uint_eq(request.facts.destination.version, 0);
}
END_TEST

static const char *const wrong_urls[] = {"site.test/",
                                         "ftp://site.test/",
                                         "http://",
                                         "http:///x",
                                         "http://a b/",
                                         "http://127.1/",
                                         "http://site.test/%zz",
                                         "http://site.test:0/",
                                         "http://u@site.test/"};

START_TEST(test_wrong_urls)
{
    ck_assert_ptr_nonnull(imagine("GET", wrong_urls[_i], false));
}
END_TEST

static const char *const wrong_times[] = {"",
                                          "2026-02-29 10:00",
                                          "2026-2-09 10:00",
                                          "2026-02-09 24:00",
                                          "2026-02-09 10:60",
                                          "2026-02-09T10:00",
                                          "2026-02-09 10:00:00",
                                          "2026-02-09 10:0"};

START_TEST(test_wrong_times)
{
    struct date date;
    ck_assert(!imagine_time(str_of(wrong_times[_i]), &date));
}
END_TEST

Suite *suite_imagine(void)
{
    Suite *suite = suite_create("imagine");
    TCase *tests = tcase_create("imagine");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_a_plain_request);
    tcase_add_test(tests, test_https_is_a_tunnel_when_it_goes_out);
    tcase_add_test(tests, test_connect);
    tcase_add_test(tests, test_an_address_is_its_own_destination);
    tcase_add_loop_test(tests, test_wrong_urls, 0, (int)lengthof(wrong_urls));
    tcase_add_loop_test(tests, test_wrong_times, 0, (int)lengthof(wrong_times));
    suite_add_tcase(suite, tests);
    return suite;
}
