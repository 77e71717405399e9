#include "http1/chunked.h"

#include "base/must.h"
#include "base/text.h"
#include "tests/unit/default_limits.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_chunked(void);

struct outcome {
    enum chunked result;
    size_t used;
    unsigned trailers;
    struct text body;
};

/* Feeds one piece as long as it gives data. */
static enum chunked feed(struct chunked_parser *parser, const char *at, size_t len, struct outcome *outcome)
{
    enum chunked result = CHUNKED_DATA;
    while (result == CHUNKED_DATA) {
        size_t used;
        struct str data;
        result = chunked_next(parser, at, len, &used, &data);
        ck_assert(used <= len && (result == CHUNKED_DATA) == (data.len > 0));
        text_add(&outcome->body, data);
        at += used;
        len -= used;
        outcome->used += used;
    }
    if (result == CHUNKED_MORE)
        ck_assert_uint_eq(len, 0);
    return result;
}

/* In pieces of `step` bytes, the first of `first`. */
static struct outcome decode(struct str input, size_t first, size_t step)
{
    struct outcome outcome = {.result = CHUNKED_MORE};
    struct arena arena;
    struct chunked_parser parser;
    arena_init(&arena);
    text_init(&outcome.body);
    chunked_init(&parser, &arena, &default_limits);
    for (size_t from = 0, to = first; from < input.len && outcome.result == CHUNKED_MORE; from = to, to += step) {
        to = to < input.len ? to : input.len;
        char *piece = must_alloc(to - from + 1);
        memcpy(piece, input.at + from, to - from);
        outcome.result = feed(&parser, piece, to - from, &outcome);
        free(piece);
    }
    outcome.trailers = parser.trailers.count;
    arena_reset(&arena);
    return outcome;
}

static void must_equal(const struct outcome *a, struct outcome b)
{
    ck_assert_int_eq(a->result, b.result);
    ck_assert(str_eq(text_str(&a->body), text_str(&b.body)));
    ck_assert_uint_eq(a->trailers, b.trailers);
    if (a->result == CHUNKED_DONE)
        ck_assert_uint_eq(a->used, b.used);
    text_fini(&b.body);
}

static struct outcome decode_all_ways(struct str input)
{
    struct outcome whole = decode(input, input.len, 1);
    must_equal(&whole, decode(input, 1, 1));
    for (size_t cut = 1; cut < input.len && input.len < 2000; cut++)
        must_equal(&whole, decode(input, cut, input.len));
    return whole;
}

START_TEST(test_good)
{
    static const struct {
        const char *input, *body;
        size_t beyond; /* bytes of the next message */
        unsigned trailers;
    } cases[] = {
        {"0\r\n\r\nGET", "", 3, 0},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
        {"a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789", 0, 0},
        {"5;foo=bar;q=\"a \\\" b\"\r\nhello\r\n0;x\r\n\r\n", "hello", 0, 0},
        {"5;a;b=c\r\nhello\r\n0\r\nX-T: 1\r\nContent-Length: 9\r\n\r\nX", "hello", 1, 2},
        {"0\r\nX:POST /a HTTP/1.1\r\n\r\n", "", 0, 1},
        {"0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0, 0},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct str input = str_of(cases[i].input);
        struct outcome outcome = decode_all_ways(input);
        ck_assert_msg(outcome.result == CHUNKED_DONE, "%s", cases[i].input);
        ck_assert_str_eq(text_str(&outcome.body).at, cases[i].body);
        ck_assert_uint_eq(outcome.used + cases[i].beyond, input.len);
        ck_assert_uint_eq(outcome.trailers, cases[i].trailers);
        text_fini(&outcome.body);
    }
}
END_TEST

START_TEST(test_bad)
{
    static const char *const cases[] = {"5\nhello\r\n0\r\n\r\n",
                                        "5\r\rhello",
                                        "5;a\r\rb\r\nhello",
                                        "0x5\r\nhello",
                                        "-5\r\nhello",
                                        "+5\r\nhello",
                                        "5 \r\nhello",
                                        " 5\r\nhello",
                                        "5\t\r\nhello",
                                        "5 ;a\r\nhello",
                                        "5; a\r\nhello",
                                        "5;a =b\r\nhello",
                                        "5;a= b\r\nhello",
                                        "5_0\r\nhello",
                                        "FFFFFFFFFFFFFFFF\r\nhello",
                                        "8000000000000000\r\nhello",
                                        "00000000000000005\r\nhello",
                                        "10000000000000000\r\n",
                                        "5\r\nhelloXX0\r\n\r\n",
                                        "5\r\nhello0\r\n\r\n",
                                        "5\r\nhello\n0\r\n\r\n",
                                        "5\r\nhello\r0\r\n\r\n",
                                        "0\r\n\nGET",
                                        "0\n\n",
                                        "0\r\nX-T: 1\n\r\n",
                                        "0\r\n : x\r\n\r\n",
                                        "0\r\nX : y\r\n\r\n",
                                        "0\r\nX: y\r\n z\r\n\r\n",
                                        "0\r\n\r\r",
                                        "5\thello",
                                        "5;\r\nhello",
                                        "5;a=\r\nhello",
                                        "5;=b\r\nhello",
                                        "5;a=\"b\r\nhello",
                                        "5;a=\"b\"c\r\nhello",
                                        "5;a=\x01\r\nhello",
                                        "\r\n0\r\n\r\n",
                                        "INVALID!!!\r\n",
                                        "5,\r\nhello",
                                        "5\r\r;ABCD\r\n",
                                        "5\xa0\r\nhello",
                                        "g\r\n",
                                        "5;a=\"\x1b\"\r\nhello",
                                        ";a\r\n"};
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct outcome outcome = decode_all_ways(str_of(cases[i]));
        ck_assert_msg(outcome.result == CHUNKED_BAD, "%s", cases[i]);
        text_fini(&outcome.body);
    }
    struct outcome outcome = decode_all_ways(str_from("5;a=\0\r\nhello\r\n0\r\n\r\n", 19));
    ck_assert_int_eq(outcome.result, CHUNKED_BAD);
    text_fini(&outcome.body);
    outcome = decode_all_ways(str_from("\0\r\n0\r\n\r\n", 8));
    ck_assert_int_eq(outcome.result, CHUNKED_BAD);
    text_fini(&outcome.body);
}
END_TEST

static enum chunked decode_repeated(const char *unit, size_t times, const char *end, size_t *ret_body)
{
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < times; i++)
        text_add_cstr(&text, unit);
    text_add_cstr(&text, end);
    struct outcome outcome = decode_all_ways(text_str(&text));
    *ret_body = outcome.body.len;
    text_fini(&outcome.body);
    text_fini(&text);
    return outcome.result;
}

START_TEST(test_limits)
{
    size_t body;
    ck_assert_int_eq(decode_repeated("1\r\nZ\r\n", 30000, "0\r\n\r\n", &body), CHUNKED_DONE);
    ck_assert_uint_eq(body, 30000);
    ck_assert_int_eq(decode_repeated("1;abcdefg\r\nZ\r\n", 2048, "0\r\n\r\n", &body), CHUNKED_DONE);
    ck_assert_int_eq(decode_repeated("1;abcdefg\r\nZ\r\n", 2049, "0\r\n\r\n", &body), CHUNKED_BAD);
    ck_assert_int_eq(decode_repeated("000000001\r\nZ\r\n", 2100, "0\r\n\r\n", &body), CHUNKED_BAD);
    ck_assert_int_eq(decode_repeated("1;a=", 1, "", &body), CHUNKED_MORE);
    ck_assert_int_eq(decode_repeated(";a", 200, "", &body), CHUNKED_BAD);
    ck_assert_int_eq(
        decode_repeated("1;a", 1,
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                        &body),
        CHUNKED_BAD);
    ck_assert_int_eq(decode_repeated("100000005\r\nhello", 1, "", &body), CHUNKED_MORE);
    ck_assert_uint_eq(body, 5);
}
END_TEST

START_TEST(test_too_many_trailers)
{
    struct outcome outcome = decode_all_ways(
        STR("0\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n"
            "a:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n"));
    ck_assert_int_eq(outcome.result, CHUNKED_BAD);
    text_fini(&outcome.body);
}
END_TEST

START_TEST(test_skip)
{
    struct arena arena;
    struct chunked_parser parser;
    struct str data;
    size_t used;
    arena_init(&arena);
    chunked_init(&parser, &arena, &default_limits);
    ck_assert_int_eq(chunked_next(&parser, "10\r\nab", 6, &used, &data), CHUNKED_DATA);
    ck_assert_uint_eq(chunked_remaining(&parser), 14);
    chunked_skip(&parser, 13);
    ck_assert_uint_eq(chunked_remaining(&parser), 1);
    chunked_skip(&parser, 1);
    ck_assert_int_eq(chunked_next(&parser, "\r\n0\r\n\r\n", 7, &used, &data), CHUNKED_DONE);
    arena_reset(&arena);
}
END_TEST

Suite *suite_chunked(void)
{
    Suite *suite = suite_create("chunked");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_good);
    tcase_add_test(tests, test_bad);
    tcase_add_test(tests, test_limits);
    tcase_add_test(tests, test_too_many_trailers);
    tcase_add_test(tests, test_skip);
    suite_add_tcase(suite, tests);
    return suite;
}
