#include "conf/value.h"

#include <check.h>

Suite *suite_value(void);

static struct diag diag;
static struct arena arena;

static void set_up(void)
{
    diag_init(&diag);
    arena_init(&arena);
}

static void tear_down(void)
{
    diag_fini(&diag);
    arena_reset(&arena);
}

static struct word word_of(const char *text)
{
    return (struct word){.text = str_of(text), .place = {.file = "t", .line = 1, .column = 1, .width = 1}};
}

/* Whatever was told holds the words. */
static void check_told(const char *words)
{
    struct text shown;
    text_init(&shown);
    diag_show(&diag, &shown);
    ck_assert_msg(str_find_str(text_str(&shown), str_of(words)) < text_str(&shown).len, "not told: %s, but: %s", words,
                  text_str(&shown).at);
    text_fini(&shown);
    diag_fini(&diag);
}

typedef bool number_value(const struct word *word, struct diag *diag, uint64_t *ret);

static bool read_duration(const struct word *word, struct diag *into, uint64_t *ret)
{
    msec span = 0;
    bool fine = value_duration(word, into, &span);
    *ret = (uint64_t)span;
    return fine;
}

static bool read_rate(const struct word *word, struct diag *into, uint64_t *ret)
{
    struct rate rate = {0, 0};
    bool fine = value_rate(word, into, &rate);
    *ret = rate.count * 1000000000 + (uint64_t)rate.span;
    return fine;
}

static const struct {
    number_value *read;
    const char *text;
    uint64_t value;
} good[] = {
    {read_duration, "0", 0},
    {read_duration, "250ms", 250},
    {read_duration, "30s", 30000},
    {read_duration, "5m", 300000},
    {read_duration, "1h", 3600000},
    {read_duration, "2d", 172800000},
    {value_size, "512B", 512},
    {value_size, "64k", 65536},
    {value_size, "64K", 65536},
    {value_size, "1m", 1048576},
    {value_size, "2G", 2147483648},
    {value_size, "1T", 1099511627776},
    {value_percent, "20", 20},
    {value_percent, "100%", 100},
    {value_bandwidth, "2M/s", 2097152},
    {value_bandwidth, "512B/s", 512},
    {value_bandwidth, "20Mbit/s", 2500000},
    {value_bandwidth, "8kbit/s", 1000},
    {value_bandwidth, "1T/s", 1ULL << 40},
    {value_bandwidth, "1bit/s", 1}, /* 0 would be `off` */
    {value_bandwidth, "9bit/s", 2},
    {read_rate, "20/s", 20000001000},
    {read_rate, "600/m", 600000060000},
};

static const struct {
    number_value *read;
    const char *text;
    const char *told;
} bad[] = {
    {read_duration, "30", "'30' needs a unit"},
    {read_duration, "30", "ms, s, m, h or d"},
    {read_duration, "30sec", "unknown unit 'sec'"},
    {read_duration, "1.5s", "expected a duration"},
    {read_duration, "-1s", "expected a duration"},
    {read_duration, "", "expected a duration"},
    {read_duration, "99999999999d", "is too much"},
    {value_size, "64", "needs a unit"},
    {value_size, "64kb", "unknown unit 'kb'"},
    {value_size, "512b", "unknown unit 'b'"},
    {value_size, "99999999999T", "is too much"},
    {value_percent, "101", "expected a percentage"},
    {value_percent, "20%%", "expected a percentage"},
    {value_bandwidth, "2M", "unknown unit 'M'"},
    {value_bandwidth, "20", "needs a unit"},
    {read_rate, "20", "expected a rate with its unit"},
    {read_rate, "20/d", "/s, /m or /h"},
};

START_TEST(test_numbers)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct word word = word_of(good[i].text);
        uint64_t value = 1;
        ck_assert_msg(good[i].read(&word, &diag, &value), "refused: %s", good[i].text);
        ck_assert_msg(value == good[i].value, "%s is read as %llu", good[i].text, (unsigned long long)value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct word word = word_of(bad[i].text);
        uint64_t value = 1;
        ck_assert_msg(!bad[i].read(&word, &diag, &value), "taken: %s", bad[i].text);
        check_told(bad[i].told);
    }
}
END_TEST

START_TEST(test_texts)
{
    static const msec spans[] = {0, 1, 999, 1000, 90000, 60000, 3600000, 86400000};
    static const char *const shown[] = {"0", "1ms", "999ms", "1s", "90s", "1m", "1h", "1d"};
    char text[VALUE_TEXT_MAX];
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        ck_assert_str_eq(value_duration_text(spans[i], text), shown[i]);
    ck_assert_str_eq(value_size_text(65536, text), "64k");
    ck_assert_str_eq(value_size_text(1000, text), "1000B");
    ck_assert_str_eq(value_size_text(1ULL << 40, text), "1T");
}
END_TEST

START_TEST(test_counts_and_switches)
{
    struct word word = word_of("7"), on = word_of("on"), yes = word_of("yes"), bytes = word_of("7k");
    uint64_t count;
    bool is_on = false;
    ck_assert(value_count(&word, &diag, 1, 7, &count) && count == 7);
    ck_assert(!value_count(&word, &diag, 1, 6, &count));
    check_told("7 is out of range: 1 to 6");
    ck_assert(!value_count(&bytes, &diag, 1, 6, &count));
    check_told("it has no unit");
    ck_assert(value_switch(&on, &diag, &is_on) && is_on);
    ck_assert(!value_switch(&yes, &diag, &is_on));
    check_told("expected 'on' or 'off', not 'yes'");
}
END_TEST

static void check_listen(const char *text, const char *address, bool is_dual)
{
    struct word word = word_of(text);
    struct listen_conf conf;
    char shown[ADDR_TEXT_MAX];
    ck_assert_msg(value_listen(&word, &diag, &conf), "refused: %s", text);
    addr_text(&conf.addr, shown);
    ck_assert_str_eq(shown, address);
    ck_assert(conf.is_dual == is_dual);
}

START_TEST(test_listen)
{
    static const char *const wrong[] = {"",
                                        ":",
                                        "127.0.0.1",
                                        "127.0.0.1:0",
                                        "127.0.0.1:99999",
                                        "example.org:80",
                                        "::1:80",
                                        "[::1]",
                                        "[::1]80",
                                        "[127.0.0.1",
                                        "127.1:80",
                                        "unix:",
                                        "unix:run/x",
                                        "127.0.0.1:80x",
                                        "http://127.0.0.1:80"};
    check_listen("127.0.0.1:8080", "127.0.0.1:8080", false);
    check_listen("[::1]:80", "[::1]:80", false);
    check_listen(":80", "[::]:80", true);
    check_listen("80", "[::]:80", true);
    check_listen("*:80", "[::]:80", true);
    check_listen("0.0.0.0:80", "0.0.0.0:80", false);
    check_listen("localhost:80", "127.0.0.1:80", false);
    check_listen("unix:/run/x.sock", "unix:/run/x.sock", false);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct word word = word_of(wrong[i]);
        struct listen_conf conf;
        ck_assert_msg(!value_listen(&word, &diag, &conf), "taken: %s", wrong[i]);
    }
}
END_TEST

static void check_server(const char *text, const char *host, uint16_t port, const char *shown)
{
    struct word word = word_of(text);
    struct server_conf conf = {0};
    ck_assert_msg(value_server(&word, &diag, &arena, &conf), "refused: %s", text);
    ck_assert(str_eq(conf.host, str_of(host)) && (conf.host.at == NULL) == (host == NULL));
    ck_assert_uint_eq(conf.port, port);
    ck_assert_str_eq(conf.text.at, shown);
}

START_TEST(test_server)
{
    static const char *const wrong[] = {
        "",    "a:0",  "a:99999", "http://a", "https://a/", "srv:_http._tcp.a", "127.1",  "1.2.3.4.5",   "a b",
        "::1", "[::1", "[a]:80",  "a:80:80",  "0.0.0.0:80", "224.0.0.1:80",     "unix:x", "user@host:80"};
    check_server("app.internal:3000", "app.internal", 3000, "app.internal:3000");
    check_server("App.Internal.", "app.internal", 80, "app.internal:80");
    check_server("127.0.0.1:9000", NULL, 9000, "127.0.0.1:9000");
    check_server("127.0.0.1", NULL, 80, "127.0.0.1:80");
    check_server("[::1]:9000", NULL, 9000, "[::1]:9000");
    check_server("[::1]", NULL, 80, "[::1]:80");
    check_server(":9000", NULL, 9000, "127.0.0.1:9000");
    check_server("9000", NULL, 9000, "127.0.0.1:9000");
    check_server("https://App.Internal", "app.internal", 80, "app.internal:80"); /* 443 once the pool is known */
    check_server("https://127.0.0.1:8443", NULL, 8443, "127.0.0.1:8443");
    check_server("unix:/run/app.sock", NULL, 0, "unix:/run/app.sock");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct word word = word_of(wrong[i]);
        struct server_conf conf = {0};
        ck_assert_msg(!value_server(&word, &diag, &arena, &conf), "taken: %s", wrong[i]);
    }
    diag_fini(&diag);
    struct word word = word_of("a:99999"), name = word_of("http://a");
    struct server_conf conf = {0};
    ck_assert(!value_server(&word, &diag, &arena, &conf));
    check_told("'99999' is no port");
    ck_assert(!value_server(&name, &diag, &arena, &conf));
    check_told("leave http:// off");
}
END_TEST

START_TEST(test_ports)
{
    static const char *const wrong[] = {"", "0", "0-5", "70000", "5-4", "1-", "-5", "1-2-3", "a"};
    struct word one = word_of("443"), range = word_of("1025-65535");
    struct port_ranges ranges = {0};
    ck_assert(value_ports(&one, &diag, &arena, &ranges));
    ck_assert(value_ports(&range, &diag, &arena, &ranges));
    ck_assert_uint_eq(ranges.count, 2);
    ck_assert(ranges.at[0].from == 443 && ranges.at[0].to == 443);
    ck_assert(ranges.at[1].from == 1025 && ranges.at[1].to == 65535);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct word word = word_of(wrong[i]);
        ck_assert_msg(!value_ports(&word, &diag, &arena, &ranges), "taken: %s", wrong[i]);
    }
    ck_assert_uint_eq(ranges.count, 2);
}
END_TEST

static void check_pattern(const char *text, enum host_pattern_kind kind, const char *name)
{
    struct word word = word_of(text);
    struct host_pattern pattern;
    ck_assert_msg(value_host_pattern(&word, &diag, &arena, &pattern), "refused: %s", text);
    ck_assert_int_eq((int)pattern.kind, (int)kind);
    ck_assert(str_eq(pattern.name, str_of(name)));
}

START_TEST(test_host_patterns)
{
    static const char *const wrong[] = {"",     "*",    "*.",  ".",     "a.*.b",    "a*",
                                        "*a.b", "a:80", "a b", "1.2.3", "http://a", "a/b"};
    check_pattern("Example.ORG.", HOST_EXACT, "example.org");
    check_pattern("*.example.org", HOST_BELOW, "example.org");
    check_pattern(".example.org", HOST_SUFFIX, "example.org");
    check_pattern("b\xc3\xbc"
                  "cher.example",
                  HOST_EXACT, "xn--bcher-kva.example");
    check_pattern("127.0.0.1", HOST_EXACT, "127.0.0.1");
    check_pattern("[::1]", HOST_EXACT, "::1");
    check_pattern("default", HOST_DEFAULT, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct word word = word_of(wrong[i]);
        struct host_pattern pattern;
        ck_assert_msg(!value_host_pattern(&word, &diag, &arena, &pattern), "taken: %s", wrong[i]);
    }
}
END_TEST

START_TEST(test_addresses)
{
    struct word ip = word_of("2001:db8::1"), cidr = word_of("10.0.0.0/33"), dns = word_of("192.0.2.1"),
                dns6 = word_of("2001:db8::1");
    struct word dns_port = word_of("[2001:db8::1]:5353"), name = word_of("dns.example");
    struct ip read;
    struct addr addr;
    struct cidr_set set = {0};
    ck_assert(value_ip(&ip, &diag, &read) && read.version == 6);
    ck_assert(!value_ip(&cidr, &diag, &read));
    diag_fini(&diag);
    ck_assert(!value_cidr(&cidr, &diag, &arena, &set));
    check_told("10.0.0.0/33");
    ck_assert(value_cidr(&ip, &diag, &arena, &set) && set.count == 1);
    static const struct value_address form = {.what = "a name server", .default_port = 53};
    ck_assert(value_address(&dns, &diag, &form, &addr) && addr_port(&addr) == 53);
    ck_assert(value_address(&dns6, &diag, &form, &addr) && addr_port(&addr) == 53);
    ck_assert(value_address(&dns_port, &diag, &form, &addr) && addr_port(&addr) == 5353);
    ck_assert(!value_address(&name, &diag, &form, &addr));
}
END_TEST

START_TEST(test_names)
{
    struct word name = word_of("app-1_x.y"), blank = word_of("a b"), empty = word_of(""),
                field = word_of("X-Frame-Options");
    struct word colon = word_of("host:"), text = word_of("https://$hots/"), fine = word_of("https://$host$uri");
    struct str lower;
    struct template template;
    ck_assert(value_name(&name, &diag, "a pool"));
    ck_assert(!value_name(&blank, &diag, "a pool") && !value_name(&empty, &diag, "a pool"));
    check_told("'a b' cannot be the name of a pool");
    ck_assert(value_field(&field, &diag, &arena, &lower) && str_eq(lower, STR("x-frame-options")));
    ck_assert(!value_field(&colon, &diag, &arena, &lower));
    diag_fini(&diag);
    ck_assert(value_template(&fine, &diag, &arena, TEMPLATE_REQUEST, &template));
    ck_assert(!value_template(&text, &diag, &arena, TEMPLATE_REQUEST, &template));
    check_told("did you mean '$host'?");
}
END_TEST

Suite *suite_value(void)
{
    Suite *suite = suite_create("value");
    TCase *tests = tcase_create("value");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_numbers);
    tcase_add_test(tests, test_texts);
    tcase_add_test(tests, test_counts_and_switches);
    tcase_add_test(tests, test_listen);
    tcase_add_test(tests, test_server);
    tcase_add_test(tests, test_ports);
    tcase_add_test(tests, test_host_patterns);
    tcase_add_test(tests, test_addresses);
    tcase_add_test(tests, test_names);
    suite_add_tcase(suite, tests);
    return suite;
}
