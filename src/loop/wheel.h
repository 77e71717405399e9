/*
 * The wheel behind timers: four levels of 64 slots. Private to loop/.
 */
#ifndef LOOP_WHEEL_H
#define LOOP_WHEEL_H

#include "loop/timer.h"

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 64, WHEEL_TICK_MS = 8 };

struct wheel {
    uint64_t now;                    /* the tick up to which everything has fired */
    uint64_t occupied[WHEEL_LEVELS]; /* a bit for each slot that may hold timers */
    struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, struct mono now);
void wheel_add(struct wheel *wheel, struct timer *timer);
/* Wakes the tasks of all timers that are due by `now`. */
void wheel_advance(struct wheel *wheel, struct mono now);
/* Milliseconds from `now` to the next tick at which there may be work, at least 0; -1: no timer at all. */
msec wheel_next(const struct wheel *wheel, struct mono now);

#endif
