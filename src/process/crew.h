/*
 * The worker's threads that carry traffic: each has a loop and a hub. All calls on the main thread, whose loop gets the
 * news.
 */
#ifndef PROCESS_CREW_H
#define PROCESS_CREW_H

#include "base/addr.h"
#include "proxy/hub.h"

#include <stdbool.h>

struct crew;
struct opener;

/* On the main thread's loop. */
struct crew_ops {
    void (*adopted)(void *owner, unsigned number); /* every thread serves that generation */
    void (*ended)(void *owner);                    /* the last thread has ended */
};

/* A listening socket on its way to its thread. */
struct given {
    struct given *next;
    unsigned thread;
    struct addr addr;
    int fd; /* owned */
};
void given_free(struct given *given); /* the whole chain, closing the sockets */

/* Nothing runs yet. `opener` is borrowed. */
struct crew *crew_new(unsigned threads, struct opener *opener, const struct crew_ops *ops, void *owner);
/* After `ended`, or when nothing was ever adopted. */
void crew_free(struct crew *crew);

/* Hands a generation to every thread (each takes a reference of its own) and the sockets to theirs; one whose address a
   thread serves already, or that the generation has no gate for, is closed. The first one starts the threads. */
void crew_adopt(struct crew *crew, struct generation *generation, struct given *taken);
/* Each thread ends when its last connection has. */
void crew_drain(struct crew *crew);
/* Each thread ends at once. */
void crew_stop(struct crew *crew);
bool crew_is_running(const struct crew *crew);

/* The sum over all threads. */
void crew_count(struct crew *crew, struct hub_counts *ret);

#endif
