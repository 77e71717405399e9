#include "base/must.h"
#include "loop/helper.h"
#include "loop/loop.h"
#include "loop/ready.h"
#include "tests/unit/wait.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE = 5000, SENDERS = 4, LETTERS = 5000 };

static struct loop *loop;
static struct waiter waiter;

static void setup(void)
{
    loop = loop_new();
    waiter_init(&waiter);
}

static void teardown(void)
{
    waiter_fini(&waiter);
    loop_free(loop);
}

/* Tasks */

struct counter {
    struct task task;
    struct counter *other;
    int runs;
    uint64_t turns[8];
};

static void count_run(struct task *task)
{
    struct counter *counter = container_of(task, struct counter, task);
    counter->turns[counter->runs++] = loop_turns(loop);
}

static void run_again(struct task *task)
{
    struct counter *counter = container_of(task, struct counter, task);
    count_run(task);
    if (counter->runs < 5)
        task_wake(task);
    else
        loop_stop(loop);
}

static void take_other_out(struct task *task)
{
    count_run(task);
    task_fini(&container_of(task, struct counter, task)->other->task);
    loop_stop(loop);
}

START_TEST(a_task_runs_once_for_many_wakes)
{
    struct counter counter = {.runs = 0};
    task_init(&counter.task, count_run);
    task_wake(NULL);
    task_wake(&counter.task);
    task_wake(&counter.task);
    wait_for_wake(&waiter, 20);
    ck_assert_int_eq(counter.runs, 1);
    task_fini(&counter.task);
    task_fini(&counter.task);
}
END_TEST

START_TEST(a_task_that_wakes_itself_runs_in_the_next_turn)
{
    struct counter counter = {.runs = 0};
    task_init(&counter.task, run_again);
    task_wake(&counter.task);
    loop_run(loop);
    ck_assert_int_eq(counter.runs, 5);
    for (int i = 1; i < 5; i++)
        ck_assert_uint_eq(counter.turns[i], counter.turns[i - 1] + 1);
}
END_TEST

START_TEST(a_task_may_take_out_another)
{
    struct counter first = {.runs = 0}, second = {.runs = 0};
    first.other = &second;
    task_init(&first.task, take_other_out);
    task_init(&second.task, count_run);
    task_wake(&first.task);
    task_wake(&second.task);
    loop_run(loop);
    ck_assert_int_eq(first.runs, 1);
    ck_assert_int_eq(second.runs, 0);
}
END_TEST

/* Reads, yields, writes; notes where in the order of all it did so. */
struct yielder {
    struct task task;
    bool has_read;
    int read_at;
    int written_at;
    uint64_t turn;
};

static int yielders_order;

static void read_and_write(struct task *task)
{
    struct yielder *yielder = container_of(task, struct yielder, task);
    if (!yielder->has_read) {
        yielder->has_read = true;
        yielder->read_at = ++yielders_order;
        yielder->turn = loop_turns(loop);
        if (task_yield(task))
            return;
    }
    yielder->written_at = ++yielders_order;
    ck_assert(!task_yield(task)); /* once a turn, or the turn would not end */
    ck_assert_uint_eq(loop_turns(loop), yielder->turn);
    loop_stop(loop);
}

START_TEST(all_read_before_one_writes)
{
    struct yielder yielders[3] = {{.has_read = false}};
    yielders_order = 0;
    for (int i = 0; i < 3; i++) {
        task_init(&yielders[i].task, read_and_write);
        task_wake(&yielders[i].task);
    }
    loop_run(loop);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(yielders[i].read_at, i + 1);
        ck_assert_int_eq(yielders[i].written_at, i + 4);
        task_fini(&yielders[i].task);
    }
}
END_TEST

START_TEST(one_alone_does_not_yield)
{
    struct yielder yielder = {.has_read = false};
    yielders_order = 0;
    task_init(&yielder.task, read_and_write);
    task_wake(&yielder.task);
    loop_run(loop);
    ck_assert_int_eq(yielder.written_at, 2);
    task_fini(&yielder.task);
}
END_TEST

/* Timers */

enum { BEFORE_IT_COULD = 60, ALARMS = 6 };

struct alarm {
    struct task task;
    struct timer timer;
    uint64_t turn; /* in which it rang */
};

static unsigned rung;

static void ring(struct task *task)
{
    struct alarm *alarm = container_of(task, struct alarm, task);
    ck_assert(timer_is_due(&alarm->timer)); /* never early */
    timer_clear(&alarm->timer);
    alarm->turn = loop_turns(loop);
    if (++rung == ALARMS)
        loop_stop(loop);
}

/* How late they are is the machine's affair; but none that is due later comes in an earlier turn. */
START_TEST(timers_come_in_their_order)
{
    static const msec spans[ALARMS] = {100, 1, 600, 30, 0, 8};
    struct alarm alarms[ALARMS];
    rung = 0;
    clock_update();
    for (size_t i = 0; i < ALARMS; i++) {
        task_init(&alarms[i].task, ring);
        timer_init(&alarms[i].timer, &alarms[i].task);
        timer_set(&alarms[i].timer, spans[i]);
    }
    loop_run(loop);
    ck_assert_uint_eq(rung, ALARMS);
    for (size_t i = 0; i < ALARMS; i++)
        for (size_t j = 0; j < ALARMS; j++)
            ck_assert(spans[i] > spans[j] || alarms[i].turn <= alarms[j].turn);
    for (size_t i = 0; i < ALARMS; i++)
        timer_fini(&alarms[i].timer);
}
END_TEST

START_TEST(a_timer_is_set_anew)
{
    struct timer timer;
    timer_init(&timer, &waiter.task);
    ck_assert(!timer_is_set(&timer) && !timer_is_due(&timer));
    timer_set(&timer, MSEC_HOUR);
    timer_set(&timer, 10); /* earlier */
    ck_assert(timer_is_set(&timer));
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(timer_is_due(&timer));
    timer_set(&timer, 10);
    timer_set(&timer, MSEC_HOUR);
    ck_assert(!wait_for_wake(&waiter, BEFORE_IT_COULD));
    ck_assert(timer_is_set(&timer) && !timer_is_due(&timer));
    timer_set(&timer, 10);
    timer_clear(&timer);
    ck_assert(!wait_for_wake(&waiter, BEFORE_IT_COULD));
    timer_set(&timer, 10);
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    timer_clear(&timer);
    ck_assert(!timer_is_set(&timer) && !timer_is_due(&timer));
    timer_fini(&timer);
}
END_TEST

/* Letters */

struct numbered {
    struct letter letter;
    int sender;
    int number;
};

static int received[SENDERS];

static void deliver(struct letter *letter)
{
    struct numbered *numbered = container_of(letter, struct numbered, letter);
    ck_assert_int_eq(numbered->number, received[numbered->sender]++);
    if (received[numbered->sender] == LETTERS)
        task_wake(&waiter.task);
    free(numbered);
}

static void *send_letters(void *arg)
{
    for (int i = 0; i < LETTERS; i++) {
        struct numbered *numbered = must_calloc(1, sizeof *numbered);
        numbered->sender = (int)(intptr_t)arg;
        numbered->number = i;
        numbered->letter.deliver = deliver;
        loop_post(loop, &numbered->letter);
    }
    return NULL;
}

static bool have_all(void)
{
    for (int i = 0; i < SENDERS; i++)
        if (received[i] < LETTERS)
            return false;
    return true;
}

START_TEST(letters_arrive_in_order)
{
    pthread_t threads[SENDERS];
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&threads[i], NULL, send_letters, (void *)(intptr_t)i);
    while (!have_all())
        ck_assert(wait_for_wake(&waiter, PATIENCE));
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

/* Two loops throw a letter to and fro. */
struct ball {
    struct letter letter;
    struct loop *ends[2];
    int throws;
};

static void catch (struct letter *letter)
{
    struct ball *ball = container_of(letter, struct ball, letter);
    struct loop *here = loop_current(), *there = ball->ends[here == ball->ends[0]];
    if (++ball->throws < 1000) {
        loop_post(there, letter);
    } else {
        loop_stop(there);
        loop_stop(here);
    }
}

static struct loop *other_loop;
static sem_t other_is_there, other_may_end;

static void *run_loop(void *unused)
{
    (void)unused;
    struct loop *other = loop_new();
    other_loop = other;
    sem_post(&other_is_there);
    loop_run(other);
    sem_wait(&other_may_end); /* nobody is about to ring its bell */
    loop_free(other);
    return NULL;
}

START_TEST(two_loops_and_the_watchdogs_view)
{
    pthread_t thread;
    sem_init(&other_is_there, 0, 0);
    sem_init(&other_may_end, 0, 0);
    pthread_create(&thread, NULL, run_loop, NULL);
    sem_wait(&other_is_there);
    struct ball ball = {.letter.deliver = catch, .ends = {loop, other_loop}};
    loop_post(ball.ends[1], &ball.letter);
    loop_run(loop);
    sem_post(&other_may_end);
    ck_assert_uint_gt(loop_turns(loop), 0);
    ck_assert(!loop_is_waiting(loop));
    pthread_join(thread, NULL);
    ck_assert_int_eq(ball.throws, 1000);
}
END_TEST

/* Helpers */

struct job {
    struct helper_job job;
    int value;
    pthread_t worker;
};

static int jobs_left;

static void work(struct helper_job *of)
{
    struct job *job = container_of(of, struct job, job);
    job->worker = pthread_self();
    job->value *= 2;
}

static void done(struct helper_job *of)
{
    struct job *job = container_of(of, struct job, job);
    ck_assert(!pthread_equal(job->worker, pthread_self()));
    ck_assert_int_eq(job->value % 2, 0);
    free(job);
    if (--jobs_left == 0)
        task_wake(&waiter.task);
}

START_TEST(helpers_bring_jobs_back)
{
    for (int round = 0; round < 2; round++) {
        jobs_left = 200;
        for (int i = 0; i < 200; i++) {
            struct job *job = must_calloc(1, sizeof *job);
            job->value = i;
            job->job.work = work;
            job->job.done = done;
            helper_give(&job->job);
        }
        ck_assert(wait_for_wake(&waiter, PATIENCE));
        helper_shutdown();
    }
}
END_TEST

/* Readiness */

START_TEST(edges)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    struct ready ready;
    ready_init(&ready, ends[0], false, false);
    ready.reader = &waiter.task;
    ready.writer = &waiter.task;
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(ready.may_write && !ready.may_read && !ready.is_closed);
    ck_assert(!wait_for_wake(&waiter, 30));
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(ready.may_read && !ready.is_closed);
    ready.may_read = false;
    ck_assert(!wait_for_wake(&waiter, 30)); /* an edge is told once */
    close(ends[1]);
    ck_assert(wait_for_wake(&waiter, PATIENCE));
    ck_assert(ready.may_read && ready.is_closed);
    ready_fini(&ready);
    close(ends[0]);
}
END_TEST

Suite *suite_loop(void);
Suite *suite_loop(void)
{
    Suite *suite = suite_create("loop");
    TCase *tests = tcase_create("loop");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, a_task_runs_once_for_many_wakes);
    tcase_add_test(tests, a_task_that_wakes_itself_runs_in_the_next_turn);
    tcase_add_test(tests, a_task_may_take_out_another);
    tcase_add_test(tests, all_read_before_one_writes);
    tcase_add_test(tests, one_alone_does_not_yield);
    tcase_add_test(tests, timers_come_in_their_order);
    tcase_add_test(tests, a_timer_is_set_anew);
    tcase_add_test(tests, letters_arrive_in_order);
    tcase_add_test(tests, two_loops_and_the_watchdogs_view);
    tcase_add_test(tests, helpers_bring_jobs_back);
    tcase_add_test(tests, edges);
    suite_add_tcase(suite, tests);
    return suite;
}
