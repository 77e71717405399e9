/*
 * The event loop of a thread: one libevent base, a queue of woken tasks, a wheel of timers, a mailbox.
 *
 * A turn: wait for the network, read the clocks, wake what is due, then run the tasks that were woken so far.
 * Everything of a loop is touched by its own thread only, but for loop_post() and loop_stop().
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include "base/list.h"
#include "loop/task.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct event_base;

/* Makes the calling thread's loop; there is at most one. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* The calling thread's. */
struct loop *loop_current(void);
struct event_base *loop_base(struct loop *loop);

/* Returns after loop_stop(). */
void loop_run(struct loop *loop);
/* From any thread. */
void loop_stop(struct loop *loop);

/* Turns begun so far; and the thread's own CPU clock: for the watchdog, from any thread. */
uint64_t loop_turns(const struct loop *loop);
bool loop_is_waiting(const struct loop *loop);

/* A message to another thread's loop. Embedded in what is sent; `deliver` runs on the receiving loop, which from then
   on owns it. */
struct letter {
    struct letter *next;
    void (*deliver)(struct letter *letter);
};
/* From any thread. Letters of one sender arrive in order. */
void loop_post(struct loop *loop, struct letter *letter);

#endif
