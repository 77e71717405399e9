#include "base/must.h"
#include "base/object.h"
#include "loop/helper.h"
#include "net/resolver.h"
#include "tests/unit/dns_stub.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE = 5000, LOOKUP_MS = 900 };

static struct dns_stub *stub;
static struct loop *loop;
static struct waiter waiter;
static struct addr servers[2];
static struct resolver_conf conf;
static struct resolver *resolver;
static char hosts_path[64], servers_path[64];

static void write_file(const char *path, const char *text)
{
    char fresh[80];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(rename(fresh, path), 0);
}

static void setup(void)
{
    stub = dns_stub_start();
    loop = loop_new();
    waiter_init(&waiter);
    snprintf(hosts_path, sizeof hosts_path, "/tmp/gatehouse-hosts.%d", (int)getpid());
    snprintf(servers_path, sizeof servers_path, "/tmp/gatehouse-servers.%d", (int)getpid());
    servers[0] = dns_stub_addr(stub);
    conf = (struct resolver_conf){.nameservers = servers,
                                  .nameserver_count = 1,
                                  .hosts = hosts_path,
                                  .resolv_conf = servers_path,
                                  .timeout = LOOKUP_MS,
                                  .cache_size = 10,
                                  .max_ttl = 24 * MSEC_HOUR};
    resolver = resolver_new(&conf, opener_direct());
}

static void teardown(void)
{
    resolver_free(resolver);
    waiter_fini(&waiter);
    loop_free(loop);
    dns_stub_stop(stub);
    unlink(hosts_path);
    unlink(servers_path);
    ck_assert_int_eq(object_alive(OBJECT_RESOLVE), 0);
}

static void sleep_ms(msec span)
{
    run_for(&waiter, span);
}

/* Addresses as text, separated by spaces, or the result's name. */
static const char *text_of(enum lookup_result result, const struct addresses *addresses)
{
    static const char *const names[] = {
        [LOOKUP_NO_NAME] = "no name", [LOOKUP_FAILED] = "failed", [LOOKUP_TIMEOUT] = "timeout"};
    static char text[8192];
    if (result != LOOKUP_OK)
        return names[result];
    size_t len = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        char one[ADDR_TEXT_MAX];
        ip_text(&addresses->at[i], one);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? " " : "", one);
    }
    return text;
}

static const char *finish_lookup(struct lookup *lookup, msec *ret_ttl)
{
    enum lookup_result result;
    struct addresses addresses = {0};
    while (lookup_poll(lookup, &result, &addresses, &waiter.task) == FLOW_WAIT)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    const char *text = text_of(result, &addresses);
    if (ret_ttl != NULL)
        *ret_ttl = addresses.ttl;
    lookup_free(lookup);
    return text;
}

static const char *look_up(const char *name)
{
    clock_update();
    return finish_lookup(lookup_new(resolver, str_of(name)), NULL);
}

/* Asks until the answer is that: a change of the files is seen when they are looked at again. */
static void look_up_until(const char *name, const char *expected)
{
    clock_update();
    struct mono until = mono_after(clock_mono(), PATIENCE);
    const char *found;
    while (strcmp(found = look_up(name), expected) != 0 && clock_mono().us < until.us)
        run_for(&waiter, 10);
    ck_assert_str_eq(found, expected);
}

#define BOTH "2001:db8::1 192.0.2.1"

START_TEST(both_families_and_cache)
{
    ck_assert_str_eq(look_up("plain.test"), BOTH);
    ck_assert_int_eq(dns_stub_asked(stub), 2);
    for (int i = 0; i < 100; i++)
        ck_assert_str_eq(look_up("plain.test"), BOTH);
    ck_assert_int_eq(dns_stub_asked(stub), 2);
    ck_assert_str_eq(look_up("v4.test"), "192.0.2.1");
}
END_TEST

START_TEST(preference)
{
    conf.prefer = PREFER_IPV4;
    ck_assert_str_eq(look_up("plain.test"), BOTH);
    resolver_set_conf(resolver, &conf);
    ck_assert_str_eq(look_up("plain.test"), "192.0.2.1 2001:db8::1");
    ck_assert_int_eq(dns_stub_asked(stub), 4);
    resolver_set_conf(resolver, &conf);
    look_up("plain.test");
    ck_assert_int_eq(dns_stub_asked(stub), 4);
}
END_TEST

START_TEST(joined_lookups)
{
    struct lookup *lookups[10];
    for (int i = 0; i < 10; i++)
        lookups[i] = lookup_new(resolver, STR("plain.test"));
    lookup_free(lookups[3]);
    for (int i = 0; i < 10; i++)
        if (i != 3)
            ck_assert_str_eq(finish_lookup(lookups[i], NULL), BOTH);
    ck_assert_int_eq(dns_stub_asked(stub), 2);
}
END_TEST

START_TEST(aliases)
{
    msec ttl = 0;
    ck_assert_str_eq(finish_lookup(lookup_new(resolver, STR("alias.test")), &ttl), BOTH);
    ck_assert_int_le(ttl, 3000);
    ck_assert_int_gt(ttl, 2000);
    ck_assert_str_eq(look_up("circle.test"), "no name");
}
END_TEST

START_TEST(refusals_are_remembered)
{
    ck_assert_str_eq(look_up("empty.test"), "no name");
    ck_assert_str_eq(look_up("none.test"), "no name");
    ck_assert_int_eq(dns_stub_asked(stub), 4);
    ck_assert_str_eq(look_up("none.test"), "no name");
    ck_assert_int_eq(dns_stub_asked(stub), 4);
    sleep_ms(1100); /* the SOA's */
    ck_assert_str_eq(look_up("none.test"), "no name");
    ck_assert_str_eq(look_up("empty.test"), "no name");
    ck_assert_int_eq(dns_stub_asked(stub), 6);
}
END_TEST

START_TEST(failures_are_remembered_for_a_moment)
{
    ck_assert_str_eq(look_up("broken.test"), "failed");
    int asked = dns_stub_asked(stub);
    ck_assert_str_eq(look_up("broken.test"), "failed");
    ck_assert_int_eq(dns_stub_asked(stub), asked);
    sleep_ms(1100);
    ck_assert_str_eq(look_up("broken.test"), "failed");
    ck_assert_int_gt(dns_stub_asked(stub), asked);
}
END_TEST

START_TEST(short_ttl)
{
    ck_assert_str_eq(look_up("short.test"), BOTH);
    dns_stub_set_last(stub, 7);
    ck_assert_str_eq(look_up("short.test"), "2001:db8::7 192.0.2.7");
    conf.min_ttl = 1000;
    resolver_set_conf(resolver, &conf);
    look_up("short.test");
    dns_stub_set_last(stub, 8);
    ck_assert_str_eq(look_up("short.test"), "2001:db8::7 192.0.2.7");
    sleep_ms(1100);
    ck_assert_str_eq(look_up("short.test"), "2001:db8::8 192.0.2.8");
}
END_TEST

static msec since(struct mono began)
{
    clock_update();
    return mono_since(began, clock_mono());
}

START_TEST(silence)
{
    clock_update();
    struct mono began = clock_mono();
    ck_assert_str_eq(look_up("silent.test"), "timeout");
    ck_assert_int_ge(since(began), LOOKUP_MS);
    ck_assert_int_lt(since(began), LOOKUP_MS + 300);
    ck_assert_str_eq(look_up("plain.test"), BOTH);
}
END_TEST

/* A server that drops questions of one type must not stop the other. */
START_TEST(one_family_is_silent)
{
    clock_update();
    struct mono began = clock_mono();
    ck_assert_str_eq(look_up("only4.test"), "192.0.2.1");
    ck_assert_int_lt(since(began), 200);
    ck_assert_str_eq(look_up("only6.test"), "2001:db8::1");
    ck_assert_int_ge(since(began), 450);
    ck_assert_int_lt(since(began), 1000);
    ck_assert_str_eq(look_up("only4.test"), "192.0.2.1");
}
END_TEST

START_TEST(a_dead_server)
{
    struct ip local = {.version = 4, .bytes = {127, 0, 0, 1}};
    servers[1] = servers[0];
    servers[0] = addr_of_ip(&local, 1);
    conf.nameserver_count = 2;
    resolver_set_conf(resolver, &conf);
    ck_assert_str_eq(look_up("plain.test"), BOTH);
}
END_TEST

/* Also for what is being asked already: the first server says nothing, so the second has to be reached within the new time. */
START_TEST(the_time_for_one_server_follows_the_configuration)
{
    int silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ip local = {.version = 4, .bytes = {127, 0, 0, 1}};
    servers[1] = servers[0];
    servers[0] = addr_of_ip(&local, 0);
    ck_assert_int_eq(bind(silent, &servers[0].as.any, servers[0].len), 0);
    socklen_t len = sizeof servers[0].as;
    ck_assert_int_eq(getsockname(silent, &servers[0].as.any, &len), 0);
    conf.nameserver_count = 2;
    conf.timeout = 30 * MSEC_SECOND;
    resolver_free(resolver);
    resolver = resolver_new(&conf, opener_direct());
    struct lookup *lookup = lookup_new(resolver, STR("plain.test"));
    look_up("localhost");
    enum lookup_result result;
    struct addresses addresses;
    ck_assert_int_eq(lookup_poll(lookup, &result, &addresses, &waiter.task), FLOW_WAIT);
    conf.timeout = LOOKUP_MS;
    resolver_set_conf(resolver, &conf);
    ck_assert_str_eq(finish_lookup(lookup, NULL), BOTH);
    ck_assert_str_eq(look_up("v4.test"), "192.0.2.1");
    close(silent);
}
END_TEST

START_TEST(large_answers_come_over_tcp)
{
    struct lookup *lookup = lookup_new(resolver, STR("many.test"));
    enum lookup_result result;
    struct addresses addresses = {0};
    while (lookup_poll(lookup, &result, &addresses, &waiter.task) == FLOW_WAIT)
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert_int_eq(result, LOOKUP_OK);
    ck_assert_uint_eq(addresses.count, 64);
    ck_assert_uint_eq(addresses.at[0].version, 6);
    ck_assert_uint_eq(addresses.at[1].version, 4);
    ck_assert_uint_eq(addresses.at[63].bytes[3], 32);
    lookup_free(lookup);
}
END_TEST

START_TEST(known_without_asking)
{
    write_file(hosts_path,
               "# hosts\n10.1.2.3 Box.test other.test # comment\n::2 box.test\n\nrubbish\n10.9.9.9\tlocalhost\n"
               "10.1.2.3 box.test");
    ck_assert_str_eq(look_up("localhost"), "127.0.0.1 ::1");
    ck_assert_str_eq(look_up("a.localhost"), "127.0.0.1 ::1");
    ck_assert_str_eq(look_up("box.test"), "::2 10.1.2.3");
    ck_assert_str_eq(look_up("other.test"), "10.1.2.3");
    ck_assert_str_eq(look_up("hidden.onion"), "no name");
    ck_assert_str_eq(look_up("x.invalid"), "no name");
    ck_assert_int_eq(dns_stub_asked(stub), 0);
    write_file(hosts_path, "10.1.2.4 box.test\n");
    ck_assert_str_eq(look_up("box.test"), "::2 10.1.2.3");
    look_up_until("box.test", "10.1.2.4");
    ck_assert_str_eq(look_up("other.test"), BOTH);
    ck_assert_int_eq(dns_stub_asked(stub), 2);
    unlink(hosts_path);
    look_up_until("box.test", BOTH);
}
END_TEST

START_TEST(servers_of_resolv_conf)
{
    struct dns_stub *second = dns_stub_start();
    dns_stub_set_last(second, 2);
    char text[200];
    struct addr addr = dns_stub_addr(stub);
    snprintf(text, sizeof text, "; comment\nsearch x\nnameserver [127.0.0.1]:%d\n", addr_port(&addr));
    write_file(servers_path, text);
    conf.nameserver_count = 0;
    resolver_set_conf(resolver, &conf);
    ck_assert_str_eq(look_up("plain.test"), BOTH);
    /* What is being asked while the servers change is asked anew. */
    struct lookup *lookup = lookup_new(resolver, STR("only4.test"));
    addr = dns_stub_addr(second);
    snprintf(text, sizeof text, "nameserver [127.0.0.1]:%d", addr_port(&addr));
    write_file(servers_path, text);
    look_up_until("plain.test", "2001:db8::2 192.0.2.2");
    ck_assert_str_eq(finish_lookup(lookup, NULL), "192.0.2.1");
    ck_assert_int_eq(dns_stub_asked(second), 3);
    dns_stub_stop(second);
}
END_TEST

/* Opens a file when it is told to. */
static struct gated {
    struct opener opener;
    sem_t wanted;
    sem_t may_open;
} gated;

static int open_gated(struct opener *opener, const char *path, enum open_purpose purpose)
{
    (void)opener;
    sem_post(&gated.wanted);
    sem_wait(&gated.may_open);
    return opener_direct()->open(opener_direct(), path, purpose);
}

static void begin_gated(void)
{
    gated.opener.open = open_gated;
    sem_init(&gated.wanted, 0, 0);
    sem_init(&gated.may_open, 0, 0);
    resolver_free(resolver);
    resolver = resolver_new(&conf, &gated.opener);
}

START_TEST(old_files_serve_while_new_ones_are_read)
{
    write_file(hosts_path, "10.1.2.3 box.test\n");
    begin_gated();
    struct lookup *lookup = lookup_new(resolver, STR("box.test"));
    enum lookup_result result;
    struct addresses addresses;
    ck_assert_int_eq(lookup_poll(lookup, &result, &addresses, &waiter.task), FLOW_WAIT);
    sem_post(&gated.may_open);
    ck_assert_str_eq(finish_lookup(lookup, NULL), "10.1.2.3");
    sem_wait(&gated.wanted);
    write_file(hosts_path, "10.1.2.4 box.test\n");
    while (sem_trywait(&gated.wanted) != 0) {
        ck_assert_str_eq(look_up("box.test"), "10.1.2.3");
        run_for(&waiter, 10);
    }
    for (int i = 0; i < 10; i++)
        ck_assert_str_eq(look_up("box.test"), "10.1.2.3");
    sem_post(&gated.may_open);
    look_up_until("box.test", "10.1.2.4");
}
END_TEST

START_TEST(without_files_the_lookup_has_its_time)
{
    write_file(hosts_path, "10.1.2.3 box.test\n");
    begin_gated();
    ck_assert_str_eq(look_up("box.test"), "timeout");
    sem_post(&gated.may_open);
    look_up_until("box.test", "10.1.2.3");
}
END_TEST

/* What is being read comes home to nobody. */
START_TEST(ends_while_files_are_read)
{
    write_file(hosts_path, "10.1.2.3 box.test\n");
    begin_gated();
    lookup_free(lookup_new(resolver, STR("box.test")));
    sem_wait(&gated.wanted);
    resolver_free(resolver);
    sem_post(&gated.may_open);
    helper_shutdown();
    resolver = resolver_new(&conf, opener_direct());
    ck_assert_str_eq(look_up("box.test"), "10.1.2.3");
}
END_TEST

/* Else it would be read, and given up, once a second. */
START_TEST(hosts_file_that_is_too_long_is_read_again_when_it_changes)
{
    write_file(hosts_path, "10.1.2.3 box.test\n");
    ck_assert_int_eq(truncate(hosts_path, HOSTS_FILE_MAX + 1), 0);
    begin_gated();
    for (int i = 0; i < 4; i++)
        sem_post(&gated.may_open);
    ck_assert_str_eq(look_up("v4.test"), "192.0.2.1");
    sem_wait(&gated.wanted);
    sleep_ms(1100);
    look_up("v4.test");
    sleep_ms(100);
    ck_assert_int_ne(sem_trywait(&gated.wanted), 0);
    write_file(hosts_path, "10.1.2.4 box.test\n");
    look_up_until("box.test", "10.1.2.4");
}
END_TEST

START_TEST(bounded_cache)
{
    char name[32];
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        ck_assert_str_eq(look_up(name), BOTH);
    }
    int asked = dns_stub_asked(stub);
    look_up("n29.test");
    look_up("n20.test");
    ck_assert_int_eq(dns_stub_asked(stub), asked);
    look_up("n19.test");
    ck_assert_int_eq(dns_stub_asked(stub), asked + 2);
}
END_TEST

START_TEST(no_cache)
{
    conf.cache_size = 0;
    resolver_set_conf(resolver, &conf);
    look_up("plain.test");
    look_up("plain.test");
    ck_assert_int_eq(dns_stub_asked(stub), 4);
}
END_TEST

/* Whoever gives up early leaves questions behind, which end with the resolver. */
START_TEST(given_up)
{
    look_up("localhost"); /* the files are read */
    for (int i = 0; i < 5000; i++) {
        char name[32];
        snprintf(name, sizeof name, "silent.n%d.test", i);
        struct lookup *lookup = lookup_new(resolver, str_of(name));
        enum lookup_result result;
        struct addresses addresses;
        enum flow flow = lookup_poll(lookup, &result, &addresses, &waiter.task);
        ck_assert_int_eq(flow, i < 4096 ? FLOW_WAIT : FLOW_END);
        lookup_free(lookup);
    }
}
END_TEST

Suite *suite_resolver(void);
Suite *suite_resolver(void)
{
    Suite *suite = suite_create("resolver");
    TCase *tests = tcase_create("resolver");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, both_families_and_cache);
    tcase_add_test(tests, preference);
    tcase_add_test(tests, joined_lookups);
    tcase_add_test(tests, aliases);
    tcase_add_test(tests, refusals_are_remembered);
    tcase_add_test(tests, failures_are_remembered_for_a_moment);
    tcase_add_test(tests, short_ttl);
    tcase_add_test(tests, silence);
    tcase_add_test(tests, one_family_is_silent);
    tcase_add_test(tests, a_dead_server);
    tcase_add_test(tests, the_time_for_one_server_follows_the_configuration);
    tcase_add_test(tests, large_answers_come_over_tcp);
    tcase_add_test(tests, known_without_asking);
    tcase_add_test(tests, servers_of_resolv_conf);
    tcase_add_test(tests, old_files_serve_while_new_ones_are_read);
    tcase_add_test(tests, without_files_the_lookup_has_its_time);
    tcase_add_test(tests, ends_while_files_are_read);
    tcase_add_test(tests, hosts_file_that_is_too_long_is_read_again_when_it_changes);
    tcase_add_test(tests, bounded_cache);
    tcase_add_test(tests, no_cache);
    tcase_add_test(tests, given_up);
    suite_add_tcase(suite, tests);
    return suite;
}
