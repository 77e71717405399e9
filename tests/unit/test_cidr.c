#include "base/addr.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_cidr(void);

static struct cidr cidr_of(const char *text)
{
    struct cidr cidr = {0};
    const char *why = "";
    ck_assert_msg(cidr_parse(str_of(text), &cidr, &why), "%s: %s", text, why);
    return cidr;
}

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};
    ck_assert_msg(ip_parse(str_of(text), &ip), "%s", text);
    return ip;
}

START_TEST(test_cidr_reads_and_writes)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"1.2.3.4", "1.2.3.4/32"},
        {"1.2.3.4/32", "1.2.3.4/32"},
        {"128.0.0.0/1", "128.0.0.0/1"},
        {"::/0", "::/0"},
        {"::1", "::1/128"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"2001:db8:8000::/33", "2001:db8:8000::/33"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::ffff:1.2.3.4/128", "1.2.3.4/32"},
        {"::ffff:1.2.3.4", "1.2.3.4/32"},
    };
    char text[ADDR_TEXT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cidr cidr = cidr_of(cases[i].in);
        ck_assert_uint_eq(cidr_text(&cidr, text), strlen(cases[i].out));
        ck_assert_str_eq(text, cases[i].out);
    }
}
END_TEST

START_TEST(test_cidr_refuses)
{
    static const struct {
        const char *in, *why;
    } cases[] = {
        {"", "no IPv4 or IPv6 address"},
        {"/8", "no IPv4 or IPv6 address"},
        {"10.0.0/8", "no IPv4 or IPv6 address"},
        {"10/8", "no IPv4 or IPv6 address"},
        {"010.0.0.0/8", "no IPv4 or IPv6 address"},
        {"fe80::1%eth0/64", "no IPv4 or IPv6 address"},
        {"[::1]/128", "no IPv4 or IPv6 address"},
        {"10.0.0.0/", "no number of bits"},
        {"10.0.0.0/08", "no number of bits"},
        {"10.0.0.0/8/8", "no number of bits"},
        {"10.0.0.0/255.0.0.0", "no number of bits"},
        {"10.0.0.0/-1", "no number of bits"},
        {"10.0.0.0/ 8", "no number of bits"},
        {"10.0.0.0/0000", "no number of bits"},
        {"10.0.0.0/4294967304", "no number of bits"},
        {"10.0.0.0/33", "at most 32 bits"},
        {"10.0.0.0/264", "at most 32 bits"},
        {"::/129", "at most 128 bits"},
        {"::ffff:10.0.0.0/8", "at least 96 bits"},
        {"::ffff:10.0.0.0/129", "at most 32 bits"},
        {"10.0.0.1/8", "bits behind the prefix"},
        {"10.0.0.1/31", "bits behind the prefix"},
        {"1.2.3.4/0", "bits behind the prefix"},
        {"::1/127", "bits behind the prefix"},
        {"2001:db8::1/32", "bits behind the prefix"},
        {"::ffff:10.1.0.0/104", "bits behind the prefix"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cidr cidr = {.bits = 77};
        const char *why = NULL;
        ck_assert_msg(!cidr_parse(str_of(cases[i].in), &cidr, &why), "%s", cases[i].in);
        ck_assert_msg(strstr(why, cases[i].why) != NULL, "%s: %s", cases[i].in, why);
        ck_assert_uint_eq(cidr.bits, 77);
    }
}
END_TEST

static bool has(const char *range, const char *address)
{
    struct cidr cidr = cidr_of(range);
    struct ip ip = ip_of(address);
    return cidr_has(&cidr, &ip);
}

START_TEST(test_cidr_has)
{
    ck_assert(has("10.0.0.0/8", "10.255.255.255"));
    ck_assert(!has("10.0.0.0/8", "11.0.0.0"));
    ck_assert(!has("10.0.0.0/8", "9.255.255.255"));
    ck_assert(has("0.0.0.0/0", "1.2.3.4"));
    ck_assert(!has("0.0.0.0/0", "::1"));
    ck_assert(has("::/0", "::1"));
    ck_assert(!has("::/0", "1.2.3.4"));
    ck_assert(has("192.168.4.0/22", "192.168.7.255"));
    ck_assert(!has("192.168.4.0/22", "192.168.8.0"));
    ck_assert(has("1.2.3.4/32", "::ffff:1.2.3.4"));
    ck_assert(!has("1.2.3.4/32", "1.2.3.5"));
    ck_assert(has("10.0.0.0/8", "64:ff9b::10.0.0.1"));
    ck_assert(has("64:ff9b::/96", "64:ff9b::10.0.0.1"));
    ck_assert(has("fe80::/10", "febf::1"));
    ck_assert(!has("fe80::/10", "fec0::1"));
    ck_assert(has("::1/128", "::1"));
    ck_assert(!has("::1/128", "::2"));
    struct cidr all = cidr_of("::/0");
    struct ip none = {0};
    ck_assert(!cidr_has(&all, &none));
}
END_TEST

static int find(const struct cidr_set *set, const char *address)
{
    struct ip ip = ip_of(address);
    uint32_t number;
    return cidr_set_find(set, &ip, &number) ? (int)number : -1;
}

START_TEST(test_set_longest_prefix)
{
    static const char *const ranges[] = {"10.0.0.0/8", "10.1.0.0/16",  "10.1.2.0/24",   "10.1.2.3/32",
                                         "0.0.0.0/0",  "128.0.0.0/1",  "::/0",          "2001:db8::/32",
                                         "::1/128",    "64:ff9b::/96", "10.1.2.128/25", "10.1.2.3/32"};
    struct arena arena;
    struct cidr_set set = {0};
    arena_init(&arena);
    ck_assert_int_eq(find(&set, "10.0.0.1"), -1);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct cidr cidr = cidr_of(ranges[i]);
        cidr_set_add(&set, &arena, &cidr, (uint32_t)i);
    }
    ck_assert_uint_eq(set.count, 11);
    ck_assert_int_eq(find(&set, "10.9.9.9"), 0);
    ck_assert_int_eq(find(&set, "10.1.9.9"), 1);
    ck_assert_int_eq(find(&set, "10.1.2.9"), 2);
    ck_assert_int_eq(find(&set, "10.1.2.3"), 3);
    ck_assert_int_eq(find(&set, "10.1.2.200"), 10);
    ck_assert_int_eq(find(&set, "11.0.0.0"), 4);
    ck_assert_int_eq(find(&set, "200.0.0.0"), 5);
    ck_assert_int_eq(find(&set, "fe80::1"), 6);
    ck_assert_int_eq(find(&set, "2001:db8::1"), 7);
    ck_assert_int_eq(find(&set, "::1"), 8);
    ck_assert_int_eq(find(&set, "64:ff9b::10.1.2.3"), 3);
    ck_assert_int_eq(find(&set, "64:ff9b::11.0.0.0"), 9); /* of equal length: as written */
    struct ip none = {0};
    uint32_t number;
    ck_assert(!cidr_set_find(&set, &none, &number));
    arena_reset(&arena);
}
END_TEST

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16 & 0x7fff;
}

/* Against a plain search through all ranges. */
START_TEST(test_set_like_a_list)
{
    enum { COUNT = 300 };
    static struct cidr ranges[COUNT];
    unsigned seed = 7;
    for (int round = 0; round < 20; round++) {
        struct arena arena;
        struct cidr_set set = {0};
        arena_init(&arena);
        for (uint32_t i = 0; i < COUNT; i++) {
            bool is_six = next(&seed) % 2 == 0;
            unsigned bits = next(&seed) % (is_six ? 129 : 33);
            struct ip ip = {.version = is_six ? 6 : 4};
            for (int j = 0; j < (is_six ? 16 : 4); j++)
                ip.bytes[j] = (uint8_t)(next(&seed) & 0x81); /* few different ones, so that they share much */
            ranges[i] = (struct cidr){ip_masked(&ip, bits, bits), (uint8_t)bits};
            cidr_set_add(&set, &arena, &ranges[i], i);
        }
        for (int i = 0; i < 2000; i++) {
            bool is_six = next(&seed) % 2 == 0;
            struct ip ip = {.version = is_six ? 6 : 4};
            for (int j = 0; j < (is_six ? 16 : 4); j++)
                ip.bytes[j] = (uint8_t)(next(&seed) & 0x81);
            int best = -1;
            for (int j = 0; j < COUNT; j++)
                if (cidr_has(&ranges[j], &ip) && (best < 0 || ranges[j].bits > ranges[best].bits))
                    best = j;
            uint32_t number = 0;
            bool is_found = cidr_set_find(&set, &ip, &number);
            ck_assert(is_found == (best >= 0));
            if (is_found)
                ck_assert_uint_eq(number, (unsigned)best);
        }
        arena_reset(&arena);
    }
}
END_TEST

Suite *suite_cidr(void)
{
    Suite *suite = suite_create("cidr");
    TCase *tcase = tcase_create("cidr");
    tcase_add_test(tcase, test_cidr_reads_and_writes);
    tcase_add_test(tcase, test_cidr_refuses);
    tcase_add_test(tcase, test_cidr_has);
    tcase_add_test(tcase, test_set_longest_prefix);
    tcase_add_test(tcase, test_set_like_a_list);
    suite_add_tcase(suite, tcase);
    return suite;
}
