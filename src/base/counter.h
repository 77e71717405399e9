/*
 * Numbers that one thread counts and others may read: each is whole, and may be a moment old. Costs what a plain
 * addition costs.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdint.h>

/* Only by the thread that owns the number. */
static inline void counter_add(uint64_t *number, int64_t by)
{
    __atomic_store_n(number, __atomic_load_n(number, __ATOMIC_RELAXED) + (uint64_t)by, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

#endif
