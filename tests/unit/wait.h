/*
 * Lets a test be written straight down: it polls an operation with waiter.task, and when that answers WAIT it runs the loop until the
 * task is woken. The loop sleeps in between, so a wake that was forgotten is seen.
 */
#ifndef TESTS_UNIT_WAIT_H
#define TESTS_UNIT_WAIT_H

#include "base/must.h"
#include "loop/loop.h"
#include "loop/timer.h"

struct waiter {
    struct task task;
    struct task guard_task;
    struct timer guard;
    bool is_woken;
};

static inline void waiter_woken(struct task *task)
{
    container_of(task, struct waiter, task)->is_woken = true;
    loop_stop(loop_current());
}

static inline void waiter_is_late(struct task *task)
{
    if (timer_is_due(&container_of(task, struct waiter, guard_task)->guard))
        loop_stop(loop_current());
}

static inline void waiter_init(struct waiter *waiter)
{
    task_init(&waiter->task, waiter_woken);
    task_init(&waiter->guard_task, waiter_is_late);
    timer_init(&waiter->guard, &waiter->guard_task);
    waiter->is_woken = false;
}

static inline void waiter_fini(struct waiter *waiter)
{
    task_fini(&waiter->task);
    task_fini(&waiter->guard_task);
    timer_fini(&waiter->guard);
}

/* True when the task was woken within `most`. */
static inline bool wait_for_wake(struct waiter *waiter, msec most)
{
    waiter->is_woken = false;
    clock_update();
    timer_set(&waiter->guard, most);
    loop_run(loop_current());
    timer_clear(&waiter->guard);
    return waiter->is_woken;
}

/* Runs the loop for so long, whoever is woken. */
static inline void run_for(struct waiter *waiter, msec span)
{
    clock_update();
    struct mono until = mono_after(clock_mono(), span);
    while (clock_mono().us < until.us)
        wait_for_wake(waiter, mono_since(clock_mono(), until) + 1);
}

#endif
