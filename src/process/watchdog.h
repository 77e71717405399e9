/*
 * Aborts the worker when one of its threads has used two seconds of its own CPU time in one turn of its loop: a
 * supervisor that starts a new worker is better than a thread that never comes back. A thread that waits, or is not run
 * by the kernel, uses none.
 *
 * The message says which thread, and the stack of that very thread follows (as it does after a failed assertion).
 */
#ifndef PROCESS_WATCHDOG_H
#define PROCESS_WATCHDOG_H

#include <pthread.h>

struct loop;
struct watchdog;

/* Have stacks printed when the process aborts; before the sandbox is entered, since it loads a library. */
void watchdog_prepare(void);

/* Begins to watch, with a thread of its own, at most `room` loops. */
struct watchdog *watchdog_new(unsigned room);
/* From the thread whose loop it is, or while it lives. */
void watchdog_add(struct watchdog *watchdog, unsigned number, pthread_t thread, const struct loop *loop);
/* Before a loop ends. */
void watchdog_remove(struct watchdog *watchdog, unsigned number);
void watchdog_free(struct watchdog *watchdog);

#endif
