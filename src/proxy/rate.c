#include "proxy/rate.h"

/* A new window begins: what was owed before is settled. */
static void begin_window(struct rate *rate, uint64_t bytes)
{
    rate->owed = 0;
    rate->window_from = bytes;
}

enum rate_verdict rate_look(struct rate *rate, uint64_t bytes, bool is_owed, msec idle, uint64_t minimum, msec grace)
{
    struct mono now = clock_mono();
    bool is_first = rate->last_look.us == 0;
    msec span = is_first ? 0 : mono_since(rate->last_look, now);
    rate->last_look = now;
    if (!rate->was_owed || bytes != rate->bytes || !is_owed)
        rate->last_moved = now;
    if (!rate->was_owed)
        span = 0;
    rate->was_owed = is_owed;
    rate->bytes = bytes;
    if (is_first)
        begin_window(rate, bytes);
    if (!is_owed)
        return RATE_FINE;
    rate->owed += span;
    if (mono_since(rate->last_moved, now) >= idle)
        return RATE_IDLE;
    if (minimum == 0 || rate->owed <= grace)
        return RATE_FINE;
    uint64_t least = minimum * (uint64_t)rate->owed / 1000;
    if (bytes - rate->window_from < least)
        return RATE_TOO_SLOW;
    begin_window(rate, bytes);
    return RATE_FINE;
}
