/*
 * How much memory peers make the worker hold: arenas, buffers, codecs; not the cache and not the lists.
 *
 * Each thread counts for itself and hands its sum on in steps of 64 KiB, so that the shared counter costs nothing; it
 * is exact to within that step for every thread. The limit is `limits { memory SIZE }`.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts bytes taken (positive) or given back (negative) by this thread. */
void memory_count(ptrdiff_t change);
/* Bytes in use, all threads. Never below 0. */
size_t memory_in_use(void);

/* 0 means no limit. May be set again at a reload. */
void memory_set_limit(size_t bytes);
/* What part of the limit is in use, in percent; 0 without a limit. */
unsigned memory_pressure(void);

/* Hands on what this thread has not yet: at the end of a thread. */
void memory_thread_done(void);

#endif
