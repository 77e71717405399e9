/*
 * What an administrator may want to know of connections that no access log has, to clients that never came to a
 * request, and to servers in whose place others have answered: lines on stderr, as nginx has them in its error log.
 * Written by a thread of their own, so that nobody waits for the terminal.
 *
 * Strangers cause those of clients, so they are few: at most NOTICE_RATE a second of the whole process; the rest is
 * counted, and told by the next. Those of servers have a share of their own, so that no stranger can keep them from
 * being told.
 */
#ifndef OBSERVE_NOTICE_H
#define OBSERVE_NOTICE_H

#include "base/clock.h"

#include <stdbool.h>

enum { NOTICE_RATE = 10 };

enum notice_of { NOTICE_CLIENT, NOTICE_SERVER, NOTICE_KINDS };

/* From now on there are some. `taken_fd` is owned; -1: they are lost. */
void notice_begin(int taken_fd);
/* Before logs_shutdown(). */
void notice_end(void);

/* One line, "gatehouse: …"; text of peers comes escaped, or is of a kind that needs none. From any thread; never
   blocks. Before notice_begin(): nothing. */
void notice(enum notice_of of, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The share of a second: true while lines may be written at `now`. *ret_missed: how many were left out since the last
   that was. Pure but for `share`. */
struct notice_share {
    struct mono began;
    unsigned used;
    uint64_t missed;
};
bool notice_may(struct notice_share *share, struct mono now, uint64_t *ret_missed);

#endif
