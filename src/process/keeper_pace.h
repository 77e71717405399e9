/*
 * How fast the keeper signs: so many signatures a second and no more, spread evenly, with a tenth of a second's worth at
 * once, since whoever has broken into a worker may ask without end. It only counts: keeper.c lets questions wait.
 */
#ifndef PROCESS_KEEPER_PACE_H
#define PROCESS_KEEPER_PACE_H

#include "base/clock.h"

#include <stdint.h>

struct pace {
    uint64_t per_second;   /* 0: as many as are asked for */
    uint64_t credit;       /* millionths of signatures */
    struct mono looked_at; /* the credit is as of then */
};

/* Begins with all that may be made at once. */
void pace_init(struct pace *pace, uint64_t per_second, struct mono now);
/* So many may be made now, `most` at the most. */
int pace_allows(struct pace *pace, int most, struct mono now);
/* They were. */
void pace_spend(struct pace *pace, int count);
/* How long until one more may be made, rounded up: as of the last pace_allows(). */
msec pace_wait(const struct pace *pace);

#endif
