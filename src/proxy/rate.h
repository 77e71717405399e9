/*
 * Watches one direction of one exchange for a peer that is too slow: nothing at all for too long, or, over each time of
 * grace anew, fewer bytes a second than the minimum. Time counts only while that peer owes bytes (or owes to take
 * them). It only judges: relay.c, and exchange.c for answers of our own, end the exchange.
 */
#ifndef PROXY_RATE_H
#define PROXY_RATE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t bytes;         /* as of the last look */
    uint64_t window_from;   /* bytes when the present window began */
    msec owed;              /* time that the peer has owed in it */
    struct mono last_look;  /* us == 0: not looked at yet */
    struct mono last_moved; /* when `bytes` last changed */
    bool was_owed;          /* at the last look: else it is not known since when */
};

enum rate_verdict { RATE_FINE, RATE_IDLE, RATE_TOO_SLOW };

/* Looks once: `bytes` moved so far, whether the peer owes right now; `idle` without a byte, `minimum` bytes a second
   after `grace` (0: none). To be called about once a second. */
enum rate_verdict rate_look(struct rate *rate, uint64_t bytes, bool is_owed, msec idle, uint64_t minimum, msec grace);

#endif
