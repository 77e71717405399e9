#include "process/watchdog.h"

#include "loop/loop.h"
#include "loop/timer.h"

#include <check.h>
#include <signal.h>
#include <time.h>

/* A loop whose first turn never ends, or that has nothing to do. */
struct thread {
    struct watchdog *watchdog;
    struct task task;
    struct timer timer;
    void (*work)(struct task *task);
};

static void spin(struct task *task)
{
    (void)task;
    for (volatile unsigned i = 0;; i++)
        ;
}

static void pause_then_stop(struct task *task)
{
    (void)task;
    const struct timespec pause = {.tv_sec = 2, .tv_nsec = 600 * 1000000L}; /* longer than it may work */
    nanosleep(&pause, NULL);
    loop_stop(loop_current());
}

static void *serve(void *arg)
{
    struct thread *thread = arg;
    struct loop *loop = loop_new();
    task_init(&thread->task, thread->work);
    watchdog_add(thread->watchdog, 0, pthread_self(), loop);
    task_wake(&thread->task);
    loop_run(loop);
    watchdog_remove(thread->watchdog, 0);
    loop_free(loop);
    return NULL;
}

static void watch(void (*work)(struct task *task))
{
    struct thread thread = {.watchdog = watchdog_new(1), .work = work};
    pthread_t id;
    ck_assert_int_eq(pthread_create(&id, NULL, serve, &thread), 0);
    pthread_join(id, NULL);
    watchdog_free(thread.watchdog);
}

START_TEST(test_a_thread_that_spins_ends_the_process)
{
    watch(spin);
}
END_TEST

START_TEST(test_a_thread_that_sleeps_does_not)
{
    watch(pause_then_stop);
}
END_TEST

Suite *suite_watchdog(void)
{
    Suite *suite = suite_create("watchdog");
    TCase *tests = tcase_create("watchdog");
    tcase_set_timeout(tests, 60);
    tcase_add_test_raise_signal(tests, test_a_thread_that_spins_ends_the_process, SIGABRT);
    tcase_add_test(tests, test_a_thread_that_sleeps_does_not);
    suite_add_tcase(suite, tests);
    return suite;
}
