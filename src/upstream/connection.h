/*
 * A connection to a server, from the moment it is made until it is closed; while nobody uses it, it waits in its
 * server's idle list, where a byte, an end or a time-out closes it.
 */
#ifndef UPSTREAM_CONNECTION_H
#define UPSTREAM_CONNECTION_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "http1/client.h"
#include "loop/task.h"
#include "loop/timer.h"

struct server;

struct upstream {
    struct list link;      /* in the server's idle list */
    struct list all;       /* in the thread's list of idle connections, the longest idle first */
    struct server *server; /* counted */
    struct http1_client *http;
    struct addr peer;
    bool is_reused;   /* it has served before */
    bool is_personal; /* it began by saying for whom it is: never kept */
    struct task task; /* while idle */
    struct timer timer;
};

/* `taken` is connected. In use: counted as active. */
struct upstream *upstream_new(struct server *server, struct transport *taken, const struct addr *peer);
/* Closes it; it is in use. */
void upstream_free(struct upstream *upstream);
/* The exchange is over: keeps the connection for the next if it may be, else closes it. */
void upstream_give(struct upstream *upstream, msec idle_timeout);
/* The connection used last, still quiet, and allowed by `may` (NULL: any); or NULL. */
struct upstream *upstream_take(struct server *server, bool (*may)(void *arg, const struct addr *peer), void *arg);
/* Closes an idle connection. */
void upstream_close(struct upstream *upstream);
/* Closes all idle connections of a server; the caller holds a reference to it. */
void upstream_close_idle(struct server *server);

#endif
