#include "http/framing.h"

#include "base/must.h"
#include "http/validate.h"

#include <check.h>

Suite *suite_framing(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

/* "Name: value" lines, each ended by a newline. */
static struct head head_with(const char *lines, unsigned minor, enum method method)
{
    struct head head = {.minor = (uint8_t)minor, .method = method};
    struct str rest = str_of(lines), line;
    fields_init(&head.fields, &arena);
    while (str_cut(&rest, '\n', &line) && line.len > 0) {
        size_t colon = str_find(line, ':');
        fields_add(&head.fields, str_head(line, colon), str_trim(str_skip(line, colon + 1)));
    }
    return head;
}

#define CL "Content-Length: "
#define TE "Transfer-Encoding: "

START_TEST(test_requests)
{
    static const struct {
        const char *lines;
        unsigned minor;
        enum method method;
        enum fault fault;
        enum framing framing;
        uint64_t length;
    } cases[] = {
        {"", 1, METHOD_POST, FAULT_NONE, FRAMING_NONE, 0},
        {CL "0\n", 1, METHOD_POST, FAULT_NONE, FRAMING_LENGTH, 0},
        {CL "010\n", 1, METHOD_POST, FAULT_NONE, FRAMING_LENGTH, 10},
        {CL "4294967296\n", 0, METHOD_GET, FAULT_NONE, FRAMING_LENGTH, 4294967296},
        {CL "999999999999999999\n", 1, METHOD_PUT, FAULT_NONE, FRAMING_LENGTH, 999999999999999999},
        {CL "0000000000000000001\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "18446744073709551616\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "+5\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "-0\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "0 0\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "5, 5\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "0x5\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "1_0\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "5\n" CL "5\n", 1, METHOD_PUT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked\n", 1, METHOD_GET, FAULT_NONE, FRAMING_CHUNKED, BODY_UNKNOWN},
        {TE "Chunked\n", 1, METHOD_POST, FAULT_NONE, FRAMING_CHUNKED, BODY_UNKNOWN},
        {TE "chunked\n", 0, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked\n" CL "5\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {CL "5\n" TE "xchunked\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked\n" TE "chunked\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "cow\n" TE "chunked\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE ",chunked\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "\"chunked\"\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked, chunked\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked, identity\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked;a=b\n", 1, METHOD_POST, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "xchunked\n", 1, METHOD_POST, FAULT_BAD_CODING, FRAMING_NONE, 0},
        {TE "gzip, chunked\n", 1, METHOD_POST, FAULT_BAD_CODING, FRAMING_NONE, 0},
        {CL "0\n", 1, METHOD_CONNECT, FAULT_NONE, FRAMING_NONE, 0},
        {CL "1\n", 1, METHOD_CONNECT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
        {TE "chunked\n", 1, METHOD_CONNECT, FAULT_BAD_FRAMING, FRAMING_NONE, 0},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct head head = head_with(cases[i].lines, cases[i].minor, cases[i].method);
        enum fault fault = framing_of_request(&head);
        ck_assert_msg(fault == cases[i].fault, "%s: %s", cases[i].lines, fault_info(fault)->word);
        if (fault != FAULT_NONE)
            continue;
        ck_assert_int_eq(head.framing, cases[i].framing);
        ck_assert_uint_eq(head.length, cases[i].length);
    }
}
END_TEST

START_TEST(test_responses)
{
    static const struct {
        const char *lines;
        unsigned status;
        enum method method;
        bool is_valid;
        enum framing framing;
        uint64_t length, declared;
    } cases[] = {
        {"", 200, METHOD_GET, true, FRAMING_CLOSE, BODY_UNKNOWN, BODY_UNKNOWN},
        {CL "7\n", 200, METHOD_GET, true, FRAMING_LENGTH, 7, BODY_UNKNOWN},
        {TE "chunked\n", 200, METHOD_GET, true, FRAMING_CHUNKED, BODY_UNKNOWN, BODY_UNKNOWN},
        {CL "7\n", 200, METHOD_HEAD, true, FRAMING_NONE, 0, 7},
        {TE "chunked\n", 200, METHOD_HEAD, true, FRAMING_NONE, 0, BODY_UNKNOWN},
        {"", 200, METHOD_HEAD, true, FRAMING_NONE, 0, BODY_UNKNOWN},
        {CL "7\n", 304, METHOD_GET, true, FRAMING_NONE, 0, 7},
        {CL "7\n", 204, METHOD_GET, true, FRAMING_NONE, 0, BODY_UNKNOWN},
        {TE "chunked\n", 204, METHOD_GET, true, FRAMING_NONE, 0, BODY_UNKNOWN},
        {CL "x\n", 204, METHOD_GET, false, FRAMING_NONE, 0, 0},
        {CL "x\n", 304, METHOD_GET, false, FRAMING_NONE, 0, 0},
        {CL "7\n", 100, METHOD_GET, true, FRAMING_NONE, 0, BODY_UNKNOWN},
        {CL "7\n" TE "chunked\n", 200, METHOD_CONNECT, true, FRAMING_NONE, 0, BODY_UNKNOWN},
        {CL "7\n", 403, METHOD_CONNECT, true, FRAMING_LENGTH, 7, BODY_UNKNOWN},
        {CL "7\n" TE "chunked\n", 200, METHOD_GET, false, FRAMING_NONE, 0, 0},
        {CL "7\n" CL "7\n", 200, METHOD_GET, false, FRAMING_NONE, 0, 0},
        {TE "gzip, chunked\n", 200, METHOD_GET, false, FRAMING_NONE, 0, 0},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct head head = head_with(cases[i].lines, 1, METHOD_OTHER);
        head.status = (uint16_t)cases[i].status;
        enum fault fault = framing_of_response(&head, cases[i].method);
        ck_assert_msg(fault == (cases[i].is_valid ? FAULT_NONE : FAULT_SERVER_INVALID), "%s %zu", cases[i].lines, i);
        if (!cases[i].is_valid)
            continue;
        ck_assert_int_eq(head.framing, cases[i].framing);
        ck_assert_uint_eq(head.length, cases[i].length);
        ck_assert_uint_eq(head.declared, cases[i].declared);
    }
}
END_TEST

START_TEST(test_connection)
{
    static const struct {
        const char *lines;
        unsigned minor;
        bool keeps;
    } cases[] = {
        {"", 1, true},
        {"", 0, false},
        {"Connection: Keep-Alive\n", 0, true},
        {"Connection: x, Close\n", 1, false},
        {"Connection: close\nConnection: keep-alive\n", 1, false},
        {"Connection: keep-alive, close\n", 0, false},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct head head = head_with(cases[i].lines, cases[i].minor, METHOD_GET);
        framing_connection(&head);
        ck_assert_int_eq(head.keep_alive, cases[i].keeps);
        head.framing = FRAMING_CLOSE;
        framing_connection(&head);
        ck_assert(!head.keep_alive);
    }
}
END_TEST

START_TEST(test_expect)
{
    struct head head = head_with("Expect: 100-Continue\n" CL "5\n", 1, METHOD_POST);
    ck_assert_int_eq(framing_of_request(&head), FAULT_NONE);
    ck_assert(framing_expect(&head) == FAULT_NONE && head.expects_continue);
    head.minor = 0;
    ck_assert(framing_expect(&head) == FAULT_NONE && !head.expects_continue);
    head = head_with("Expect: 100-continue\n", 1, METHOD_GET);
    ck_assert(framing_expect(&head) == FAULT_NONE && !head.expects_continue);
    head = head_with("Expect: 100-continue, 100-continue\n", 1, METHOD_POST);
    ck_assert_int_eq(framing_expect(&head), FAULT_BAD_EXPECT);
    head = head_with("Expect: 100-continue\nExpect: 100-continue\n", 1, METHOD_POST);
    ck_assert_int_eq(framing_expect(&head), FAULT_BAD_EXPECT);
    head = head_with("Expect:\n", 1, METHOD_POST);
    ck_assert_int_eq(framing_expect(&head), FAULT_BAD_EXPECT);
}
END_TEST

#define WS "Upgrade: WebSocket\nSec-WebSocket-Version: 13\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"

START_TEST(test_websocket)
{
    static const struct {
        const char *lines;
        bool is_valid;
    } cases[] = {
        {WS KEY "Connection: keep-alive, Upgrade\n", true},
        {WS KEY, false},
        {WS KEY KEY "Connection: Upgrade\n", false},
        {WS "Connection: Upgrade\n", false},
        {WS "Sec-WebSocket-Key: short\nConnection: Upgrade\n", false},
        {WS KEY "Upgrade: h2c\nConnection: Upgrade\n", false},
        {WS KEY "Connection: Upgrade\n" CL "5\n", false},
        {"Upgrade: websocket, h2c\nSec-WebSocket-Version: 13\n" KEY "Connection: Upgrade\n", false},
        {"Upgrade: websocket\nSec-WebSocket-Version: 8\n" KEY "Connection: Upgrade\n", false},
        {"Upgrade: h2c\nConnection: Upgrade, HTTP2-Settings\n", false},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct head head = head_with(cases[i].lines, 1, METHOD_GET);
        ck_assert_int_eq(framing_of_request(&head), FAULT_NONE);
        ck_assert_int_eq(framing_asks_websocket(&head), cases[i].is_valid);
        head.minor = 0;
        ck_assert(!framing_asks_websocket(&head));
    }
    struct head head = head_with("Connection: Upgrade\nUpgrade: websocket\n", 1, METHOD_OTHER);
    head.status = 200;
    ck_assert(!framing_grants_websocket(&head));
    head.status = 101;
    ck_assert(validate_response(&head, METHOD_GET) == FAULT_NONE && head.upgrades_websocket);
}
END_TEST

Suite *suite_framing(void)
{
    Suite *suite = suite_create("framing");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_requests);
    tcase_add_test(tests, test_responses);
    tcase_add_test(tests, test_connection);
    tcase_add_test(tests, test_expect);
    tcase_add_test(tests, test_websocket);
    suite_add_tcase(suite, tests);
    return suite;
}
