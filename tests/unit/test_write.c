#include "http1/write.h"

#include "base/must.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_write(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

static void expect(const struct head *head, char *(*write)(char *, const struct head *), const char *text)
{
    size_t room = head_write_size(head);
    char *at = must_alloc(room);
    size_t len = (size_t)(write(at, head) - at);
    ck_assert_uint_le(len, room);
    ck_assert_msg(str_eq(str_from(at, len), str_of(text)), "%.*s", (int)len, at);
    free(at);
}

static struct head a_request(void)
{
    struct head head = {
        .method = METHOD_GET, .method_text = STR("GET"), .minor = 1, .keep_alive = true, .declared = BODY_UNKNOWN};
    fields_init(&head.fields, &arena);
    head.target = (struct target){.form = TARGET_ORIGIN, .path = STR("/a"), .query = STR("b")};
    head.authority = (struct authority){.host = STR("example.org"), .port = 8080};
    fields_add(&head.fields, STR("X-A"), STR("1"));
    fields_add(&head.fields, STR("HOST"), STR("evil"));
    fields_add(&head.fields, STR("content-length"), STR("99"));
    fields_add(&head.fields, STR("Transfer-Encoding"), STR("cow"));
    fields_add(&head.fields, STR("Connection"), STR("x"));
    fields_add(&head.fields, STR("Upgrade"), STR("h2c"));
    fields_add(&head.fields, STR("x-b"), STR(""));
    return head;
}

START_TEST(test_request)
{
    struct head head = a_request();
    expect(&head, request_head_write, "GET /a?b HTTP/1.1\r\nHost: example.org:8080\r\nX-A: 1\r\nx-b: \r\n\r\n");
    head.framing = FRAMING_LENGTH;
    head.length = 0;
    head.keep_alive = false;
    head.target.query = STR_NONE;
    expect(
        &head, request_head_write,
        "GET /a HTTP/1.1\r\nHost: example.org:8080\r\nX-A: 1\r\nx-b: \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    head.framing = FRAMING_CHUNKED;
    head.upgrades_websocket = true;
    head.target.form = TARGET_ABSOLUTE;
    head.authority.port = 0;
    expect(&head, request_head_write,
           "GET http://example.org/a HTTP/1.1\r\nHost: example.org\r\nX-A: 1\r\nx-b: \r\nTransfer-Encoding: chunked\r\n"
           "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}
END_TEST

START_TEST(test_targets)
{
    struct head head = {.method_text = STR("CONNECT"), .minor = 1, .keep_alive = true};
    fields_init(&head.fields, &arena);
    head.target.form = TARGET_AUTHORITY;
    head.authority = (struct authority){.host = STR("::1"), .port = 443, .ip = {.version = 6, .bytes = {[15] = 1}}};
    expect(&head, request_head_write, "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
    head.method_text = STR("OPTIONS");
    head.target = (struct target){.form = TARGET_ASTERISK, .path = STR("*")};
    expect(&head, request_head_write, "OPTIONS * HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
    head.target.form = TARGET_ABSOLUTE;
    expect(&head, request_head_write, "OPTIONS http://[::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
}
END_TEST

START_TEST(test_response)
{
    struct head head = {
        .status = 200, .minor = 1, .keep_alive = true, .framing = FRAMING_LENGTH, .declared = BODY_UNKNOWN};
    fields_init(&head.fields, &arena);
    head.length = UINT64_MAX - 1;
    fields_add(&head.fields, STR("A"), STR("b"));
    expect(&head, response_head_write, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 18446744073709551614\r\n\r\n");
    head.framing = FRAMING_NONE;
    expect(&head, response_head_write, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
    head.declared = 7;
    head.minor = 0;
    expect(&head, response_head_write,
           "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n");
    head.declared = BODY_UNKNOWN;
    head.framing = FRAMING_CLOSE;
    head.keep_alive = false;
    head.reason = STR("Fine");
    expect(&head, response_head_write, "HTTP/1.1 200 Fine\r\nA: b\r\nConnection: close\r\n\r\n");
    head.reason = STR("");
    head.status = 499;
    expect(&head, response_head_write, "HTTP/1.1 499 \r\nA: b\r\nConnection: close\r\n\r\n");
    head.status = 100;
    expect(&head, response_head_write, "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n");
    head.status = 101;
    head.upgrades_websocket = true;
    head.framing = FRAMING_NONE;
    expect(&head, response_head_write,
           "HTTP/1.1 101 Switching Protocols\r\nA: b\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}
END_TEST

START_TEST(test_line_breaks_die)
{
    struct head head = a_request();
    char at[1024];
    fields_add(&head.fields, STR("X"), STR("a\r\nB: c"));
    request_head_write(at, &head);
}
END_TEST

START_TEST(test_chunk_heads)
{
    static const struct {
        size_t len;
        const char *text;
    } cases[] = {{1, "1\r\n"}, {15, "f\r\n"}, {16, "10\r\n"}, {0xabc, "abc\r\n"}, {SIZE_MAX, "ffffffffffffffff\r\n"}};
    for (size_t i = 0; i < lengthof(cases); i++) {
        char at[CHUNK_HEAD_MAX];
        size_t len = (size_t)(chunk_head_write(at, cases[i].len) - at);
        ck_assert(str_eq(str_from(at, len), str_of(cases[i].text)));
    }
}
END_TEST

Suite *suite_write(void)
{
    Suite *suite = suite_create("write");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_request);
    tcase_add_test(tests, test_targets);
    tcase_add_test(tests, test_response);
    tcase_add_test(tests, test_chunk_heads);
    tcase_add_test_raise_signal(tests, test_line_breaks_die, 6);
    suite_add_tcase(suite, tests);
    return suite;
}
