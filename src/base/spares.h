/*
 * Pieces of memory of one size that a thread keeps to itself when they are given back, since the next of them is wanted
 * soon. What was not wanted for a while goes back to the system (proxy/tidy.h): a rush does not leave its memory behind
 * for ever.
 */
#ifndef BASE_SPARES_H
#define BASE_SPARES_H

#include "base/must.h"

#include <stddef.h>
#include <stdlib.h>

struct spare {
    struct spare *next;
};

/* Of one thread; begins zeroed. */
struct spares {
    struct spare *first; /* the last given back is the first taken: it is in the cache */
    unsigned count;
    unsigned least; /* `count` at its lowest since the last look: what nobody wanted */
};

/* Not zeroed. Never NULL. */
static inline void *spares_take(struct spares *spares, size_t size)
{
    struct spare *spare = spares->first;
    if (spare == NULL)
        return must_alloc(size);
    spares->first = spare->next;
    spares->count--;
    if (spares->count < spares->least)
        spares->least = spares->count;
    return spare;
}

/* Beyond `max` it goes back to the system. */
static inline void spares_give(struct spares *spares, void *piece, unsigned max)
{
    struct spare *spare = piece;
    if (spares->count >= max) {
        free(piece);
        return;
    }
    spare->next = spares->first;
    spares->first = spare;
    spares->count++;
}

/* Frees those that were not wanted since the last call. Returns how many. */
unsigned spares_trim(struct spares *spares);
/* Frees all. */
void spares_free(struct spares *spares);

#endif
