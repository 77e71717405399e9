/*
 * What an administrator may want to know of connections that no access log has, since they never came to a request:
 * lines on stderr, as nginx has them in its error log at the level info. Written by a thread of their own, so that
 * nobody waits for the terminal.
 *
 * Strangers cause them, so they are few: at most NOTICE_RATE a second of the whole process; the rest is counted, and
 * told by the next.
 */
#ifndef OBSERVE_NOTICE_H
#define OBSERVE_NOTICE_H

#include "base/clock.h"

#include <stdbool.h>

enum { NOTICE_RATE = 10 };

/* From now on there are some. `taken_fd` is owned; -1: they are lost. */
void notice_begin(int taken_fd);
/* Before logs_shutdown(). */
void notice_end(void);

/* One line, "gatehouse: …"; text of peers comes escaped, or is of a kind that needs none. From any thread; never
   blocks. Before notice_begin(): nothing. */
void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The share of a second: true while lines may be written at `now`. *ret_missed: how many were left out since the last
   that was. Pure but for `share`. */
struct notice_share {
    struct mono began;
    unsigned used;
    uint64_t missed;
};
bool notice_may(struct notice_share *share, struct mono now, uint64_t *ret_missed);

#endif
