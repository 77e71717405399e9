/*
 * Room for one more connection, over all threads: whether somebody waits for it, and who could give it.
 *
 * Each thread has its own clients, but the room is the process's: the one for which a connection waits in one thread
 * may be held, for nothing, by a client that rests in another.
 */
#ifndef PROXY_ROOM_H
#define PROXY_ROOM_H

#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>

struct loop;
struct room_member;

/* Each on the member's own thread, and only as long as somebody waits. */
struct room_ops {
    void (*asked)(struct room_member *member); /* who waits in another thread needs what this one can give */
    void (*told)(struct room_member *member);  /* there may be room now */
};

/* A thread that shares the room. */
struct room_member {
    struct list link;
    struct loop *loop;
    const struct room_ops *ops;
    atomic_bool is_asked, is_told; /* by a note that is on its way */
};

/* The calling thread's, one at most. */
void room_join(struct room_member *member, const struct room_ops *ops);
void room_leave(struct room_member *member);

/* One more (1) or less (-1) listener has somebody waiting. */
void room_waiters(int change);
/* Somebody waits, in any thread. */
bool room_is_wanted(void);
/* Asks, or tells, all other threads. */
void room_ask(const struct room_member *member);
void room_tell(const struct room_member *member);

#endif
