/*
 * What all threads together know of a pool's server: how many connections are in use, and how it has behaved lately.
 * For max-connections and for passive ejection, which are of the server and not of a thread.
 *
 * Found by pool and server, so that it outlives a reload. Counted; the numbers are atomics and may be a moment old.
 */
#ifndef UPSTREAM_SERVER_LOAD_H
#define UPSTREAM_SERVER_LOAD_H

#include "base/clock.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct server_load {
    unsigned refs; /* under the registry's lock */
    struct str key;
    atomic_uint active;            /* connections in use or being made */
    atomic_uint failures;          /* in a row, within the window */
    _Atomic int64_t first_failure; /* us of the monotonic clock */
    _Atomic int64_t ejected_until; /* likewise; 0: not */
    _Atomic int64_t told;          /* likewise, when its TLS was last told to have failed; 0: never */
};

/* One reference. From any thread. */
struct server_load *server_load_get(struct str pool, struct str server);
void server_load_unref(struct server_load *load);

/* Passive ejection: 3 failures in 10 s put a server aside for 10 s; a success clears the count. */
void server_load_failed(struct server_load *load);
void server_load_succeeded(struct server_load *load);
bool server_load_is_ejected(const struct server_load *load);
/* Once a minute: may it be told that no TLS connection has come about? */
bool server_load_may_tell(struct server_load *load, struct mono now);

#endif
