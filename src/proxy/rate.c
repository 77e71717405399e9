#include "proxy/rate.h"

enum rate_verdict rate_look(struct rate *rate, uint64_t bytes, bool is_owed, msec idle, uint64_t minimum, msec grace)
{
    struct mono now = clock_mono();
    bool is_first = rate->last_look.us == 0;
    msec span = is_first ? 0 : mono_since(rate->last_look, now);
    rate->last_look = now;
    if (is_first || bytes != rate->bytes || !is_owed)
        rate->last_moved = now;
    rate->bytes = bytes;
    if (!is_owed)
        return RATE_FINE;
    rate->owed += span;
    if (mono_since(rate->last_moved, now) >= idle)
        return RATE_IDLE;
    if (minimum == 0 || rate->owed <= grace)
        return RATE_FINE;
    uint64_t least = minimum * (uint64_t)rate->owed / 1000;
    return bytes < least ? RATE_TOO_SLOW : RATE_FINE;
}
