#include "base/addr.h"

#include <arpa/inet.h>
#include <check.h>

Suite *suite_addr(void);

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};
    ck_assert_msg(ip_parse(str_of(text), &ip), "%s", text);
    return ip;
}

static const char *text_of(const char *text)
{
    static char into[ADDR_TEXT_MAX];
    struct ip ip = ip_of(text);
    ck_assert_uint_eq(ip_text(&ip, into), strlen(into));
    return into;
}

START_TEST(test_ip_reads_and_writes)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"1.2.3.4", "1.2.3.4"},
        {"255.255.255.255", "255.255.255.255"},
        {"10.100.0.9", "10.100.0.9"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8::A", "2001:db8::a"},
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group is not shortened */
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* the first of equal runs */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* the longest run */
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
        {"1:0:0:4:5:6:7:8", "1::4:5:6:7:8"},
        {"::ffff:1.2.3.4", "1.2.3.4"},
        {"::FFFF:102:304", "1.2.3.4"},
        {"0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"},
        {"::1.2.3.4", "::102:304"},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_str_eq(text_of(cases[i].in), cases[i].out);
}
END_TEST

START_TEST(test_ip_refuses)
{
    static const char *const wrong[] = {
        "",
        ".",
        "1",
        "127.1",
        "1.2.3",
        "1.2.3.",
        "1.2.3.4.",
        ".1.2.3.4",
        "1.2.3.4.5",
        "1..3.4",
        "01.2.3.4",
        "1.2.3.04",
        "00.0.0.0",
        "256.1.1.1",
        "1.2.3.256",
        "1.2.3.1000",
        "1.2.3.-4",
        "+1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "1.2.3.a",
        "1.2.3.4/32",
        "1.2.3.4:80",
        "[::1]",
        "::1%lo",
        "fe80::1%eth0",
        "fe80::1%1",
        ":",
        ":::",
        "1::2::3",
        ":1",
        "1:",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::12345",
        "::g",
        "::1.2.3",
        "::01.2.3.4",
        "::1.2.3.4:5",
        "::256.1.1.1",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        " ::1",
        "::1 ",
        "localhost",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    struct ip ip = {.version = 9};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!ip_parse(str_of(wrong[i]), &ip), "%s", wrong[i]);
    ck_assert(!ip_parse(str_from("::1\0", 4), &ip));
    ck_assert(!ip_parse(str_from("::\0"
                                 "1",
                                 4),
                        &ip));
    ck_assert(!ip_parse(str_from("1.2.3.4\0", 8), &ip));
    ck_assert(!ip_parse(STR_NONE, &ip));
    ck_assert_uint_eq(ip.version, 9);
}
END_TEST

/* Every address that is written is read back as the same. */
START_TEST(test_ip_round_trip)
{
    unsigned seed = 1;
    for (int i = 0; i < 20000; i++) {
        struct ip ip = {.version = 6}, back;
        char text[ADDR_TEXT_MAX], libc[INET6_ADDRSTRLEN];
        for (int j = 0; j < 16; j++) {
            seed = seed * 1103515245 + 12345;
            ip.bytes[j] = seed >> 28 < 9 ? 0 : (uint8_t)(seed >> 16);
        }
        ip.bytes[0] |= 0x20; /* keeps away from where libc writes dots */
        ip_text(&ip, text);
        ck_assert_str_eq(text, inet_ntop(AF_INET6, ip.bytes, libc, sizeof(libc)));
        ck_assert(ip_parse(str_of(text), &back));
        ck_assert(ip_eq(&ip, &back));
    }
}
END_TEST

START_TEST(test_ip_of_no_version)
{
    struct ip none = {0};
    char text[ADDR_TEXT_MAX] = "x";
    ck_assert_uint_eq(ip_text(&none, text), 0);
    ck_assert_str_eq(text, "");
    ck_assert(ip_is_undialable(&none));
    ck_assert(ip_is_private(&none));
    ck_assert(!ip_is_loopback(&none));
    ck_assert_uint_eq(addr_of_ip(&none, 80).len, 0);
}
END_TEST

START_TEST(test_ip_embedded_and_masked)
{
    struct ip nat64 = ip_of("64:ff9b::10.1.2.3"), v4 = ip_of("10.1.2.3"), v6 = ip_of("2001:db8:1:2:3:4:5:6");
    struct ip inner = ip_embedded(&nat64);
    ck_assert(ip_eq(&inner, &v4));
    inner = ip_embedded(&v6);
    ck_assert(ip_eq(&inner, &v6));
    struct ip raw = {.version = 6, .bytes = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 2, [15] = 3}};
    inner = ip_embedded(&raw);
    ck_assert(ip_eq(&inner, &v4));

    char text[ADDR_TEXT_MAX];
    struct ip masked = ip_masked(&v4, 24, 48);
    ip_text(&masked, text);
    ck_assert_str_eq(text, "10.1.2.0");
    masked = ip_masked(&v6, 24, 47);
    ip_text(&masked, text);
    ck_assert_str_eq(text, "2001:db8::");
    masked = ip_masked(&v4, 0, 48);
    ip_text(&masked, text);
    ck_assert_str_eq(text, "0.0.0.0");
    masked = ip_masked(&v4, 32, 0);
    ck_assert(ip_eq(&masked, &v4));
    masked = ip_masked(&v6, 0, 128);
    ck_assert(ip_eq(&masked, &v6));
    masked = ip_masked(&v4, 15, 0);
    ip_text(&masked, text);
    ck_assert_str_eq(text, "10.0.0.0");
}
END_TEST

START_TEST(test_ip_kinds)
{
    static const char *const private_ones[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::7f00:1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "64:ff9b::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "::ffff:10.0.0.1",
        "2001::1",
        "2001:2::1",
        "2002:7f00:1::",
        "100::1",
        "5f00::1",
    };
    static const char *const public_ones[] = {
        "1.1.1.1",         "8.8.8.8",        "9.255.255.255",
        "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.1",      "169.253.255.255",
        "172.15.255.255",  "172.32.0.0",     "192.167.255.255",
        "192.169.0.0",     "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "192.0.2.1",      "198.51.100.1",
        "203.0.113.1",     "2001:db8::1",    "2001:4860:4860::8888",
        "2606:4700::1111", "2a00::1",        "64:ff9b::8.8.8.8",
        "2001:200::1",     "2003::1",        "168.63.129.17",
    };
    for (size_t i = 0; i < sizeof(private_ones) / sizeof(private_ones[0]); i++) {
        struct ip ip = ip_of(private_ones[i]);
        ck_assert_msg(ip_is_private(&ip), "%s", private_ones[i]);
    }
    for (size_t i = 0; i < sizeof(public_ones) / sizeof(public_ones[0]); i++) {
        struct ip ip = ip_of(public_ones[i]);
        ck_assert_msg(!ip_is_private(&ip), "%s", public_ones[i]);
        ck_assert_msg(!ip_is_undialable(&ip), "%s", public_ones[i]);
        ck_assert_msg(!ip_is_loopback(&ip), "%s", public_ones[i]);
    }
}
END_TEST

START_TEST(test_ip_undialable_and_loopback)
{
    static const char *const never[] = {
        "0.0.0.0",          "0.9.9.9",       "::", "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1",
        "64:ff9b::0.0.0.0", "::ffff:0.0.0.0"};
    static const char *const loopback[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const neither[] = {"10.0.0.1", "240.0.0.1", "::2", "fe80::1", "64:ff9b::127.0.0.1"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        struct ip ip = ip_of(never[i]);
        ck_assert_msg(ip_is_undialable(&ip), "%s", never[i]);
    }
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
        struct ip ip = ip_of(loopback[i]);
        ck_assert_msg(ip_is_loopback(&ip) && !ip_is_undialable(&ip), "%s", loopback[i]);
    }
    for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
        struct ip ip = ip_of(neither[i]);
        ck_assert_msg(!ip_is_loopback(&ip) && !ip_is_undialable(&ip), "%s", neither[i]);
    }
}
END_TEST

static void check_addr(const char *ip_as_text, uint16_t port, const char *expected)
{
    struct ip ip = ip_of(ip_as_text);
    struct addr addr = addr_of_ip(&ip, port);
    char text[ADDR_TEXT_MAX];
    ck_assert_uint_eq(addr_text(&addr, text), strlen(expected));
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(addr_port(&addr), port);
    struct ip back = addr_ip(&addr);
    ck_assert(ip_eq(&back, &ip));
    struct addr copy = addr_of_sockaddr(&addr.as.any, addr.len);
    ck_assert(addr_eq(&addr, &copy));
}

START_TEST(test_addr_of_ip)
{
    check_addr("1.2.3.4", 80, "1.2.3.4:80");
    check_addr("255.255.255.255", 65535, "255.255.255.255:65535");
    check_addr("::1", 443, "[::1]:443");
    check_addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    check_addr("::ffff:1.2.3.4", 0, "1.2.3.4:0");
}
END_TEST

START_TEST(test_addr_of_path)
{
    char long_path[200];
    struct addr addr, other;
    char text[ADDR_TEXT_MAX];
    memset(long_path, 'a', sizeof(long_path));
    ck_assert(addr_of_path(STR("/run/x.sock"), &addr));
    ck_assert_uint_eq(addr_text(&addr, text), strlen("unix:/run/x.sock"));
    ck_assert_str_eq(text, "unix:/run/x.sock");
    ck_assert_uint_eq(addr_ip(&addr).version, 0);
    ck_assert_uint_eq(addr_port(&addr), 0);
    other = addr_of_sockaddr(&addr.as.any, addr.len);
    ck_assert(addr_eq(&addr, &other));
    other = addr_of_sockaddr(&addr.as.any, sizeof(struct sockaddr_un));
    ck_assert(addr_eq(&addr, &other));
    ck_assert(addr_of_path(STR("/run/y.sock"), &other));
    ck_assert(!addr_eq(&addr, &other));
    ck_assert(addr_of_path(str_from(long_path, 107), &addr));
    ck_assert_uint_eq(addr_text(&addr, text), 112);
    ck_assert(!addr_of_path(str_from(long_path, 108), &addr));
    ck_assert(!addr_of_path(STR(""), &addr));
    ck_assert(!addr_of_path(str_from("/a\0b", 4), &addr));
}
END_TEST

START_TEST(test_addr_of_sockaddr)
{
    struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0name"};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(8080)};
    char text[ADDR_TEXT_MAX];
    inet_pton(AF_INET6, "::ffff:1.2.3.4", &mapped.sin6_addr);

    struct addr addr = addr_of_sockaddr((const struct sockaddr *)&mapped, sizeof(mapped));
    ck_assert_int_eq(addr.as.any.sa_family, AF_INET);
    addr_text(&addr, text);
    ck_assert_str_eq(text, "1.2.3.4:8080");

    addr = addr_of_sockaddr((const struct sockaddr *)&unnamed, sizeof(sa_family_t));
    addr_text(&addr, text);
    ck_assert_str_eq(text, "unix:");

    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 5);
    struct addr other = addr_of_sockaddr((const struct sockaddr *)&hidden, len);
    addr_text(&other, text);
    ck_assert_str_eq(text, "unix:@name");
    ck_assert(!addr_eq(&addr, &other));

    addr = addr_of_sockaddr((const struct sockaddr *)&mapped, sizeof(struct sockaddr_in));
    ck_assert_uint_eq(addr.len, 0);
    ck_assert_uint_eq(addr_text(&addr, text), 0);
    addr = addr_of_sockaddr(NULL, 0);
    ck_assert_uint_eq(addr.len, 0);
}
END_TEST

START_TEST(test_addr_eq)
{
    struct ip one = ip_of("fe80::1"), two = ip_of("fe80::2");
    struct addr a = addr_of_ip(&one, 80), b = addr_of_ip(&one, 80);
    ck_assert(addr_eq(&a, &b));
    b.as.v6.sin6_scope_id = 2;
    ck_assert(!addr_eq(&a, &b));
    b = addr_of_ip(&one, 81);
    ck_assert(!addr_eq(&a, &b));
    b = addr_of_ip(&two, 80);
    ck_assert(!addr_eq(&a, &b));
    struct addr none = {0};
    ck_assert(!addr_eq(&a, &none));
    ck_assert(addr_eq(&none, &none));
}
END_TEST

Suite *suite_addr(void)
{
    Suite *suite = suite_create("addr");
    TCase *tcase = tcase_create("addr");
    tcase_add_test(tcase, test_ip_reads_and_writes);
    tcase_add_test(tcase, test_ip_refuses);
    tcase_add_test(tcase, test_ip_round_trip);
    tcase_add_test(tcase, test_ip_of_no_version);
    tcase_add_test(tcase, test_ip_embedded_and_masked);
    tcase_add_test(tcase, test_ip_kinds);
    tcase_add_test(tcase, test_ip_undialable_and_loopback);
    tcase_add_test(tcase, test_addr_of_ip);
    tcase_add_test(tcase, test_addr_of_path);
    tcase_add_test(tcase, test_addr_of_sockaddr);
    tcase_add_test(tcase, test_addr_eq);
    suite_add_tcase(suite, tcase);
    return suite;
}
