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

/* A thread that may be asked. */
struct room {
    struct list link;
    struct loop *loop;
    void (*asked)(struct room *room); /* on its own thread: somebody elsewhere waits for room */
    atomic_bool is_asked;
};

/* The calling thread's, one at most. */
void room_join(struct room *room, void (*asked)(struct room *room));
void room_leave(struct room *room);

/* A listener has somebody waiting (true), or no longer has (false). */
void room_want(bool is_wanted);
/* Somebody waits for room, in any thread. */
bool room_is_wanted(void);
/* Asks all other threads. */
void room_ask(const struct room *room);

#endif
