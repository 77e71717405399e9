#include "base/must.h"
#include "base/object.h"
#include "net/listener.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE = 3000, MANY = 100 };

static struct loop *loop;
static struct waiter waiter;
static int accepted_fds[MANY];
static int accepted_count;
static int asked;
static int waiting;
static bool is_open;
static int most;
static struct addr last_peer;

static void accepted(void *owner, int taken_fd, const struct addr *peer)
{
    ck_assert_ptr_eq(owner, &waiter);
    ck_assert_int_ne(fcntl(taken_fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(taken_fd, F_GETFD) & FD_CLOEXEC, 0);
    accepted_fds[accepted_count++] = taken_fd;
    last_peer = *peer;
    task_wake(&waiter.task);
}

static bool may_accept(void *owner)
{
    (void)owner;
    asked++;
    return is_open && accepted_count < most;
}

static void paused(void *owner)
{
    ck_assert_ptr_eq(owner, &waiter);
    ck_assert_int_eq(waiting++, 0);
}

static void resumed(void *owner)
{
    ck_assert_ptr_eq(owner, &waiter);
    ck_assert_int_eq(--waiting, 0);
}

static const struct listener_ops ops = {
    .accepted = accepted, .may_accept = may_accept, .paused = paused, .resumed = resumed};

static void setup(void)
{
    loop = loop_new();
    waiter_init(&waiter);
    is_open = true;
    most = MANY;
}

static void teardown(void)
{
    for (int i = 0; i < accepted_count; i++)
        close(accepted_fds[i]);
    waiter_fini(&waiter);
    loop_free(loop);
    ck_assert_int_eq(object_alive(OBJECT_LISTENER), 0);
    ck_assert_int_eq(waiting, 0);
}

static struct listen_conf conf_of(const char *ip_as_text, uint16_t port)
{
    struct ip ip;
    ck_assert(ip_parse(str_of(ip_as_text), &ip));
    return (struct listen_conf){.addr = addr_of_ip(&ip, port)};
}

static struct addr name_of(int fd)
{
    struct addr addr = {.len = sizeof addr.as};
    ck_assert_int_eq(getsockname(fd, &addr.as.any, &addr.len), 0);
    return addr;
}

static int connect_to(const struct addr *addr)
{
    int fd = socket(addr->as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, &addr->as.any, addr->len) == 0)
        return fd;
    close(fd);
    return -1;
}

static void wait_until_accepted(int count)
{
    while (accepted_count < count)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
}

START_TEST(accepts)
{
    struct listen_conf conf = conf_of("127.0.0.1", 0);
    int fd = listen_open(&conf, true);
    ck_assert_int_ge(fd, 0);
    struct addr addr = name_of(fd);
    struct listener *listener = listener_new(fd, &ops, &waiter);
    int clients[MANY];
    for (int i = 0; i < MANY; i++)
        ck_assert_int_ge(clients[i] = connect_to(&addr), 0);
    wait_until_accepted(MANY);
    struct addr client = name_of(clients[MANY - 1]);
    ck_assert(addr_eq(&last_peer, &client));
    int value = 0;
    socklen_t len = sizeof value;
    getsockopt(accepted_fds[0], IPPROTO_TCP, TCP_NODELAY, &value, &len);
    ck_assert_int_ne(value, 0);
    char control[16] = "";
    len = sizeof control - 1;
    getsockopt(accepted_fds[0], IPPROTO_TCP, TCP_CONGESTION, control, &len);
    ck_assert_int_ne(strncmp(control, "bbr", 3), 0); /* which paces */
    for (int i = 0; i < MANY; i++)
        close(clients[i]);
    listener_free(listener);
}
END_TEST

START_TEST(an_address_in_use)
{
    struct listen_conf conf = conf_of("127.0.0.1", 0);
    int first = listen_open(&conf, true);
    struct addr addr = name_of(first);
    conf = conf_of("127.0.0.1", addr_port(&addr));
    int second = listen_open(&conf, false); /* of the next thread */
    ck_assert_int_ge(second, 0);
    ck_assert_int_eq(listen_open(&conf, true), -1); /* of another instance */
    ck_assert_int_eq(errno, EADDRINUSE);
    close(first);
    close(second);
    first = listen_open(&conf, true);
    ck_assert_int_ge(first, 0);
    close(first);
}
END_TEST

START_TEST(all_interfaces)
{
    struct listen_conf conf = {.is_dual = true};
    int fd = listen_open(&conf, true);
    ck_assert_int_ge(fd, 0);
    struct addr addr = name_of(fd);
    struct ip local4 = {.version = 4, .bytes = {127, 0, 0, 1}}, local6 = {.version = 6, .bytes = {[15] = 1}};
    struct addr to = addr_of_ip(&local4, addr_port(&addr));
    struct listener *listener = listener_new(fd, &ops, &waiter);
    int client = connect_to(&to);
    ck_assert_int_ge(client, 0);
    wait_until_accepted(1);
    struct ip peer = addr_ip(&last_peer);
    ck_assert(ip_eq(&peer, &local4)); /* not ::ffff:127.0.0.1 */
    close(client);
    to = addr_of_ip(&local6, addr_port(&addr));
    client = connect_to(&to);
    if (client >= 0) {
        wait_until_accepted(2);
        close(client);
    }
    listener_free(listener);
}
END_TEST

START_TEST(pauses_without_spinning)
{
    struct listen_conf conf = conf_of("127.0.0.1", 0);
    int fd = listen_open(&conf, true);
    struct addr addr = name_of(fd);
    struct listener *listener = listener_new(fd, &ops, &waiter);
    is_open = false;
    int client = connect_to(&addr);
    run_for(&waiter, 300);
    ck_assert_int_eq(accepted_count, 0);
    ck_assert_int_ge(asked, 3);
    ck_assert_int_le(asked, 10);
    is_open = true;
    wait_until_accepted(1);
    close(client);
    listener_free(listener);
}
END_TEST

START_TEST(need_not_wait_a_pause_out)
{
    struct listen_conf conf = conf_of("127.0.0.1", 0);
    int fd = listen_open(&conf, true);
    struct addr addr = name_of(fd);
    struct listener *listener = listener_new(fd, &ops, &waiter);
    listener_retry(listener); /* nothing pauses: nothing comes of it */
    is_open = false;
    int client = connect_to(&addr);
    run_for(&waiter, 5);
    for (int i = 0; i < 20; i++) {
        listener_retry(listener);
        run_for(&waiter, 5);
    }
    ck_assert_int_ge(asked, 20); /* in 105 ms, in which pauses of 50 would have let it ask three times */
    is_open = true;
    listener_retry(listener);
    wait_until_accepted(1);
    close(client);
    listener_free(listener);
}
END_TEST

START_TEST(out_of_descriptors)
{
    struct listen_conf conf = conf_of("127.0.0.1", 0);
    int fd = listen_open(&conf, true);
    struct addr addr = name_of(fd);
    struct listener *listener = listener_new(fd, &ops, &waiter);
    int client = connect_to(&addr);
    struct rlimit old, none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    run_for(&waiter, 300);
    ck_assert_int_eq(accepted_count, 0);
    ck_assert_int_le(asked, 10);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    wait_until_accepted(1);
    close(client);
    listener_free(listener);
}
END_TEST

/* In the kernel's queue of a listening socket. */
static void wait_until_queued(int fd, unsigned count)
{
    struct tcp_info info = {0};
    for (int i = 0; i < PATIENCE && info.tcpi_unacked < count; i++) {
        socklen_t len = sizeof info;
        ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
        poll(NULL, 0, info.tcpi_unacked < count);
    }
    ck_assert_uint_eq(info.tcpi_unacked, count);
}

/* MANY connections wait in its queue. */
static struct listener *listen_to_many(struct addr *ret_addr, int ret_clients[MANY])
{
    struct listen_conf conf = conf_of("127.0.0.1", 0);
    int fd = listen_open(&conf, true);
    *ret_addr = name_of(fd);
    struct listener *listener = listener_new(fd, &ops, &waiter);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_ge(ret_clients[i] = connect_to(ret_addr), 0);
    wait_until_queued(fd, MANY);
    return listener;
}

static void close_many(const int clients[MANY])
{
    for (int i = 0; i < MANY; i++)
        close(clients[i]);
}

START_TEST(the_queue_is_drained)
{
    struct addr addr;
    int clients[MANY];
    struct listener *listener = listen_to_many(&addr, clients);
    listener_free(listener);
    ck_assert_int_eq(accepted_count, MANY);
    close_many(clients);
    ck_assert_int_eq(connect_to(&addr), -1);
}
END_TEST

START_TEST(the_queue_is_drained_as_far_as_allowed)
{
    struct addr addr;
    int clients[MANY];
    struct listener *listener = listen_to_many(&addr, clients);
    most = 4;
    listener_free(listener);
    ck_assert_int_eq(accepted_count, 4);
    close_many(clients);
}
END_TEST

START_TEST(nobody_waits_when_all_were_let_in)
{
    struct addr addr;
    int clients[MANY];
    struct listener *listener = listen_to_many(&addr, clients);
    most = 60; /* within a batch */
    wait_until_accepted(60);
    run_for(&waiter, 20);
    ck_assert_int_eq(waiting, 1); /* forty do */
    most = MANY;
    wait_until_accepted(MANY);
    ck_assert_int_eq(waiting, 0);
    run_for(&waiter, 20);
    ck_assert_int_eq(waiting, 0); /* the last batch had room for more, but nobody came */
    close_many(clients);
    listener_free(listener);
}
END_TEST

START_TEST(unix_sockets)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/gatehouse-listen.%d", (int)getpid());
    struct listen_conf conf = {0};
    ck_assert(addr_of_path(str_of(path), &conf.addr));
    int fd = listen_open(&conf, true);
    ck_assert_int_ge(fd, 0);
    struct stat there;
    ck_assert_int_eq(stat(path, &there), 0);
    ck_assert_int_eq(there.st_mode & 0777, 0666);
    ck_assert_int_eq(listen_open(&conf, true), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    close(fd); /* stale from now on */
    fd = listen_open(&conf, true);
    ck_assert_int_ge(fd, 0);
    struct listener *listener = listener_new(fd, &ops, &waiter);
    int client = connect_to(&conf.addr);
    ck_assert_int_ge(client, 0);
    wait_until_accepted(1);
    ck_assert_int_eq(last_peer.as.any.sa_family, AF_UNIX);
    close(client);
    listener_free(listener);
    unlink(path);
    fclose(fopen(path, "w"));
    ck_assert_int_eq(listen_open(&conf, true), -1); /* a file is not removed */
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(path);
}
END_TEST

Suite *suite_listener(void);
Suite *suite_listener(void)
{
    Suite *suite = suite_create("listener");
    TCase *tests = tcase_create("listener");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, accepts);
    tcase_add_test(tests, an_address_in_use);
    tcase_add_test(tests, all_interfaces);
    tcase_add_test(tests, pauses_without_spinning);
    tcase_add_test(tests, need_not_wait_a_pause_out);
    tcase_add_test(tests, out_of_descriptors);
    tcase_add_test(tests, the_queue_is_drained);
    tcase_add_test(tests, the_queue_is_drained_as_far_as_allowed);
    tcase_add_test(tests, nobody_waits_when_all_were_let_in);
    tcase_add_test(tests, unix_sockets);
    suite_add_tcase(suite, tests);
    return suite;
}
