/*
 * A pool as one thread knows it: its servers, and whose turn it is.
 */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include "upstream/pool_conf.h"
#include "upstream/server.h"

struct pool_member {
    struct server *server; /* counted */
    int credit;            /* of the smooth weighted round-robin */
};

struct pool {
    const struct pool_conf *conf; /* of the generation in force */
    struct pool_member *members;  /* one for each of conf->servers */
};

/* Servers that `old` (may be NULL) has too are taken over, with their idle connections. Members of equal lines share
   one server: together they have the sum of their weights. */
struct pool *pool_new(struct upstreams *upstreams, const struct pool_conf *conf, struct pool *old);
void pool_free(struct pool *pool);

/*
 * The next server by smooth weighted round-robin: each usable one gets its weight as credit, the one with the most
 * serves and pays the sum of all. Usable: not `down`, not ejected, not full, not in `tried` (a flag for each member).
 * When none is, a backup; when all that is left is ejected, those count as usable after all. Returns the index, or -1.
 */
int pool_choose(struct pool *pool, const bool *tried);

#endif
