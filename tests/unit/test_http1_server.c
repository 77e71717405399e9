#include "base/must.h"
#include "base/object.h"
#include "http1/server.h"
#include "tests/unit/default_limits.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE = 3000, AT_ONCE = 100 };

/* A client, whose requests are answered by hand. */
static struct loop *loop;
static struct waiter waiter;
static int client;
static struct stream *stream; /* of the request that has come */
static bool is_closed;

static void begin(void *owner, struct stream *begun)
{
    (void)owner;
    stream = begun;
    task_wake(&waiter.task);
}

static void rest(void *owner)
{
    (void)owner;
}

static void give_limits(void *owner, const struct limits **ret_limits, const struct timeouts **ret_timeouts)
{
    static const struct timeouts timeouts = {.client_header = PATIENCE, .client_idle = PATIENCE};
    (void)owner;
    *ret_limits = &default_limits;
    *ret_timeouts = &timeouts;
}

static void closed(void *owner)
{
    (void)owner;
    is_closed = true;
    task_wake(&waiter.task);
}

static const struct http1_owner ops = {.begin = begin, .rests = rest, .limits = give_limits, .closed = closed};

static void setup(void)
{
    struct ip ip = {.version = 4, .bytes = {127, 0, 0, 1}};
    struct addr addr = addr_of_ip(&ip, 0);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    loop = loop_new();
    waiter_init(&waiter);
    ck_assert_int_eq(bind(listening, &addr.as.any, addr.len), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    addr.len = sizeof addr.as;
    ck_assert_int_eq(getsockname(listening, &addr.as.any, &addr.len), 0);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(client, &addr.as.any, addr.len), 0);
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(listening);
    is_closed = false;
    stream = NULL;
    http1_server_new(tcp_new(fd, true), &ops, NULL);
}

static void teardown(void)
{
    close(client);
    while (!is_closed)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    waiter_fini(&waiter);
    loop_free(loop);
    buffer_thread_done();
    ck_assert_int_eq(object_alive(OBJECT_TRANSPORT), 0);
}

static void ask(const char *text)
{
    ck_assert_int_eq(send(client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    while (stream == NULL)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
}

static void read_body(void)
{
    struct buffer body;
    enum flow flow;
    buffer_init(&body);
    while ((flow = stream->body_in->ops->read(stream->body_in, &body, BLOCK_SIZE, &waiter.task)) != FLOW_END) {
        ck_assert_int_ne(flow, FLOW_FAIL);
        if (flow == FLOW_WAIT)
            ck_assert(wait_for_wake(&waiter, PATIENCE));
    }
    buffer_clear(&body);
}

static void answer(const char *text)
{
    struct head head = {
        .status = 200, .minor = 1, .framing = FRAMING_LENGTH, .length = strlen(text), .declared = BODY_UNKNOWN};
    struct buffer body;
    fields_init(&head.fields, stream->arena);
    buffer_init(&body);
    buffer_add(&body, str_of(text));
    stream_send_head(stream, &head);
    ck_assert_int_eq(stream->body_out->ops->finish(stream->body_out, &body, &waiter.task), FLOW_END);
}

static bool has_come(void)
{
    struct pollfd state = {.fd = client, .events = POLLIN};
    return poll(&state, 1, AT_ONCE) == 1;
}

/* What was read of it may be on its way to a server, for which the exchange waits before it is done. */
START_TEST(a_last_answer_leaves_at_once_behind_a_body)
{
    ask("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
    read_body();
    answer("hi");
    ck_assert(has_come());
    ck_assert(!is_closed);
    stream_done(stream, STREAM_REUSE);
}
END_TEST

START_TEST(an_answer_leaves_at_once_where_the_connection_goes_on)
{
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    answer("hi");
    ck_assert(has_come());
    stream_done(stream, STREAM_REUSE);
    ck_assert(!is_closed);
}
END_TEST

START_TEST(a_last_answer_leaves_with_the_end)
{
    char got[1024];
    ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    answer("hi");
    stream_done(stream, STREAM_REUSE);
    ck_assert(has_come());
    ck_assert_int_gt(recv(client, got, sizeof got, 0), 0);
    ck_assert_int_eq(recv(client, got, sizeof got, 0), 0);
    ck_assert(is_closed);
}
END_TEST

Suite *suite_http1_server(void);
Suite *suite_http1_server(void)
{
    Suite *suite = suite_create("http1_server");
    TCase *tests = tcase_create("http1_server");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_last_answer_leaves_at_once_behind_a_body);
    tcase_add_test(tests, an_answer_leaves_at_once_where_the_connection_goes_on);
    tcase_add_test(tests, a_last_answer_leaves_with_the_end);
    suite_add_tcase(suite, tests);
    return suite;
}
