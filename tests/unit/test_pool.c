#include "upstream/pool.h"
#include "upstream/server_load.h"
#include "upstream/upstreams.h"

#include <check.h>

Suite *suite_pool(void);

enum { SERVERS = 3 };

static struct upstreams upstreams;
static struct server_conf servers[SERVERS];
static struct pool_conf conf;
static struct pool *pool;
static bool tried[SERVERS];

static void setup(void)
{
    upstreams_init(&upstreams, NULL, NULL);
    const char *const names[SERVERS] = {"a:80", "b:80", "c:80"};
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i] = (struct server_conf){.text = str_of(names[i]), .weight = 1};
        tried[i] = false;
    }
    conf = (struct pool_conf){.servers = servers, .server_count = SERVERS, .connections = 4};
    conf.name.text = STR("pool");
    pool = pool_new(&upstreams, &conf, NULL);
}

static void teardown(void)
{
    pool_free(pool);
    upstreams_fini(&upstreams);
}

/* How often each was chosen in `turns`. */
static void count_turns(int turns, int counts[SERVERS])
{
    for (int i = 0; i < SERVERS; i++)
        counts[i] = 0;
    for (int i = 0; i < turns; i++) {
        int index = pool_choose(pool, tried);
        ck_assert_int_ge(index, 0);
        counts[index]++;
    }
}

START_TEST(equal_weights_take_turns)
{
    int counts[SERVERS];
    count_turns(30, counts);
    for (int i = 0; i < SERVERS; i++)
        ck_assert_int_eq(counts[i], 10);
}
END_TEST

START_TEST(weights_are_kept_and_spread_out)
{
    int counts[SERVERS];
    servers[0].weight = 5;
    count_turns(7, counts);
    ck_assert_int_eq(counts[0], 5);
    ck_assert_int_eq(counts[1], 1);
    ck_assert_int_eq(counts[2], 1);
    int longest = 0, run = 0;
    for (int i = 0; i < 70; i++) {
        run = pool_choose(pool, tried) == 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    ck_assert_int_le(longest, 4);
}
END_TEST

START_TEST(down_and_tried_servers_are_passed_over)
{
    servers[0].is_down = true;
    tried[1] = true;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pool_choose(pool, tried), 2);
    tried[2] = true;
    ck_assert_int_eq(pool_choose(pool, tried), -1);
}
END_TEST

START_TEST(backup_serves_only_when_no_other_can)
{
    servers[2].is_backup = true;
    for (int i = 0; i < 6; i++)
        ck_assert_int_ne(pool_choose(pool, tried), 2);
    servers[0].is_down = servers[1].is_down = true;
    ck_assert_int_eq(pool_choose(pool, tried), 2);
}
END_TEST

START_TEST(server_that_failed_three_times_is_put_aside)
{
    for (int i = 0; i < 3; i++)
        server_failed(pool->members[0].server);
    ck_assert(server_is_ejected(pool->members[0].server));
    for (int i = 0; i < 6; i++)
        ck_assert_int_ne(pool_choose(pool, tried), 0);
    server_succeeded(pool->members[0].server);
    ck_assert(!server_is_ejected(pool->members[0].server));
}
END_TEST

START_TEST(when_all_are_ejected_all_are_tried)
{
    for (int s = 0; s < SERVERS; s++)
        for (int i = 0; i < 3; i++)
            server_failed(pool->members[s].server);
    ck_assert_int_ge(pool_choose(pool, tried), 0);
}
END_TEST

START_TEST(full_server_is_passed_over)
{
    servers[0].max_connections = 2;
    server_enter(pool->members[0].server);
    server_enter(pool->members[0].server);
    for (int i = 0; i < 6; i++)
        ck_assert_int_ne(pool_choose(pool, tried), 0);
    server_leave(pool->members[0].server);
    server_leave(pool->members[0].server);
}
END_TEST

START_TEST(reload_keeps_what_is_known_of_a_server)
{
    for (int i = 0; i < 3; i++)
        server_failed(pool->members[1].server);
    struct server *known = pool->members[1].server;
    struct pool *next = pool_new(&upstreams, &conf, pool);
    ck_assert_ptr_eq(next->members[1].server, known);
    pool_free(pool);
    pool = next;
    ck_assert(server_is_ejected(pool->members[1].server));
}
END_TEST

START_TEST(threads_share_what_they_know_of_a_server)
{
    struct upstreams other;
    upstreams_init(&other, NULL, NULL);
    struct pool *theirs = pool_new(&other, &conf, NULL);
    server_enter(pool->members[0].server);
    ck_assert_uint_eq(server_active(theirs->members[0].server), 1);
    server_leave(pool->members[0].server);
    for (int i = 0; i < 3; i++)
        server_failed(theirs->members[2].server);
    ck_assert(server_is_ejected(pool->members[2].server));
    ck_assert(!server_is_ejected(pool->members[1].server));
    pool_free(theirs);
    upstreams_fini(&other);
}
END_TEST

START_TEST(what_its_tls_lacks_is_told_once_a_minute)
{
    struct server_load *load = pool->members[0].server->load, *other = pool->members[1].server->load;
    struct mono now = {5 * 1000000};
    ck_assert(server_load_may_tell(load, now));
    ck_assert(!server_load_may_tell(load, mono_after(now, MSEC_MINUTE - 1)));
    ck_assert(server_load_may_tell(other, now));
    ck_assert(server_load_may_tell(load, mono_after(now, MSEC_MINUTE)));
    ck_assert(!server_load_may_tell(load, mono_after(now, MSEC_MINUTE)));
}
END_TEST

Suite *suite_pool(void)
{
    Suite *suite = suite_create("pool");
    TCase *tests = tcase_create("pool");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, equal_weights_take_turns);
    tcase_add_test(tests, weights_are_kept_and_spread_out);
    tcase_add_test(tests, down_and_tried_servers_are_passed_over);
    tcase_add_test(tests, backup_serves_only_when_no_other_can);
    tcase_add_test(tests, server_that_failed_three_times_is_put_aside);
    tcase_add_test(tests, when_all_are_ejected_all_are_tried);
    tcase_add_test(tests, full_server_is_passed_over);
    tcase_add_test(tests, reload_keeps_what_is_known_of_a_server);
    tcase_add_test(tests, threads_share_what_they_know_of_a_server);
    tcase_add_test(tests, what_its_tls_lacks_is_told_once_a_minute);
    suite_add_tcase(suite, tests);
    return suite;
}
