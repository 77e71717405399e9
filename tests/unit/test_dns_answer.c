#include "base/must.h"
#include "net/dns_answer.h"

#include <check.h>
#include <stdlib.h>

/* www.a.test: alias (300 s) of b.test, which has two A records (60 s, and 30 s with its name compressed) and one that is told twice. */
static const char two_addresses[] = "\x12\x34\x81\x80\0\x01\0\x04\0\0\0\0"
                                    "\x03www\x01"
                                    "a\x04test\0\0\x01\0\x01"
                                    "\xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x04\x01"
                                    "b\xc0\x12"
                                    "\xc0\x28\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"
                                    "\x01"
                                    "B\x04TEST\0\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x02"
                                    "\xc0\x28\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";

static struct str message_of(const char *bytes, size_t size)
{
    return str_from(bytes, size - 1);
}

#define MESSAGE(literal) message_of(literal, sizeof(literal))

START_TEST(follows_the_alias)
{
    struct dns_answer answer;
    ck_assert(dns_answer_parse(MESSAGE(two_addresses), STR("www.a.test"), DNS_TYPE_A, &answer));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_mem_eq(answer.at[0].bytes, "\xc0\0\x02\x01", 4);
    ck_assert_mem_eq(answer.at[1].bytes, "\xc0\0\x02\x02", 4);
    ck_assert_uint_eq(answer.ttl, 30);
    ck_assert(dns_answer_parse(MESSAGE(two_addresses), STR("other.test"), DNS_TYPE_A, &answer));
    ck_assert_uint_eq(answer.count, 0);
    ck_assert(!answer.has_ttl);
    ck_assert(dns_answer_parse(MESSAGE(two_addresses), STR("www.a.test"), DNS_TYPE_AAAA, &answer));
    ck_assert_uint_eq(answer.count, 0);
}
END_TEST

START_TEST(cut_at_every_byte)
{
    size_t size = sizeof two_addresses - 1;
    for (size_t len = 0; len < size; len++) {
        char *part = malloc(len > 0 ? len : 1);
        memcpy(part, two_addresses, len);
        struct dns_answer answer;
        ck_assert(!dns_answer_parse(str_from(part, len), STR("www.a.test"), DNS_TYPE_A, &answer));
        free(part);
    }
}
END_TEST

START_TEST(every_byte_changed)
{
    size_t size = sizeof two_addresses - 1;
    char *bytes = malloc(size);
    for (size_t at = 0; at < size; at++) {
        for (int value = 0; value < 256; value++) {
            memcpy(bytes, two_addresses, size);
            bytes[at] = (char)value;
            struct dns_answer answer;
            if (dns_answer_parse(str_from(bytes, size), STR("www.a.test"), DNS_TYPE_A, &answer))
                ck_assert_uint_le(answer.count, 3);
        }
    }
    free(bytes);
}
END_TEST

START_TEST(mapped_addresses_are_ipv4)
{
    struct dns_answer answer;
    struct str message = MESSAGE("\0\0\x81\x80\0\x01\0\x01\0\0\0\0"
                                 "\x01"
                                 "a\0\0\x1c\0\x01"
                                 "\xc0\x0c\0\x1c\0\x01\x80\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01");
    ck_assert(dns_answer_parse(message, STR("a"), DNS_TYPE_AAAA, &answer));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_uint_eq(answer.at[0].version, 4);
    ck_assert_mem_eq(answer.at[0].bytes, "\x7f\0\0\x01", 4);
    ck_assert_uint_eq(answer.ttl, 0); /* its highest bit was set */
}
END_TEST

START_TEST(a_refusal_takes_the_soas_ttl)
{
    struct dns_answer answer;
    struct str message = MESSAGE(
        "\0\0\x81\x83\0\x01\0\0\0\x01\0\0"
        "\x01"
        "a\0\0\x01\0\x01"
        "\0\0\x06\0\x01\0\0\0\x50\0\x16\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x28");
    ck_assert(dns_answer_parse(message, STR("a"), DNS_TYPE_A, &answer));
    ck_assert_uint_eq(answer.count, 0);
    ck_assert(answer.has_ttl);
    ck_assert_uint_eq(answer.ttl, 40);
}
END_TEST

/* Pointers that lead to themselves, forward, or in a circle. */
START_TEST(names_without_end)
{
    struct dns_answer answer;
    ck_assert(!dns_answer_parse(MESSAGE("\0\0\x81\x80\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01"), STR("a"), DNS_TYPE_A,
                                &answer));
    ck_assert(!dns_answer_parse(MESSAGE("\0\0\x81\x80\0\x01\0\0\0\0\0\0\xc0\x0e\xc0\x0c\0\x01\0\x01"), STR("a"),
                                DNS_TYPE_A, &answer));
    ck_assert(!dns_answer_parse(MESSAGE("\0\0\x81\x80\0\x01\0\0\0\0\0\0\x01"
                                        "a\xc0\x0c\0\x01\0\x01"),
                                STR("a"), DNS_TYPE_A, &answer));
    ck_assert(
        !dns_answer_parse(MESSAGE("\0\0\x81\x80\0\x01\0\0\0\0\0\0\x40\0\0\x01\0\x01"), STR("a"), DNS_TYPE_A, &answer));
}
END_TEST

Suite *suite_dns_answer(void);
Suite *suite_dns_answer(void)
{
    Suite *suite = suite_create("dns_answer");
    TCase *tests = tcase_create("dns_answer");
    tcase_add_test(tests, follows_the_alias);
    tcase_add_test(tests, cut_at_every_byte);
    tcase_add_test(tests, every_byte_changed);
    tcase_add_test(tests, mapped_addresses_are_ipv4);
    tcase_add_test(tests, a_refusal_takes_the_soas_ttl);
    tcase_add_test(tests, names_without_end);
    suite_add_tcase(suite, tests);
    return suite;
}
