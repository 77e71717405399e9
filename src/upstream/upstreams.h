/*
 * All that one thread knows of servers: its pools, the hosts that forward mode reaches, and the idle connections to
 * both.
 */
#ifndef UPSTREAM_UPSTREAMS_H
#define UPSTREAM_UPSTREAMS_H

#include "base/list.h"
#include "base/map.h"
#include "net/resolver.h"
#include "upstream/pool_conf.h"
#include "upstream/server.h"

struct pool;

struct upstreams_ops {
    /* No TLS connection came about with a server of a pool; told at most once a minute of each. Of a reason in words
       for the log. */
    void (*not_secured)(struct str pool, struct str server, const char *why);
};

struct upstreams {
    const struct upstreams_ops *ops;
    struct resolver *resolver; /* borrowed */
    struct pool **pools;       /* by pool_conf.index, of the newest configuration */
    size_t pool_count;
    struct map hosts; /* "host:port" to struct server: forward mode */
    struct list idle; /* all idle connections, the longest idle first */
    bool is_closing;  /* nothing is kept any more */
    struct {
        uint64_t connects;
        uint64_t reuses;
        uint64_t failures;
        uint64_t idle;
    } counts;
};

void upstreams_init(struct upstreams *upstreams, struct resolver *resolver, const struct upstreams_ops *ops);
/* Closes idle connections; none is in use any more. */
void upstreams_fini(struct upstreams *upstreams);

/* After a reload: pools of the new configuration; servers that stand in both, in a pool of the same name, keep their
   idle connections and what is known of them. */
void upstreams_set_pools(struct upstreams *upstreams, const struct pool_conf *const *confs, size_t count);
/* The pool of a configuration's block. An exchange of an older configuration gets the pool that has the name now; NULL
   when there is none. */
struct pool *upstreams_pool(struct upstreams *upstreams, const struct pool_conf *conf);

/* The server of a host and port, made when it is not known; one reference for the caller, the last of which
   (connections hold one each) forgets it. */
struct server *upstreams_host(struct upstreams *upstreams, struct str host, uint16_t port, unsigned idle_most);

/* Closes up to `count` idle connections, the longest idle first: descriptors or memory are short. Returns how many. */
unsigned upstreams_shed(struct upstreams *upstreams, unsigned count);

#endif
