/*
 * A server as one thread knows it: its idle connections, and, of a pool's server, the load that all threads share
 * (server_load.h).
 *
 * Pools have one for each `server` line; forward mode makes one for each host and port that it reaches and forgets it
 * when nothing is connected any more. Counted: by its pool, and by each connection.
 */
#ifndef UPSTREAM_SERVER_H
#define UPSTREAM_SERVER_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "net/tls.h"

#include <stdbool.h>

struct upstreams;
struct upstream;

enum server_standing {
    SERVER_IN_POOL, /* of the newest configuration */
    SERVER_HOST,    /* of forward mode: stands in upstreams->hosts, which does not count it */
    SERVER_RETIRED  /* no pool has it any more: what is in use ends as it will, and no connection is kept */
};

struct server {
    struct upstreams *upstreams;
    unsigned refs;
    struct str text;  /* HOST:PORT, owned */
    struct list idle; /* of struct upstream, the last used first */
    unsigned idle_count;
    unsigned idle_most;
    struct server_load *load;         /* counted; NULL for a host of forward mode */
    struct tls_client *tls;           /* counted; NULL: spoken to in clear */
    struct tls_resumption resumption; /* of its last TLS connection */
    unsigned turn;                    /* rotates over the addresses of a name */
    enum server_standing standing;
};

/* `text` is copied; `load` and `tls` (borrowed) may be NULL. One reference. */
struct server *server_new(struct upstreams *upstreams, struct str text, unsigned idle_most,
                          struct server_load *taken_load, struct tls_client *tls);
struct server *server_ref(struct server *server);
void server_unref(struct server *server);

/* A connection is used, or being made. Returns how many there are now, over all threads (0 for a host of forward
   mode). */
unsigned server_enter(struct server *server);
void server_leave(struct server *server);
unsigned server_active(const struct server *server);

/* For server_load_failed() and its like; a host of forward mode is never put aside. */
void server_failed(struct server *server);
void server_succeeded(struct server *server);
bool server_is_ejected(const struct server *server);

#endif
