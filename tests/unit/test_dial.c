#include "base/must.h"
#include "base/object.h"
#include "net/dial.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE = 5000, TIMEOUT = 700, BACKLOG = 1 };

static struct loop *loop;
static struct waiter waiter;
static struct resolver *resolver;
static char hosts_path[64];

/* Records what it is asked, and denies what is listed. */
static struct recorder {
    struct dial_policy policy;
    char asked[1024];
    const char *denied;
} recorder;

static bool may(const struct dial_policy *policy, const struct ip *ip, uint16_t port)
{
    struct recorder *of = container_of(policy, struct recorder, policy);
    char text[ADDR_TEXT_MAX];
    ip_text(ip, text);
    size_t len = strlen(of->asked);
    snprintf(of->asked + len, sizeof of->asked - len, "%s%s", len > 0 ? " " : "", text);
    ck_assert_int_gt(port, 0);
    return strcmp(of->denied, "all") != 0 && strstr(of->denied, text) == NULL;
}

static void write_hosts(const char *text)
{
    FILE *file = fopen(hosts_path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void setup(void)
{
    loop = loop_new();
    waiter_init(&waiter);
    snprintf(hosts_path, sizeof hosts_path, "/tmp/gatehouse-dial.%d", (int)getpid());
    struct ip local = {.version = 4, .bytes = {127, 0, 0, 1}};
    struct addr nobody = addr_of_ip(&local, 1);
    struct resolver_conf conf = {
        .nameservers = &nobody, .nameserver_count = 1, .hosts = hosts_path, .timeout = 300, .cache_size = 10};
    resolver = resolver_new(&conf, opener_direct());
    recorder = (struct recorder){.policy.may = may, .denied = ""};
}

static void teardown(void)
{
    resolver_free(resolver);
    waiter_fini(&waiter);
    loop_free(loop);
    unlink(hosts_path);
    ck_assert_int_eq(object_alive(OBJECT_DIAL), 0);
    ck_assert_int_eq(object_alive(OBJECT_RESOLVE), 0);
    ck_assert_int_eq(object_alive(OBJECT_TRANSPORT), 0);
}

static int listen_on(const char *ip_as_text, uint16_t *port)
{
    struct ip ip;
    ck_assert(ip_parse(str_of(ip_as_text), &ip));
    struct addr addr = addr_of_ip(&ip, *port);
    int fd = socket(addr.as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &addr.as.any, addr.len) != 0 || listen(fd, BACKLOG) != 0) {
        close(fd);
        return -1;
    }
    addr.len = sizeof addr.as;
    getsockname(fd, &addr.as.any, &addr.len);
    *port = addr_port(&addr);
    return fd;
}

/* Keeps others from listening there, and does not listen itself: -1 when somebody does. */
static int hold(const char *ip_as_text, uint16_t port)
{
    struct ip ip;
    ck_assert(ip_parse(str_of(ip_as_text), &ip));
    struct addr addr = addr_of_ip(&ip, port);
    int fd = socket(addr.as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, &addr.as.any, addr.len) == 0)
        return fd;
    close(fd);
    return -1;
}

static enum flow finish(struct dial *dial)
{
    enum flow flow;
    while ((flow = dial_poll(dial, &waiter.task)) == FLOW_WAIT)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    return flow;
}

static msec since(struct mono began)
{
    clock_update();
    return mono_since(began, clock_mono());
}

/* Dials, expects to fail so. */
static void expect_failure(struct dial *dial, enum dial_result result)
{
    ck_assert_int_eq(finish(dial), FLOW_FAIL);
    ck_assert_int_eq(dial_poll(dial, &waiter.task), FLOW_FAIL);
    ck_assert_int_eq(dial_result_of(dial), result);
    dial_free(dial);
}

/* Dials, expects to reach this address. */
static void expect_peer(struct dial *dial, const char *address)
{
    ck_assert_int_eq(finish(dial), FLOW_END);
    ck_assert_int_eq(dial_result_of(dial), DIAL_OK);
    struct addr peer;
    struct transport *transport = dial_take(dial, &peer);
    dial_free(dial);
    char text[ADDR_TEXT_MAX];
    struct ip ip = addr_ip(&peer);
    ip_text(&ip, text);
    ck_assert_str_eq(text, address);
    transport_free(transport);
}

START_TEST(an_address)
{
    uint16_t port = 0;
    int fd = listen_on("127.0.0.1", &port);
    struct ip ip = {.version = 4, .bytes = {127, 0, 0, 1}};
    struct addr to = addr_of_ip(&ip, port);
    expect_peer(dial_address(&to, TIMEOUT, &recorder.policy), "127.0.0.1");
    ck_assert_str_eq(recorder.asked, "127.0.0.1");
    expect_peer(dial_address(&to, TIMEOUT, NULL), "127.0.0.1");
    recorder.denied = "all";
    expect_failure(dial_address(&to, TIMEOUT, &recorder.policy), DIAL_DENIED);
    close(fd);
    expect_failure(dial_address(&to, TIMEOUT, NULL), DIAL_REFUSED);
    dial_free(dial_address(&to, TIMEOUT, NULL));
}
END_TEST

START_TEST(never_dialled)
{
    static const char *const never[] = {"0.0.0.0", "0.1.2.3",        "::", "224.0.0.1", "255.255.255.255",
                                        "ff02::1", "64:ff9b::e000:1"};
    for (size_t i = 0; i < lengthof(never); i++) {
        struct ip ip;
        ck_assert(ip_parse(str_of(never[i]), &ip));
        struct addr to = addr_of_ip(&ip, 80);
        expect_failure(dial_address(&to, TIMEOUT, NULL), DIAL_DENIED);
    }
    write_hosts("0.0.0.0 ads.test\n");
    expect_failure(dial_name(resolver, STR("ads.test"), 80, TIMEOUT, &recorder.policy), DIAL_DENIED);
    ck_assert_str_eq(recorder.asked, "");
}
END_TEST

START_TEST(a_unix_socket)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/gatehouse-dial-socket.%d", (int)getpid());
    struct addr to;
    ck_assert(addr_of_path(str_of(path), &to));
    expect_failure(dial_address(&to, TIMEOUT, &recorder.policy), DIAL_REFUSED);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, &to.as.any, to.len), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    struct dial *dial = dial_address(&to, TIMEOUT, &recorder.policy);
    ck_assert_int_eq(finish(dial), FLOW_END);
    struct addr peer;
    transport_free(dial_take(dial, &peer));
    ck_assert(addr_eq(&peer, &to));
    dial_free(dial);
    close(fd);
    unlink(path);
    ck_assert_str_eq(recorder.asked, "");
}
END_TEST

START_TEST(the_next_when_one_refuses)
{
    uint16_t port = 0;
    int fd = listen_on("127.0.0.3", &port);
    write_hosts("127.0.0.1 many.test\n127.0.0.2 many.test\n127.0.0.3 many.test\n127.0.0.4 many.test\n");
    clock_update();
    struct mono began = clock_mono();
    expect_peer(dial_name(resolver, STR("many.test"), port, TIMEOUT, &recorder.policy), "127.0.0.3");
    ck_assert_int_lt(since(began), 200);
    ck_assert_str_eq(recorder.asked, "127.0.0.1 127.0.0.2 127.0.0.3");
    recorder.denied = "127.0.0.3";
    expect_failure(dial_name(resolver, STR("many.test"), port, TIMEOUT, &recorder.policy), DIAL_REFUSED);
    recorder.denied = "all";
    expect_failure(dial_name(resolver, STR("many.test"), port, TIMEOUT, &recorder.policy), DIAL_DENIED);
    close(fd);
}
END_TEST

START_TEST(families_alternate)
{
    uint16_t port;
    int fd = -1, held = -1;
    while (held < 0) { /* a port at which nobody else happens to listen on 127.0.0.1 */
        if (fd >= 0)
            close(fd);
        port = 0;
        fd = listen_on("127.0.0.2", &port);
        held = hold("127.0.0.1", port);
    }
    write_hosts("127.0.0.1 both.test\n127.0.0.2 both.test\n::1 both.test\n");
    expect_peer(dial_name(resolver, STR("both.test"), port, TIMEOUT, &recorder.policy), "127.0.0.2");
    ck_assert_str_eq(recorder.asked, "::1 127.0.0.1 127.0.0.2");
    close(held);
    close(fd);
}
END_TEST

/* A listener whose queue is full drops what more comes: as good as a host that is away. False when this kernel does not. */
static bool fill_queue(const char *ip_as_text, uint16_t port, struct dial *fillers[8])
{
    struct ip ip;
    ck_assert(ip_parse(str_of(ip_as_text), &ip));
    struct addr to = addr_of_ip(&ip, port);
    for (int i = 0; i < 8; i++)
        fillers[i] = dial_address(&to, 60 * MSEC_SECOND, NULL);
    bool is_full = false;
    for (int i = 0; i < 8; i++) {
        dial_poll(fillers[i], &waiter.task);
        run_for(&waiter, 30);
        is_full = dial_poll(fillers[i], &waiter.task) == FLOW_WAIT;
    }
    return is_full;
}

START_TEST(one_that_does_not_answer)
{
    uint16_t port = 0;
    int dead = listen_on("127.0.0.1", &port);
    int fd = listen_on("127.0.0.2", &port);
    struct dial *fillers[8];
    if (fill_queue("127.0.0.1", port, fillers)) {
        write_hosts("127.0.0.1 half.test dead.test\n127.0.0.2 half.test\n");
        clock_update();
        struct mono began = clock_mono();
        expect_peer(dial_name(resolver, STR("half.test"), port, TIMEOUT, &recorder.policy), "127.0.0.2");
        ck_assert_int_ge(since(began), 245);
        ck_assert_int_lt(since(began), 500);
        clock_update();
        began = clock_mono();
        expect_failure(dial_name(resolver, STR("dead.test"), port, TIMEOUT, &recorder.policy), DIAL_TIMEOUT);
        ck_assert_int_ge(since(began), TIMEOUT);
        ck_assert_int_lt(since(began), TIMEOUT + 300);
    }
    for (int i = 0; i < 8; i++)
        dial_free(fillers[i]);
    close(dead);
    close(fd);
}
END_TEST

START_TEST(names_that_are_not)
{
    expect_failure(dial_name(resolver, STR("x.invalid"), 80, TIMEOUT, NULL), DIAL_NO_NAME);
    struct dial *dial = dial_name(resolver, STR("unknown.test"), 80, TIMEOUT, NULL);
    ck_assert_int_eq(finish(dial), FLOW_FAIL);
    ck_assert(dial_result_of(dial) == DIAL_NAME_FAILED || dial_result_of(dial) == DIAL_NAME_TIMEOUT);
    dial_free(dial);
    dial = dial_name(resolver, STR("other.test"), 80, TIMEOUT, NULL);
    dial_poll(dial, &waiter.task);
    dial_free(dial);
}
END_TEST

Suite *suite_dial(void);
Suite *suite_dial(void)
{
    Suite *suite = suite_create("dial");
    TCase *tests = tcase_create("dial");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, an_address);
    tcase_add_test(tests, never_dialled);
    tcase_add_test(tests, a_unix_socket);
    tcase_add_test(tests, the_next_when_one_refuses);
    tcase_add_test(tests, families_alternate);
    tcase_add_test(tests, one_that_does_not_answer);
    tcase_add_test(tests, names_that_are_not);
    suite_add_tcase(suite, tests);
    return suite;
}
