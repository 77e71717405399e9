/*
 * A lazy timer: setting one that is pending to a later instant is a store. When it expires it wakes its task; the code
 * that runs then asks timer_is_due().
 *
 * Hierarchical wheel of the thread's loop, ticks of 8 ms: a timer fires up to one tick late and never early.
 */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include "base/clock.h"
#include "base/list.h"
#include "loop/task.h"

#include <stdbool.h>

struct timer {
    struct list link;  /* in a slot of the wheel */
    struct mono due;   /* us == 0: not set */
    uint64_t tick;     /* at which its slot is looked at, when linked */
    struct task *task; /* borrowed */
};

void timer_init(struct timer *timer, struct task *task);
void timer_fini(struct timer *timer);
/* From now on. A span of 0 fires in the next turn but one tick. */
void timer_set(struct timer *timer, msec span);
void timer_clear(struct timer *timer);
bool timer_is_set(const struct timer *timer);
/* Set, and its instant has come. Stays so until it is set anew or cleared. */
bool timer_is_due(const struct timer *timer);

#endif
