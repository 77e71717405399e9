#include "http1/parse.h"

#include "base/must.h"
#include "base/text.h"
#include "tests/unit/default_limits.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_parse(void);

struct outcome {
    enum parse result;
    enum fault fault;
    size_t used;
    struct text shape; /* every member of the head, as text */
};

static void show(struct text *into, const struct head *head)
{
    text_printf(into, "%d|%.*s|%d|%.*s|%.*s|%d|", head->method, STR_ARGS(head->method_text), head->target.form,
                STR_ARGS(head->target.raw), STR_ARGS(head->target.path), head->target.query.at ? 1 : 0);
    text_printf(into, "%.*s|%.*s|%.*s|%u|%d|%u|", STR_ARGS(head->target.second_path), STR_ARGS(head->target.query),
                STR_ARGS(head->authority.host), head->authority.port, head->authority.ip.version != 0, head->minor);
    text_printf(into, "%u|%.*s|%d|%llu|%d%d%d%d\n", head->status, STR_ARGS(head->reason), head->framing,
                (unsigned long long)head->length, head->keep_alive, head->expects_continue, head->upgrades_websocket,
                head->host_differs);
    for (unsigned i = 0; i < head->fields.count; i++)
        text_printf(into, "%d|%.*s|%.*s\n", head->fields.at[i].id, STR_ARGS(head->fields.at[i].name),
                    STR_ARGS(head->fields.at[i].value));
}

/* The bytes come in pieces of exactly their size on the heap, freed after each call: what is kept must have been copied. */
static struct outcome parse_cut(struct str input, bool is_response, const size_t *cuts, size_t count)
{
    struct outcome outcome = {PARSE_MORE, FAULT_NONE, 0, {0}};
    struct arena arena;
    struct head_parser parser;
    struct head head;
    arena_init(&arena);
    if (is_response)
        head_parser_init_response(&parser, &arena, &head, &default_limits, METHOD_GET);
    else
        head_parser_init_request(&parser, &arena, &head, &default_limits);
    for (size_t i = 0, from = 0; i <= count && outcome.result == PARSE_MORE; i++) {
        size_t to = i < count ? cuts[i] : input.len, used;
        char *piece = must_alloc(to - from + 1);
        memcpy(piece, input.at + from, to - from);
        outcome.result = head_parse(&parser, piece, to - from, &used);
        free(piece);
        outcome.used += used;
        if (outcome.result == PARSE_MORE)
            ck_assert_uint_eq(used, to - from);
        from = to;
    }
    text_init(&outcome.shape);
    outcome.fault = outcome.result == PARSE_BAD ? parser.fault : FAULT_NONE;
    if (outcome.result == PARSE_DONE)
        show(&outcome.shape, &head);
    arena_reset(&arena);
    return outcome;
}

static void must_equal(const struct outcome *a, const struct outcome *b, struct str input)
{
    ck_assert_msg(a->result == b->result && a->fault == b->fault, "%.*s: %d %d, %d %d", STR_ARGS(input), a->result,
                  a->fault, b->result, b->fault);
    ck_assert_uint_eq(a->used, b->used);
    ck_assert(str_eq(text_str(&a->shape), text_str(&b->shape)));
}

/* Whole, cut in two at every place, and byte by byte: one outcome. */
static struct outcome parse_all_ways(struct str input, bool is_response)
{
    struct outcome whole = parse_cut(input, is_response, NULL, 0);
    size_t *cuts = must_calloc(input.len + 1, sizeof *cuts);
    for (size_t i = 0; i < input.len; i++)
        cuts[i] = i;
    for (size_t i = 0; i < input.len && input.len < 2000; i++) {
        struct outcome split = parse_cut(input, is_response, &i, 1);
        must_equal(&whole, &split, input);
        text_fini(&split.shape);
    }
    struct outcome single = parse_cut(input, is_response, cuts, input.len);
    must_equal(&whole, &single, input);
    text_fini(&single.shape);
    free(cuts);
    return whole;
}

static void expect_shape(struct str input, bool is_response, size_t used, const char *shape)
{
    struct outcome outcome = parse_all_ways(input, is_response);
    ck_assert_int_eq(outcome.result, PARSE_DONE);
    ck_assert_uint_eq(outcome.used, used);
    ck_assert_str_eq(text_str(&outcome.shape).at, shape);
    text_fini(&outcome.shape);
}

static void expect_bad(struct str input, bool is_response, enum fault fault)
{
    struct outcome outcome = parse_all_ways(input, is_response);
    ck_assert_msg(outcome.result == PARSE_BAD, "accepted (%d): %.*s", outcome.result, STR_ARGS(input));
    ck_assert_msg(outcome.fault == fault, "%.*s: %s", STR_ARGS(input), fault_info(outcome.fault)->word);
    text_fini(&outcome.shape);
}

START_TEST(test_request)
{
    struct str input = STR(
        "GET /a/%62?x=1 HTTP/1.1\r\nHost: Example.ORG:8080\r\nX-Empty:\r\nAccept:\t */* \t\r\n\r\nGET /next");
    expect_shape(input, false, input.len - 9,
                 "1|GET|0|/a/%62?x=1|/a/b|1||x=1|example.org|8080|0|1|0||0|0|1000\n"
                 "20|Host|Example.ORG:8080\n0|X-Empty|\n1|Accept|*/*\n");
    expect_shape(STR("\r\n\r\nPOST http://h/ HTTP/1.1\r\nHost: h\r\ncontent-length: 5\r\nConnection: close\r\n\r\n"),
                 false, 78,
                 "3|POST|1|http://h/|/|0|||h|0|0|1|0||1|5|0000\n20|Host|h\n10|content-length|5\n8|Connection|close\n");
    expect_shape(STR("CONNECT h:443 HTTP/1.0\r\n\r\n"), false, 26, "6|CONNECT|2|h:443||0|||h|443|0|0|0||0|0|0000\n");
    expect_shape(STR("OPTIONS * HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"), false, 38,
                 "7|OPTIONS|3|*|*|0|||10.0.0.1|0|1|1|0||0|0|1000\n20|Host|10.0.0.1\n");
    expect_shape(STR("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), false, 35,
                 "1|GET|1|http://a/|/|0|||a|0|0|1|0||0|0|1001\n20|Host|b\n");
}
END_TEST

START_TEST(test_response)
{
    expect_shape(STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), true, 38,
                 "0||0|||0||||0|0|1|200|OK|1|3|1000\n10|Content-Length|3\n");
}
END_TEST

START_TEST(test_bad_lines)
{
    static const struct {
        const char *head;
        enum fault fault;
    } cases[] = {
        {"GET / HTTP/1.1\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb: c\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost\t: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nnocolon\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nX\xa0: v\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: \x1b[2J\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: \x7f\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\n\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\r", FAULT_BAD_REQUEST},
        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / b HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET /\r\n\r\n", FAULT_BAD_REQUEST},
        {" GET / HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"G\xff / HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / http/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/1.10\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/11\r\nHost: h\r\n\r\n", FAULT_BAD_REQUEST},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", FAULT_BAD_VERSION},
        {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", FAULT_BAD_VERSION},
        {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", FAULT_BAD_VERSION},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FAULT_BAD_VERSION},
        {"\x16\x03\x01\x02", FAULT_BAD_REQUEST},
        {"PROXY TCP4 6.6.6.6 1.2.3.4 1111 80\r\n", FAULT_BAD_REQUEST},
        {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET http://127.1/ HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n", FAULT_BAD_TARGET},
        {"GET / HTTP/1.1\r\n\r\n", FAULT_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", FAULT_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", FAULT_BAD_HOST},
        {"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", FAULT_BAD_HOST},
        {"GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", FAULT_BAD_HOST},
        {"POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", FAULT_BAD_EXPECT},
    };
    for (size_t i = 0; i < lengthof(cases); i++)
        expect_bad(str_of(cases[i].head), false, cases[i].fault);
    expect_bad(str_from("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26), false, FAULT_BAD_REQUEST);
    expect_bad(str_from("GET / HTTP/1.1\r\nX\0: b\r\n\r\n", 25), false, FAULT_BAD_REQUEST);
    expect_bad(str_from("GE\0T / HTTP/1.1\r\n\r\n", 19), false, FAULT_BAD_REQUEST);
}
END_TEST

START_TEST(test_bad_responses)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\nX: y\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n",
        "HTTP/1.1 600 X\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "FOO BAR\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n"};
    for (size_t i = 0; i < lengthof(heads); i++)
        expect_bad(str_of(heads[i]), true, FAULT_SERVER_INVALID);
}
END_TEST

/* `unit` again and again behind `start`, to `size` bytes. */
static struct str repeat(struct text *into, const char *start, const char *unit, size_t size, const char *end)
{
    text_init(into);
    text_add_cstr(into, start);
    while (into->len < size)
        text_add_cstr(into, unit);
    text_add_cstr(into, end);
    return text_str(into);
}

START_TEST(test_limits)
{
    static const struct {
        const char *start, *unit, *end;
        size_t size;
        enum fault fault; /* FAULT_NONE: accepted */
    } cases[] = {
        {"GET /", "a", " HTTP/1.1\r\nHost: h\r\n\r\n", 8192 - 9, FAULT_NONE},
        {"GET /", "a", " HTTP/1.1\r\nHost: h\r\n\r\n", 8192 - 8, FAULT_URI_TOO_LONG},
        {"GET /", "a", "", 100000, FAULT_URI_TOO_LONG},
        {"", "A", "", 100000, FAULT_URI_TOO_LONG},
        {"GET / HTTP/1.1\r\nHost: h\r\nX:", "b", "\r\n\r\n", 25 + 16384 - 2, FAULT_NONE},
        {"GET / HTTP/1.1\r\nHost: h\r\nX:", "b", "\r\n\r\n", 25 + 16384 + 1, FAULT_HEAD_TOO_LARGE},
        {"GET / HTTP/1.1\r\nHost: h\r\nX:", "b", "", 1000000, FAULT_HEAD_TOO_LARGE},
        {"GET / HTTP/1.1\r\nHost: h\r\n", "a:\r\n", "\r\n", 25 + 99 * 4, FAULT_NONE},
        {"GET / HTTP/1.1\r\nHost: h\r\n", "a:\r\n", "\r\n", 25 + 100 * 4, FAULT_HEAD_TOO_LARGE},
        {"GET / HTTP/1.1\r\nHost: h\r\n",
         "X: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n", "", 40000,
         FAULT_HEAD_TOO_LARGE},
        {"", "\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 10000, FAULT_BAD_REQUEST},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct text text;
        struct str input = repeat(&text, cases[i].start, cases[i].unit, cases[i].size, cases[i].end);
        struct outcome outcome = parse_all_ways(input, false);
        ck_assert_msg(outcome.fault == cases[i].fault, "%zu: %s", i, fault_info(outcome.fault)->word);
        ck_assert_int_eq(outcome.result, cases[i].fault == FAULT_NONE ? PARSE_DONE : PARSE_BAD);
        text_fini(&outcome.shape);
        text_fini(&text);
    }
}
END_TEST

/* A peer that sends without end does not make the arena grow beyond a small multiple of the limit. */
START_TEST(test_memory_is_bounded)
{
    struct arena arena;
    struct head_parser parser;
    struct head head;
    size_t used;
    arena_init(&arena);
    head_parser_init_request(&parser, &arena, &head, &default_limits);
    ck_assert_int_eq(head_parse(&parser, "GET / HTTP/1.1\r\n", 16, &used), PARSE_MORE);
    while (head_parse(&parser, "b", 1, &used) == PARSE_MORE)
        ck_assert_uint_eq(used, 1);
    ck_assert_int_eq(parser.fault, FAULT_HEAD_TOO_LARGE);
    ck_assert_uint_lt(arena.total, 4 * default_limits.field_size);
    arena_reset(&arena);
}
END_TEST

START_TEST(test_has_begun)
{
    struct arena arena;
    struct head_parser parser;
    struct head head;
    size_t used;
    arena_init(&arena);
    head_parser_init_request(&parser, &arena, &head, &default_limits);
    ck_assert(!head_parser_has_begun(&parser));
    head_parse(&parser, "\r\n", 2, &used);
    ck_assert(!head_parser_has_begun(&parser));
    head_parse(&parser, "G", 1, &used);
    ck_assert(head_parser_has_begun(&parser));
    arena_reset(&arena);
}
END_TEST

START_TEST(test_trailers)
{
    struct arena arena;
    struct head_parser parser;
    struct fields fields;
    size_t used;
    arena_init(&arena);
    fields_init(&fields, &arena);
    head_parser_init_trailers(&parser, &arena, &fields, &default_limits);
    ck_assert_int_eq(head_parse(&parser, "X-T: 1\r\nY: 2\r\n\r\nGET", 19, &used), PARSE_DONE);
    ck_assert_uint_eq(used, 16);
    ck_assert_uint_eq(fields.count, 2);
    fields_init(&fields, &arena);
    head_parser_init_trailers(&parser, &arena, &fields, &default_limits);
    ck_assert_int_eq(head_parse(&parser, " : x\r\n\r\n", 8, &used), PARSE_BAD);
    ck_assert_int_eq(parser.fault, FAULT_BAD_CHUNK);
    arena_reset(&arena);
}
END_TEST

Suite *suite_parse(void)
{
    Suite *suite = suite_create("parse");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_request);
    tcase_add_test(tests, test_response);
    tcase_add_test(tests, test_bad_lines);
    tcase_add_test(tests, test_bad_responses);
    tcase_add_test(tests, test_limits);
    tcase_add_test(tests, test_memory_is_bounded);
    tcase_add_test(tests, test_has_begun);
    tcase_add_test(tests, test_trailers);
    suite_add_tcase(suite, tests);
    return suite;
}
