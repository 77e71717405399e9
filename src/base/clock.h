/*
 * Two clocks that do not mix: monotonic time for time-outs, wall time for dates; and spans in a type that carries the
 * unit.
 *
 * A loop reads the clocks once a turn (clock_update()); everything that runs in that turn sees the same instant.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* A span of time in milliseconds. */
typedef int64_t msec;

enum { MSEC_SECOND = 1000, MSEC_MINUTE = 60 * MSEC_SECOND, MSEC_HOUR = 60 * MSEC_MINUTE };

struct mono {
    int64_t us; /* since some unspecified instant */
};

struct wall {
    int64_t us; /* since 1970-01-01 00:00 UTC, without leap seconds */
};

/* As of this thread's last clock_update(). */
struct mono clock_mono(void);
struct wall clock_wall(void);
void clock_update(void);

static inline struct mono mono_after(struct mono from, msec span)
{
    return (struct mono){from.us + span * 1000};
}

static inline msec mono_since(struct mono earlier, struct mono later)
{
    return (later.us - earlier.us) / 1000;
}

static inline int64_t wall_seconds(struct wall wall)
{
    return wall.us / 1000000;
}

#endif
