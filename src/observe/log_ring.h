/*
 * The bytes of one thread on their way to one log file: a ring with one producer and one consumer. Two hold it, the
 * producer's thread and the file; the last to let go frees it.
 */
#ifndef OBSERVE_LOG_RING_H
#define OBSERVE_LOG_RING_H

#include "base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct log_ring {
    struct log_ring *next; /* of the file; the writer's once it is in the list */
    uint64_t file_serial;  /* never used twice */
    _Atomic unsigned holders;
    _Atomic bool is_pressed; /* the writer was told that it is getting full */
    _Atomic bool has_producer;
    size_t size;                      /* a power of two */
    _Alignas(64) _Atomic size_t head; /* bytes put, ever; the producer's */
    _Alignas(64) _Atomic size_t tail; /* bytes taken, ever; the consumer's */
    char bytes[];
};

struct log_ring *log_ring_new(uint64_t file_serial, size_t size);
void log_ring_release(struct log_ring *ring);

/* Puts the line and its end, or nothing. `ret_used`: bytes in the ring, after it. */
bool log_ring_put(struct log_ring *ring, struct str line, size_t *ret_used);
/* The bytes that are there, in one or two pieces; returns how many pieces. */
unsigned log_ring_peek(const struct log_ring *ring, struct str ret_pieces[2]);
void log_ring_drop(struct log_ring *ring, size_t len);
bool log_ring_is_empty(const struct log_ring *ring);

/* This thread's ring for the file, or NULL when it has none yet. */
struct log_ring *log_ring_of_thread(uint64_t file_serial);
/* Makes it this thread's; the thread lets go of it when it ends. */
void log_ring_keep(struct log_ring *ring);

#endif
