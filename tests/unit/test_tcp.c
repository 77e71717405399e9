#include "base/object.h"
#include "loop/ready.h"
#include "net/transport.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE = 3000, IDLE = 40 };

static struct loop *loop;
static struct waiter waiter;
static struct buffer buffer;

static void setup(void)
{
    loop = loop_new();
    waiter_init(&waiter);
    buffer_init(&buffer);
}

static void teardown(void)
{
    buffer_clear(&buffer);
    waiter_fini(&waiter);
    loop_free(loop);
    buffer_thread_done();
    ck_assert_int_eq(object_alive(OBJECT_TRANSPORT), 0);
}

static struct addr loopback(int fd)
{
    struct addr addr = {.len = sizeof addr.as};
    ck_assert_int_eq(getsockname(fd, &addr.as.any, &addr.len), 0);
    return addr;
}

static int listen_on_loopback(void)
{
    struct ip ip = {.version = 4, .bytes = {127, 0, 0, 1}};
    struct addr addr = addr_of_ip(&ip, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, &addr.as.any, addr.len), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

static enum flow connected(struct transport *transport)
{
    enum flow flow;
    while ((flow = tcp_connected(transport, &waiter.task)) == FLOW_WAIT)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    return flow;
}

/* A connected transport, and in *ret_peer the blocking socket at its other end. */
static struct transport *connect_to_peer(int *ret_peer)
{
    int listening = listen_on_loopback();
    struct addr addr = loopback(listening);
    struct transport *transport = tcp_connect(&addr);
    ck_assert_ptr_nonnull(transport);
    ck_assert_int_eq(connected(transport), FLOW_END);
    *ret_peer = accept(listening, NULL, NULL);
    ck_assert_int_ge(*ret_peer, 0);
    close(listening);
    return transport;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Until the peer's end or reset has come, without the loop's having been told of it. */
static void wait_for_end(struct transport *transport)
{
    struct pollfd end = {.fd = transport_descriptor(transport), .events = POLLRDHUP};
    ck_assert_int_eq(poll(&end, 1, PATIENCE), 1);
}

/* Reads until END or FAIL, or `most` bytes are there. */
static enum flow read_until(struct transport *transport, size_t most)
{
    for (;;) {
        enum flow flow = transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task);
        if (flow == FLOW_END || flow == FLOW_FAIL || buffer.len >= most)
            return flow;
        if (flow == FLOW_WAIT)
            ck_assert(wait_for_wake(&waiter, PATIENCE));
    }
}

START_TEST(reads_and_ends)
{
    int peer;
    struct transport *transport = connect_to_peer(&peer);
    ck_assert_int_eq(transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task), FLOW_WAIT);
    ck_assert_ptr_null(buffer.first); /* an idle connection holds no block */
    ck_assert(transport_is_quiet(transport));
    say(peer, "hello");
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(!transport_is_quiet(transport));
    ck_assert(!transport_is_closed(transport));
    ck_assert_int_eq(transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task), FLOW_MORE);
    ck_assert(str_eq(buffer_front(&buffer), STR("hello")));
    ck_assert_int_eq(transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task), FLOW_WAIT);
    say(peer, " and bye");
    close(peer);
    ck_assert_int_eq(read_until(transport, SIZE_MAX), FLOW_END);
    ck_assert(str_eq(buffer_front(&buffer), STR("hello and bye")));
    ck_assert(transport_is_closed(transport));
    transport_free(transport);
}
END_TEST

/* The bytes and the FIN are there before anything is looked at: one edge tells of both. */
START_TEST(data_and_end_in_one_event)
{
    for (size_t len = 0; len <= 3 * BLOCK_SIZE; len += BLOCK_SIZE / 2) {
        int peer;
        struct transport *transport = connect_to_peer(&peer);
        ck_assert_int_eq(transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task), FLOW_WAIT);
        char *bytes = calloc(1, len + 1);
        if (len > 0)
            ck_assert_int_eq(send(peer, bytes, len, 0), (ssize_t)len);
        free(bytes);
        close(peer);
        wait_for_end(transport);
        ck_assert_int_eq(read_until(transport, SIZE_MAX), FLOW_END);
        ck_assert_uint_eq(buffer.len, len);
        buffer_clear(&buffer);
        transport_free(transport);
    }
}
END_TEST

START_TEST(leaves_at_once_on_loopback)
{
    int peer, is_on = 0;
    char control[16] = "";
    socklen_t len = sizeof is_on;
    struct transport *transport = connect_to_peer(&peer);
    int fd = transport_descriptor(transport);
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, &len), 0);
    ck_assert_int_ne(is_on, 0);
    len = sizeof control - 1;
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, &len), 0);
    ck_assert_int_ne(strncmp(control, "bbr", 3), 0); /* which paces */
    close(peer);
    transport_free(transport);
}
END_TEST

START_TEST(quiet_after_an_exact_read)
{
    int peer;
    struct transport *transport = connect_to_peer(&peer);
    say(peer, "12345678");
    while (buffer.len < 8) {
        if (transport_read(transport, &buffer, 8 - buffer.len, &waiter.task) == FLOW_WAIT)
            ck_assert(wait_for_wake(&waiter, PATIENCE));
    }
    ck_assert(transport_is_quiet(transport));
    ck_assert(!transport_is_closed(transport));
    transport_watch(transport, &waiter.task);
    run_for(&waiter, IDLE);
    ck_assert(transport_is_quiet(transport));
    close(peer);
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(!transport_is_quiet(transport));
    ck_assert(transport_is_closed(transport));
    transport_unwatch(transport);
    transport_free(transport);
}
END_TEST

START_TEST(writes_with_backpressure)
{
    int peer;
    struct transport *transport = connect_to_peer(&peer);
    enum { ALL = 32 * 1024 * 1024 };
    char *bytes = malloc(ALL), *got = malloc(ALL);
    for (size_t i = 0; i < ALL; i++)
        bytes[i] = (char)(i * 31 + i / 4096);
    for (size_t i = 0; i < ALL; i += ALL / 64)
        buffer_add_reference(&buffer, str_from(bytes + i, ALL / 64), NULL, NULL);
    fcntl(peer, F_SETFL, O_NONBLOCK);
    size_t have = 0;
    bool is_shut = false, had_to_wait = false;
    for (;;) {
        enum flow flow = is_shut ? FLOW_MORE : transport_write(transport, &buffer, &waiter.task);
        ck_assert_int_ne(flow, FLOW_FAIL);
        if (flow == FLOW_MORE && !is_shut) {
            ck_assert_uint_eq(buffer.len, 0);
            transport_shut(transport);
            is_shut = true;
        }
        ssize_t n, before = (ssize_t)have;
        while ((n = recv(peer, got + have, ALL - have, 0)) > 0)
            have += (size_t)n;
        if (have == ALL)
            break;
        had_to_wait |= flow == FLOW_WAIT;
        if (flow == FLOW_WAIT && (ssize_t)have > before)
            ck_assert(wait_for_wake(&waiter, PATIENCE));
    }
    ck_assert(had_to_wait);
    ck_assert_mem_eq(bytes, got, ALL);
    fcntl(peer, F_SETFL, 0);
    ck_assert_int_eq(recv(peer, got, 1, 0), 0);
    say(peer, "after our end");
    ck_assert_int_eq(read_until(transport, 13), FLOW_MORE);
    close(peer);
    transport_free(transport);
    free(bytes);
    free(got);
}
END_TEST

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

START_TEST(reset_is_told_and_remembered)
{
    int peer;
    struct transport *transport = connect_to_peer(&peer);
    transport_watch(transport, &waiter.task);
    run_for(&waiter, IDLE);
    reset(peer);
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(transport_is_closed(transport));
    ck_assert(!transport_is_quiet(transport));
    ck_assert_int_eq(transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task), FLOW_FAIL);
    ck_assert_int_eq(transport->error, ECONNRESET);
    buffer_add(&buffer, STR("x"));
    ck_assert_int_eq(transport_write(transport, &buffer, &waiter.task), FLOW_FAIL);
    transport_free(transport);
}
END_TEST

/* The last bytes and the reset are there before anything is looked at: one edge tells of both, and not that it does. */
START_TEST(data_and_reset_in_one_event)
{
    int peer;
    struct transport *transport = connect_to_peer(&peer);
    ck_assert_int_eq(transport_read(transport, &buffer, BLOCK_SIZE, &waiter.task), FLOW_WAIT);
    say(peer, "last words");
    reset(peer);
    wait_for_end(transport);
    ck_assert_int_eq(read_until(transport, SIZE_MAX), FLOW_FAIL);
    ck_assert(str_eq(buffer_front(&buffer), STR("last words")));
    ck_assert_int_eq(transport->error, ECONNRESET);
    transport_free(transport);
}
END_TEST

START_TEST(abort_resets)
{
    int peer;
    struct transport *transport = connect_to_peer(&peer);
    transport_set_abort(transport);
    transport_free(transport);
    char byte;
    ck_assert_int_eq(recv(peer, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    close(peer);
}
END_TEST

START_TEST(refused)
{
    int listening = listen_on_loopback();
    struct addr addr = loopback(listening);
    close(listening);
    struct transport *transport = tcp_connect(&addr);
    if (transport == NULL) {
        ck_assert_int_eq(errno, ECONNREFUSED);
        return;
    }
    ck_assert_int_eq(connected(transport), FLOW_FAIL);
    ck_assert_int_eq(transport->error, ECONNREFUSED);
    transport_free(transport);
}
END_TEST

START_TEST(unix_sockets_too)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct transport *a = tcp_new(ends[0], true), *b = tcp_new(ends[1], false);
    buffer_add(&buffer, STR("over"));
    ck_assert_int_eq(transport_write(a, &buffer, &waiter.task), FLOW_MORE);
    ck_assert_int_eq(read_until(b, 4), FLOW_MORE);
    transport_free(a);
    ck_assert_int_eq(read_until(b, SIZE_MAX), FLOW_END);
    transport_free(b);
    struct addr nowhere;
    ck_assert(addr_of_path(STR("/nonexistent/socket"), &nowhere));
    ck_assert_ptr_null(tcp_connect(&nowhere));
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

Suite *suite_tcp(void);
Suite *suite_tcp(void)
{
    Suite *suite = suite_create("tcp");
    TCase *tests = tcase_create("tcp");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, reads_and_ends);
    tcase_add_test(tests, data_and_end_in_one_event);
    tcase_add_test(tests, leaves_at_once_on_loopback);
    tcase_add_test(tests, quiet_after_an_exact_read);
    tcase_add_test(tests, writes_with_backpressure);
    tcase_add_test(tests, reset_is_told_and_remembered);
    tcase_add_test(tests, data_and_reset_in_one_event);
    tcase_add_test(tests, abort_resets);
    tcase_add_test(tests, refused);
    tcase_add_test(tests, unix_sockets_too);
    suite_add_tcase(suite, tests);
    return suite;
}
