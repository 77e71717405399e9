/*
 * A server as one thread knows it: its address, its idle connections, how many are in use, and how it has behaved lately.
 *
 * Pools have one for each `server` line; forward mode makes one for each host and port that it reaches and forgets it when nothing is
 * connected any more. Counted: by its pool or table, and by each connection.
 */
#ifndef UPSTREAM_SERVER_H
#define UPSTREAM_SERVER_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"

#include <stdbool.h>

struct upstreams;
struct upstream;

struct server {
    struct upstreams *upstreams;
    unsigned refs;
    struct str text;  /* HOST:PORT, owned */
    struct list idle; /* of struct upstream, the last used first */
    unsigned idle_count;
    unsigned idle_most;
    unsigned active;   /* connections in use or being made */
    unsigned failures; /* in a row, within FAILURE_WINDOW */
    struct mono first_failure;
    struct mono ejected_until; /* us == 0: not */
    unsigned turn;             /* rotates over the addresses of a name */
    bool is_host;              /* stands in upstreams->hosts, which does not count it */
};

/* `text` is copied. One reference. */
struct server *server_new(struct upstreams *upstreams, struct str text, unsigned idle_most);
struct server *server_ref(struct server *server);
void server_unref(struct server *server);

/* Passive ejection (security.md): 3 failures in 10 s put a server aside for 10 s; a success clears the count. */
void server_failed(struct server *server);
void server_succeeded(struct server *server);
bool server_is_ejected(const struct server *server);

#endif
