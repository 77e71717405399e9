#include "flow/pipe.h"

#include "base/descriptors.h"
#include "base/memory.h"
#include "base/object.h"
#include "flow/kernel_pipe.h"
#include "http/head.h"
#include "http1/body.h"
#include "net/transport.h"
#include "tests/unit/default_limits.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE = 3000, LONG = 1024 * 1024, SPLICED_FROM = 64 * 1024 };

/* Bytes go from `writer` through a body and a pipe to `reader`: two connections, of which the near ends are ours. */
static struct loop *loop;
static struct waiter waiter;
static struct arena memory;
static int writer, reader;
static struct transport *from, *to;
static struct buffer in, out;
static struct body_reader source;
static struct body_writer sink;
static struct pipe body;

/* A transport, and the socket at its other end. */
static struct transport *connection(int *ret_peer)
{
    struct ip local = {.version = 4, .bytes = {127, 0, 0, 1}};
    struct addr addr = addr_of_ip(&local, 0);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listening, &addr.as.any, addr.len), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    addr.len = sizeof addr.as;
    ck_assert_int_eq(getsockname(listening, &addr.as.any, &addr.len), 0);
    struct transport *transport = tcp_connect(&addr);
    ck_assert_ptr_nonnull(transport);
    enum flow flow;
    while ((flow = tcp_connected(transport, &waiter.task)) == FLOW_WAIT)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert_int_eq(flow, FLOW_END);
    *ret_peer = accept(listening, NULL, NULL);
    close(listening);
    return transport;
}

static void setup(void)
{
    loop = loop_new();
    waiter_init(&waiter);
    arena_init(&memory);
    buffer_init(&in);
    buffer_init(&out);
    from = connection(&writer);
    to = connection(&reader);
}

static void teardown(void)
{
    pipe_fini(&body);
    buffer_clear(&in);
    buffer_clear(&out);
    transport_free(from);
    transport_free(to);
    close(reader);
    arena_reset(&memory);
    waiter_fini(&waiter);
    loop_free(loop);
    kernel_pipe_thread_done();
    buffer_thread_done();
    ck_assert_int_eq(object_alive(OBJECT_TRANSPORT), 0);
}

static void begin(enum framing framing, uint64_t length)
{
    struct head head = {.framing = framing, .length = length};
    body_reader_init(&source, from, &in);
    body_reader_frame(&source, &head, &default_limits, &memory);
    source.when_gone = FAULT_SERVER_TRUNCATED;
    body_writer_init(&sink, to, &out);
    body_writer_frame(&sink, &head);
    pipe_init(&body, &source.source, &sink.sink);
}

static void say(size_t len)
{
    char *bytes = calloc(1, len);
    ck_assert_int_eq(send(writer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    free(bytes);
}

static void reset(void)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(writer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(writer);
}

/* Sets the pipe going until it ends, while what comes out of it is read. */
static enum flow run_to_the_end(void)
{
    enum flow flow;
    char taken[4096];
    while ((flow = pipe_run(&body, &waiter.task)) == FLOW_MORE || flow == FLOW_WAIT) {
        while (recv(reader, taken, sizeof taken, MSG_DONTWAIT) > 0)
            continue;
        if (flow == FLOW_WAIT)
            ck_assert(wait_for_wake(&waiter, PATIENCE));
    }
    return flow;
}

START_TEST(long_body_is_spliced_to_its_end)
{
    begin(FRAMING_LENGTH, LONG);
    say(LONG / 2);
    ck_assert_int_eq(pipe_run(&body, &waiter.task), FLOW_WAIT);
    ck_assert(body.has_spliced);
    say(LONG / 2);
    close(writer);
    ck_assert_int_eq(run_to_the_end(), FLOW_END);
    ck_assert_uint_eq(body.delivered, LONG);
}
END_TEST

/* The bytes that a head brings along and the reset are one event, and the bytes were all there was to read. */
START_TEST(reset_before_the_first_splice_is_seen)
{
    begin(FRAMING_LENGTH, LONG);
    ck_assert_int_eq(transport_read(from, &in, BLOCK_SIZE, &waiter.task), FLOW_WAIT);
    say(10);
    reset();
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert_int_eq(transport_read(from, &in, BLOCK_SIZE, &waiter.task), FLOW_MORE);
    ck_assert_uint_eq(in.len, 10);
    ck_assert_int_eq(run_to_the_end(), FLOW_FAIL);
    ck_assert_int_eq(body.failed, PIPE_SOURCE);
}
END_TEST

/* A body that goes on until the end of the connection is cut short by a reset, which a splice hears of first. */
START_TEST(reset_while_spliced_is_no_end)
{
    begin(FRAMING_CLOSE, 0);
    say(2 * SPLICED_FROM);
    reset();
    ck_assert_int_eq(run_to_the_end(), FLOW_FAIL);
    ck_assert(body.has_spliced);
    ck_assert_int_eq(body.failed, PIPE_SOURCE);
}
END_TEST

/* Packets that have come to the reader. */
static unsigned packets(void)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    ck_assert_int_eq(getsockopt(reader, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_segs_in;
}

static void wait_for(int fd, short what)
{
    struct pollfd state = {.fd = fd, .events = what};
    ck_assert_int_eq(poll(&state, 1, PATIENCE), 1);
}

/* What there is for the reader, and how it ends: 0, or -1 while it goes on. */
static size_t take(ssize_t *ret_end)
{
    char taken[4096];
    size_t len = 0;
    while ((*ret_end = recv(reader, taken, sizeof taken, MSG_DONTWAIT)) > 0)
        len += (size_t)*ret_end;
    return len;
}

static void check_one_packet(void)
{
    ssize_t end;
    ck_assert_int_eq(pipe_run(&body, &waiter.task), FLOW_WAIT);
    say(10);
    shutdown(writer, SHUT_WR);
    wait_for(transport_descriptor(from), POLLRDHUP);
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    unsigned before = packets();
    ck_assert_int_eq(pipe_run(&body, &waiter.task), FLOW_END);
    transport_shut(to);
    wait_for(reader, POLLRDHUP);
    ck_assert_uint_eq(packets() - before, 1);
    ck_assert_uint_eq(take(&end), 10);
    ck_assert_int_eq(end, 0);
    close(writer);
}

START_TEST(last_bytes_of_a_tunnel_and_its_end_leave_in_one_packet)
{
    begin(FRAMING_CLOSE, 0);
    body_writer_to_tunnel(&sink);
    check_one_packet();
}
END_TEST

START_TEST(last_answer_and_the_end_leave_in_one_packet)
{
    begin(FRAMING_CLOSE, 0);
    sink.is_last = true;
    check_one_packet();
}
END_TEST

/* Behind which there is no end: nothing keeps them in the kernel. */
START_TEST(last_bytes_leave_at_once_where_the_connection_goes_on)
{
    begin(FRAMING_LENGTH, 10);
    say(10);
    ck_assert_int_eq(run_to_the_end(), FLOW_END);
    wait_for(reader, POLLIN);
    ck_assert(!to->is_ending);
    close(writer);
}
END_TEST

/* The second read of a turn finds that it is too much. */
START_TEST(what_is_too_much_is_not_handed_on)
{
    ssize_t end;
    begin(FRAMING_CLOSE, 0);
    source.most = 12;
    buffer_add(&in, STR("ten bytes."));
    say(5);
    wait_for(transport_descriptor(from), POLLIN);
    run_for(&waiter, 1);
    ck_assert_int_eq(pipe_run(&body, &waiter.task), FLOW_FAIL);
    ck_assert_int_eq(body.failed, PIPE_SOURCE);
    ck_assert_int_eq(source.fault, FAULT_BODY_TOO_LARGE);
    ck_assert_uint_eq(body.delivered, 10);
    wait_for(reader, POLLIN);
    ck_assert_uint_eq(take(&end), 10);
    ck_assert_int_eq(end, -1);
    close(writer);
}
END_TEST

/* Keeps sending to a sink whose peer reads nothing, for longer than the kernel takes it. Returns what is held at most. */
static size_t hold_all(void)
{
    size_t most = 0, idle_rounds = 0;
    char bytes[64 * 1024] = {0};
    begin(FRAMING_LENGTH, UINT64_MAX);
    descriptors_set(16, 16); /* none is left for a kernel pipe */
    while (idle_rounds < 20) {
        ssize_t sent = send(writer, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        enum flow flow = pipe_run(&body, &waiter.task);
        ck_assert(flow == FLOW_MORE || flow == FLOW_WAIT);
        idle_rounds = sent < 0 && flow == FLOW_WAIT ? idle_rounds + 1 : 0;
        most = body.buffer.len + out.len > most ? body.buffer.len + out.len : most;
        run_for(&waiter, 1);
    }
    ck_assert_int_eq(body.waits_for, PIPE_SINK);
    return most;
}

START_TEST(no_more_than_so_much_is_held)
{
    size_t held = hold_all();
    ck_assert_uint_gt(held, BLOCK_SIZE);
    ck_assert_uint_le(held, 64 * 1024);
}
END_TEST

START_TEST(one_block_is_held_where_memory_is_short)
{
    memory_set_limit(1000);
    memory_count(600);
    ck_assert_uint_le(hold_all(), BLOCK_SIZE);
    memory_count(-600);
    memory_set_limit(0);
}
END_TEST

Suite *suite_pipe(void);
Suite *suite_pipe(void)
{
    Suite *suite = suite_create("pipe");
    TCase *tests = tcase_create("pipe");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, long_body_is_spliced_to_its_end);
    tcase_add_test(tests, reset_before_the_first_splice_is_seen);
    tcase_add_test(tests, reset_while_spliced_is_no_end);
    tcase_add_test(tests, last_bytes_of_a_tunnel_and_its_end_leave_in_one_packet);
    tcase_add_test(tests, last_answer_and_the_end_leave_in_one_packet);
    tcase_add_test(tests, last_bytes_leave_at_once_where_the_connection_goes_on);
    tcase_add_test(tests, what_is_too_much_is_not_handed_on);
    tcase_add_test(tests, no_more_than_so_much_is_held);
    tcase_add_test(tests, one_block_is_held_where_memory_is_short);
    suite_add_tcase(suite, tests);
    return suite;
}
