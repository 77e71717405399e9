/*
 * Poll and wake. An operation is an object; you poll it, handing in the task to wake; it answers MORE, WAIT, END or
 * FAIL; you cancel it by freeing it. No function calls back into its caller: news only wakes a task, which runs later,
 * on an empty stack, from the loop.
 *
 * The five laws:
 *  1. A wake is a hint; it may be spurious. Who is woken re-examines.
 *  2. The waker (the `struct task *who` of the last poll that answered WAIT) is stored only inside the polled object.
 *  3. Who waits owns what it waits for: freeing the owner frees the operation, and with it the stored waker.
 *  4. The loop drains a snapshot of its queue: a task that wakes itself runs in the next turn, after the network was
 *     looked at. A pipe has a byte budget a turn.
 *  5. WAIT without an arranged wake is a bug.
 */
#ifndef LOOP_TASK_H
#define LOOP_TASK_H

#include "base/list.h"

#include <stdbool.h>

enum flow {
    FLOW_MORE, /* progress was made and more can be made at once: poll again (or later, for fairness) */
    FLOW_WAIT, /* nothing more now; the task given will be woken */
    FLOW_END,  /* done, successfully */
    FLOW_FAIL  /* done, and failed; the object says why */
};

struct task {
    struct list link; /* in the loop's queue while it is woken */
    void (*run)(struct task *task);
};

void task_init(struct task *task, void (*run)(struct task *task));
/* Takes it out of the queue. */
void task_fini(struct task *task);
/* Queues it on this thread's loop; once, however often it is woken. NULL is nobody. */
void task_wake(struct task *task);
/* For a running task that has read and is about to write: true: it has to WAIT now, and runs again in this same turn,
   when the others have read too; false: it may go on. What reads and what writes is thus done in runs: the kernel's
   code stays in the cache, and a peer that serves many of our connections is woken once for all of them. */
bool task_yield(struct task *task);

#endif
