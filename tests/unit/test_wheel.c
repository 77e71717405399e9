#include "loop/loop.h"
#include "loop/wheel.h"

#include <check.h>
#include <stdlib.h>

/* The clock is simulated: only the wheel's own functions are called, with instants. */

enum { TICK_US = WHEEL_TICK_MS * 1000, TIMERS = 400 };

static struct loop *loop;
static struct wheel wheel;
static struct mono now;
static uint64_t seed;

struct watched {
    struct timer timer;
    struct task task;
};

static struct watched watched[TIMERS];

static void run_nothing(struct task *task)
{
    (void)task;
}

static void setup(void)
{
    loop = loop_new();
    seed = 88172645463325252u;
    now.us = 1234567891;
    wheel_init(&wheel, now);
    for (int i = 0; i < TIMERS; i++) {
        task_init(&watched[i].task, run_nothing);
        timer_init(&watched[i].timer, &watched[i].task);
    }
}

static void teardown(void)
{
    for (int i = 0; i < TIMERS; i++) {
        task_fini(&watched[i].task);
        timer_fini(&watched[i].timer);
    }
    loop_free(loop);
}

static int64_t random_below(int64_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed % (uint64_t)bound);
}

static void add(struct timer *timer, int64_t us)
{
    timer->due.us = now.us + us;
    wheel_add(&wheel, timer);
}

/* Was it woken? It is not from now on. */
static bool take_woken(struct task *task)
{
    bool is_woken = !list_is_empty(&task->link);
    task_fini(task);
    return is_woken;
}

static void advance_to(int64_t us)
{
    now.us = us;
    wheel_advance(&wheel, now);
}

/* Each fires at the latest in the tick behind its instant, and never before it. */
static void expect_right_tick(int64_t step, int64_t until)
{
    bool has_fired[TIMERS] = {false};
    while (now.us < until) {
        advance_to(now.us + 1 + random_below(step));
        for (int i = 0; i < TIMERS; i++) {
            bool is_woken = take_woken(&watched[i].task);
            if (has_fired[i] && is_woken)
                ck_abort_msg("timer %d fired twice", i);
            has_fired[i] |= is_woken;
            int64_t due = watched[i].timer.due.us;
            bool may = now.us >= due, must = now.us / TICK_US > due / TICK_US;
            if ((has_fired[i] && !may) || (!has_fired[i] && must))
                ck_abort_msg("timer %d of %lld us at %lld us", i, (long long)watched[i].timer.due.us,
                             (long long)now.us);
        }
    }
}

/* Spans that need each level of the wheel. */
static const int64_t reaches_us[] = {64LL * TICK_US, 64LL * 64 * TICK_US, 64LL * 64 * 64 * TICK_US};

START_TEST(fires_in_its_tick)
{
    int64_t reach = reaches_us[_i], begin = now.us;
    for (int i = 0; i < TIMERS; i++)
        add(&watched[i].timer, random_below(reach));
    expect_right_tick(reach / 300, begin + reach + 2 * TICK_US);
}
END_TEST

START_TEST(fires_at_the_edges_of_levels)
{
    int64_t begin = now.us;
    for (int level = 1; level <= 3; level++)
        for (int i = 0; i < 30; i++)
            add(&watched[level * 30 + i].timer, reaches_us[level - 1] + (i - 15) * TICK_US / 2);
    for (int i = 0; i < TIMERS; i++)
        if (watched[i].timer.due.us == 0)
            add(&watched[i].timer, i % 3);
    expect_right_tick(3 * TICK_US, begin + reaches_us[1] + 20 * TICK_US);
    /* The rest in leaps, since the wheel is moved tick by tick anyhow. */
    bool has_fired = false;
    while (now.us < begin + reaches_us[2] + 20 * TICK_US) {
        int64_t last = now.us;
        advance_to(now.us + TICK_US * 63);
        for (int i = 90; i < 120; i++) {
            if (!take_woken(&watched[i].task))
                continue;
            has_fired = true;
            ck_assert_int_ge(now.us, watched[i].timer.due.us);
            ck_assert_int_le(last, watched[i].timer.due.us + TICK_US);
        }
    }
    ck_assert(has_fired);
}
END_TEST

/* Farther than the whole wheel reaches (37 hours). */
START_TEST(fires_from_beyond)
{
    int64_t day = 24LL * 3600 * 1000000;
    add(&watched[0].timer, 4 * day);
    add(&watched[1].timer, 2 * day + 5);
    advance_to(now.us + 2 * day);
    ck_assert(!take_woken(&watched[0].task));
    ck_assert(!take_woken(&watched[1].task));
    advance_to(now.us + 2 * TICK_US);
    ck_assert(take_woken(&watched[1].task));
    advance_to(now.us + 2 * day - 4 * TICK_US);
    ck_assert(!take_woken(&watched[0].task));
    advance_to(now.us + 4 * TICK_US);
    ck_assert(take_woken(&watched[0].task));
}
END_TEST

/* Whoever sleeps as long as wheel_next() says misses nothing, and does not wake for nothing often. */
START_TEST(sleeps_until_the_next)
{
    int left = TIMERS, turns = 0;
    for (int i = 0; i < TIMERS; i++)
        add(&watched[i].timer, random_below(reaches_us[i % 3]));
    while (left > 0) {
        msec wait = wheel_next(&wheel, now);
        ck_assert_int_ge(wait, 0);
        advance_to(now.us + wait * 1000 + random_below(500));
        turns++;
        for (int i = 0; i < TIMERS; i++) {
            if (!take_woken(&watched[i].task))
                continue;
            left--;
            ck_assert_int_ge(now.us, watched[i].timer.due.us);
            ck_assert_int_le(now.us, watched[i].timer.due.us + TICK_US + 2000);
        }
    }
    ck_assert_int_lt(turns, 4 * TIMERS);
    ck_assert_int_eq(wheel_next(&wheel, now), -1);
}
END_TEST

START_TEST(is_lazy)
{
    struct timer *timer = &watched[0].timer;
    add(timer, 100 * TICK_US);
    for (int i = 0; i < 1000; i++) {
        advance_to(now.us + 50 * TICK_US);
        timer->due.us = now.us + 100 * TICK_US; /* as timer_set() does: later, so no more than a store */
        ck_assert(!take_woken(&watched[0].task));
    }
    advance_to(now.us + 99 * TICK_US);
    ck_assert(!take_woken(&watched[0].task));
    advance_to(now.us + 2 * TICK_US);
    ck_assert(take_woken(&watched[0].task));

    add(timer, 10 * TICK_US);
    timer->due.us = 0; /* as timer_clear() does */
    advance_to(now.us + 20 * TICK_US);
    ck_assert(!take_woken(&watched[0].task));
    ck_assert(list_is_empty(&timer->link));

    add(timer, 1000 * TICK_US);
    add(timer, 10 * TICK_US); /* earlier: it moves */
    advance_to(now.us + 11 * TICK_US);
    ck_assert(take_woken(&watched[0].task));
    ck_assert_int_eq(wheel_next(&wheel, now) >= 0 && wheel_next(&wheel, now) < 1000 * WHEEL_TICK_MS, 1);
}
END_TEST

Suite *suite_wheel(void);
Suite *suite_wheel(void)
{
    Suite *suite = suite_create("wheel");
    TCase *tests = tcase_create("wheel");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, fires_in_its_tick, 0, 3);
    tcase_add_test(tests, fires_at_the_edges_of_levels);
    tcase_add_test(tests, fires_from_beyond);
    tcase_add_test(tests, sleeps_until_the_next);
    tcase_add_test(tests, is_lazy);
    suite_add_tcase(suite, tests);
    return suite;
}
