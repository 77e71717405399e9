/*
 * The readiness of a descriptor: one edge-triggered event, added once, for reading, writing and closing; remembered in
 * flags, so that nothing is asked of the kernel in the steady state.
 *
 * `may_read` and `may_write` are true until a call says EAGAIN (or is short); whoever finds them false stores itself in
 * `reader` or `writer` and is woken by the next edge. The peer's FIN can come in the same event as its last bytes:
 * after is_closed one reads on to 0, short reads notwithstanding.
 */
#ifndef LOOP_READY_H
#define LOOP_READY_H

#include "loop/task.h"

#include <event2/event_struct.h>
#include <stdbool.h>

struct ready {
    struct event event;
    struct task *reader;
    struct task *writer;
    bool may_read;
    bool may_write;
    bool is_closed; /* a FIN or reset was seen */
};

/* Watches `fd` (borrowed, non-blocking) from now on. `may_read` and `may_write` are the flags' first values: what is
   already known. */
void ready_init(struct ready *ready, int fd, bool may_read, bool may_write);
/* Before the descriptor is closed. */
void ready_fini(struct ready *ready);

#endif
