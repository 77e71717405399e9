/* The header of the PROXY protocol, however the network cuts it. */
#include "net/proxy_header.h"

#include "base/must.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define ADDRESSES "\xc0\x00\x02\x01\xc6\x33\x64\x02\x04\xd2\x01\xbb" /* 192.0.2.1:1234 to 198.51.100.2:443 */
#define SIX "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1"
#define FILL16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define FILL216                                                                                                        \
    FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 FILL16 "\0\0\0\0\0\0\0\0"
#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }

/* A copy of exactly these bytes, so that a sanitizer sees a read beyond them. */
static enum proxy_header_result read_exactly(struct str bytes, struct proxy_header *ret, size_t *ret_used)
{
    char *copy = must_alloc(bytes.len + 1);
    char *end = copy + 1 + bytes.len;
    memcpy(end - bytes.len, bytes.at, bytes.len);
    enum proxy_header_result result = proxy_header_read(str_from(end - bytes.len, bytes.len), ret, ret_used);
    free(copy);
    return result;
}

/* At each length: MORE until it is decided, and decided alike whatever follows. */
static enum proxy_header_result read_all_ways(struct str bytes, struct proxy_header *ret, size_t *ret_used)
{
    enum proxy_header_result decided = PROXY_HEADER_MORE;
    for (size_t len = 0; len <= bytes.len; len++) {
        struct proxy_header header;
        size_t used = 0;
        enum proxy_header_result result = read_exactly(str_head(bytes, len), &header, &used);
        ck_assert_msg(decided == PROXY_HEADER_MORE || result == decided, "%zu bytes", len);
        if (result == PROXY_HEADER_DONE && decided == PROXY_HEADER_MORE) {
            ck_assert_uint_eq(used, len);
            *ret = header;
            *ret_used = used;
        } else if (result == PROXY_HEADER_DONE) {
            ck_assert_uint_eq(used, *ret_used);
        }
        decided = result;
    }
    return decided;
}

static const char *shown(const struct proxy_header *header)
{
    static char text[3 * ADDR_TEXT_MAX];
    char source[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX];
    ip_text(&header->source, source);
    ip_text(&header->destination, destination);
    if (header->source.version == 0)
        return "nobody";
    snprintf(text, sizeof text, "%s %u %s %u", source, header->source_port, destination, header->destination_port);
    return text;
}

START_TEST(what_is_one)
{
    static const struct {
        struct str bytes;
        size_t beyond;
        const char *names;
    } cases[] = {
        {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n"), 0, "192.0.2.1 1234 198.51.100.2 443"},
        {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\nGET /"), 5, "192.0.2.1 1234 198.51.100.2 443"},
        {TEXT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), 0,
         "255.255.255.255 65535 255.255.255.255 65535"},
        {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n\r\n"), 2, "192.0.2.1 0 198.51.100.2 0"},
        {TEXT("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), 0, "2001:db8::1 1 2001:db8::2 2"},
        {TEXT("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), 0, "192.0.2.1 1 ::1 2"},
        {TEXT(
             "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
         0, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
        {TEXT("PROXY UNKNOWN\r\n"), 0, "nobody"},
        {TEXT("PROXY UNKNOWN 2001:db8::1 x y z\r\nPROXY"), 5, "nobody"},
        {TEXT(
             "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
         0, "nobody"}, /* the longest: 107 bytes */
        {TEXT(SIGNATURE "\x21\x11\x00\x0c" ADDRESSES "GET"), 3, "192.0.2.1 1234 198.51.100.2 443"},
        {TEXT(SIGNATURE "\x21\x21\x00\x24" SIX MAPPED "\xff\xff\0\0"), 0, "2001:db8::1 65535 10.0.0.1 0"},
        {TEXT(SIGNATURE "\x21\x12\x00\x0c" ADDRESSES), 0, "nobody"},
        {TEXT(SIGNATURE "\x21\x22\x00\x24" SIX MAPPED "\xff\xff\0\0"), 0, "nobody"},
        {TEXT(SIGNATURE "\x21\x31\x00\xd8" FILL216 "x"), 1, "nobody"},
        {TEXT(SIGNATURE "\x21\x32\x00\xd8" FILL216), 0, "nobody"},
        {TEXT(SIGNATURE "\x21\x00\x00\x00"), 0, "nobody"},
        {TEXT(SIGNATURE "\x21\x00\x00\x05"
                        "abcde"
                        "x"),
         1, "nobody"},
        {TEXT(SIGNATURE "\x20\x00\x00\x00"), 0, "nobody"},
        {TEXT(SIGNATURE "\x20\x11\x00\x0c" ADDRESSES), 0, "nobody"},
        {TEXT(SIGNATURE "\x20\xff\x00\x02"
                        "ab"),
         0, "nobody"}, /* LOCAL: the family is to be ignored */
        {TEXT(SIGNATURE "\x21\x11\x00\x15" ADDRESSES "\x02\x00\x01"
                        "a"
                        "\x04\x00\x02\0\0"),
         0, "192.0.2.1 1234 198.51.100.2 443"},
        {TEXT(SIGNATURE "\x21\x11\x00\x24" ADDRESSES "\x02\x00\x09"
                        "site.test"
                        "\x03\x00\x04\x48\x6d\xa9\x94"
                        "\x04\x00\x02\x00\x00"),
         0, "192.0.2.1 1234 198.51.100.2 443"},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct proxy_header header;
        size_t used;
        ck_assert_msg(read_all_ways(cases[i].bytes, &header, &used) == PROXY_HEADER_DONE, "case %zu", i);
        ck_assert_uint_eq(used + cases[i].beyond, cases[i].bytes.len);
        ck_assert_str_eq(shown(&header), cases[i].names);
    }
}
END_TEST

static const struct str none[] = {
    TEXT("GET / HTTP/1.1\r\n"),
    TEXT("\x16\x03\x01"),
    TEXT("proxy TCP4 192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY\r\n"),
    TEXT("PROXY \r\n"),
    TEXT("PROXY\tTCP4 192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP4\r\n"),
    TEXT("PROXY TCP5 192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY tcp4 192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY UDP4 192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY UNKNOWNX\r\n"),
    TEXT("PROXY UNKNOWN\n"),
    TEXT("PROXY UNKNOWN\rx"),
    TEXT("PROXY UNKNOWN x\nGET / HTTP/1.1\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443 \r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 443 5\r\n"),
    TEXT("PROXY TCP4  192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 \r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 01234 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1234 00\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.01 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP4 192.0.2 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.256 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP4 192.0.2.1\0 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP4 ::1 ::1 1234 443\r\n"),
    TEXT("PROXY TCP4 ::ffff:192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP6 192.0.2.1 198.51.100.2 1234 443\r\n"),
    TEXT("PROXY TCP6 [::1] ::1 1234 443\r\n"),
    TEXT("PROXY TCP6 fe80::1%lo ::1 1234 443\r\n"),
    TEXT(
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n"),
    TEXT("\r\n\r\n\0\r\nQUIT\r"),
    TEXT("\r\nGET / HTTP/1.1\r\n"),
    TEXT(SIGNATURE "\x11\x11\x00\x0c" ADDRESSES), /* version */
    TEXT(SIGNATURE "\x31\x11\x00\x0c" ADDRESSES),
    TEXT(SIGNATURE "\x22\x11\x00\x0c" ADDRESSES), /* command */
    TEXT(SIGNATURE "\x2f\x11\x00\x0c" ADDRESSES),
    TEXT(SIGNATURE "\x21\x10\x00\x0c" ADDRESSES), /* family and transport */
    TEXT(SIGNATURE "\x21\x13\x00\x0c" ADDRESSES),
    TEXT(SIGNATURE "\x21\x01\x00\x0c" ADDRESSES),
    TEXT(SIGNATURE "\x21\x41\x00\x0c" ADDRESSES),
    TEXT(SIGNATURE "\x21\x11\x00\x0b" ADDRESSES), /* length */
    TEXT(SIGNATURE "\x21\x11\x00\x00" ADDRESSES),
    TEXT(SIGNATURE "\x21\x21\x00\x0c" ADDRESSES),
    TEXT(SIGNATURE "\x21\x31\x00\xd7" FILL216),
    TEXT(SIGNATURE "\x21\x11\x10\x01"),
    TEXT(SIGNATURE "\x20\x00\xff\xff"),
    TEXT(SIGNATURE "\x21\x11\x00\x0d" ADDRESSES "\x04"), /* what follows the addresses */
    TEXT(SIGNATURE "\x21\x11\x00\x0f" ADDRESSES "\x04\x00\x01"),
    TEXT(SIGNATURE "\x21\x11\x00\x10" ADDRESSES "\x04\xff\xff"
                   "a"),
    TEXT(SIGNATURE "\x21\x31\x00\xd9" FILL216 "\x04"),
    TEXT(SIGNATURE "\x21\x11\x00\x12" ADDRESSES "\x03\x00\x03"
                   "abc"),
    TEXT(SIGNATURE "\x21\x11\x00\x13" ADDRESSES "\x03\x00\x04\0\0\0\0"),
    TEXT(SIGNATURE "\x21\x11\x00\x1a" ADDRESSES "\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0"),
};

START_TEST(what_is_none)
{
    for (size_t i = 0; i < lengthof(none); i++) {
        struct proxy_header header;
        size_t used;
        ck_assert_msg(read_all_ways(none[i], &header, &used) == PROXY_HEADER_BAD, "case %zu", i);
    }
}
END_TEST

/* As long as may be, and one byte more. */
START_TEST(the_length_is_bounded)
{
    static char bytes[PROXY_HEADER_MAX + 1];
    struct proxy_header header;
    size_t used;
    memcpy(bytes, SIGNATURE "\x21\x11\x10\x00" ADDRESSES "\x04\x0f\xf1", 31);
    ck_assert_int_eq(read_all_ways(str_from(bytes, PROXY_HEADER_MAX), &header, &used), PROXY_HEADER_DONE);
    ck_assert_uint_eq(used, PROXY_HEADER_MAX);
    bytes[15] = 1;
    ck_assert_int_eq(read_all_ways(str_from(bytes, PROXY_HEADER_MAX + 1), &header, &used), PROXY_HEADER_BAD);
}
END_TEST

/* Each byte is under the sum. */
START_TEST(a_changed_byte_is_seen)
{
    static const char header[] = SIGNATURE "\x21\x11\x00\x24" ADDRESSES "\x02\x00\x09"
                                           "site.test"
                                           "\x03\x00\x04\x48\x6d\xa9\x94"
                                           "\x04\x00\x02\x00\x00";
    char bytes[sizeof header - 1];
    enum { TYPE_OF_SUM = 40 }; /* of another type it is no sum */
    for (size_t at = 12; at < sizeof bytes; at++) {
        struct proxy_header ret;
        size_t used;
        if (at == TYPE_OF_SUM)
            continue;
        memcpy(bytes, header, sizeof bytes);
        bytes[at] ^= 0x10;
        ck_assert_msg(read_exactly(str_from(bytes, sizeof bytes), &ret, &used) != PROXY_HEADER_DONE, "byte %zu", at);
    }
}
END_TEST

/* Writing */

static struct proxy_header header_of(const char *source, const char *destination)
{
    struct proxy_header header = {.source_port = 1234, .destination_port = 443};
    if (source != NULL)
        ck_assert(ip_parse(str_of(source), &header.source));
    if (destination != NULL)
        ck_assert(ip_parse(str_of(destination), &header.destination));
    return header;
}

START_TEST(what_is_written_is_read)
{
    static const struct {
        const char *source, *destination, *line, *names;
    } cases[] = {
        {"192.0.2.1", "198.51.100.2", "PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n",
         "192.0.2.1 1234 198.51.100.2 443"},
        {"2001:db8::1", "::1", "PROXY TCP6 2001:db8::1 ::1 1234 443\r\n", "2001:db8::1 1234 ::1 443"},
        {"192.0.2.1", "::1", "PROXY TCP6 ::ffff:c000:201 ::1 1234 443\r\n", "192.0.2.1 1234 ::1 443"},
        {"::1", "192.0.2.1", "PROXY TCP6 ::1 ::ffff:c000:201 1234 443\r\n", "::1 1234 192.0.2.1 443"},
        {"192.0.2.1", NULL, "PROXY UNKNOWN\r\n", "nobody"},
        {NULL, "192.0.2.1", "PROXY UNKNOWN\r\n", "nobody"},
        {NULL, NULL, "PROXY UNKNOWN\r\n", "nobody"},
    };
    for (size_t i = 0; i < lengthof(cases); i++)
        for (enum proxy_header_version version = PROXY_HEADER_V1; version <= PROXY_HEADER_V2; version++) {
            struct proxy_header header = header_of(cases[i].source, cases[i].destination), again;
            char text[PROXY_HEADER_WRITTEN_MAX];
            size_t used, len = proxy_header_write(&header, version, text);
            ck_assert(version == PROXY_HEADER_V2 || str_eq(str_from(text, len), str_of(cases[i].line)));
            ck_assert_int_eq(read_all_ways(str_from(text, len), &again, &used), PROXY_HEADER_DONE);
            ck_assert_uint_eq(used, len);
            ck_assert_str_eq(shown(&again), cases[i].names);
        }
}
END_TEST

START_TEST(the_longest_line_fits)
{
    const char *most = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    struct proxy_header header = header_of(most, most);
    char text[PROXY_HEADER_WRITTEN_MAX];
    header.source_port = header.destination_port = UINT16_MAX;
    size_t len = proxy_header_write(&header, PROXY_HEADER_V1, text);
    ck_assert(str_ends(str_from(text, len), STR(" 65535 65535\r\n")));
    ck_assert_uint_eq(len, 104);
}
END_TEST

START_TEST(version_2_is_as_the_specification_draws_it)
{
    struct proxy_header header = header_of("192.0.2.1", "198.51.100.2"), nobody = {0};
    char text[PROXY_HEADER_WRITTEN_MAX];
    size_t len = proxy_header_write(&header, PROXY_HEADER_V2, text);
    ck_assert(str_eq(str_from(text, len), STR(SIGNATURE "\x21\x11\x00\x0c" ADDRESSES)));
    len = proxy_header_write(&nobody, PROXY_HEADER_V2, text);
    ck_assert(str_eq(str_from(text, len), STR(SIGNATURE "\x20\x00\x00\x00")));
}
END_TEST

Suite *suite_proxy_header(void)
{
    Suite *suite = suite_create("proxy_header");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_is_one);
    tcase_add_test(tests, what_is_none);
    tcase_add_test(tests, the_length_is_bounded);
    tcase_add_test(tests, a_changed_byte_is_seen);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, the_longest_line_fits);
    tcase_add_test(tests, version_2_is_as_the_specification_draws_it);
    suite_add_tcase(suite, tests);
    return suite;
}
