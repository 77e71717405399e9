#include "upstream/upstreams.h"

#include "base/hostname.h"
#include "base/must.h"
#include "base/number.h"
#include "upstream/connection.h"
#include "upstream/pool.h"

#include <limits.h>
#include <stdlib.h>

void upstreams_init(struct upstreams *upstreams, struct resolver *resolver, const struct upstreams_ops *ops)
{
    *upstreams = (struct upstreams){.ops = ops, .resolver = resolver};
    map_init(&upstreams->hosts);
    list_init(&upstreams->idle);
}

unsigned upstreams_shed(struct upstreams *upstreams, unsigned count)
{
    unsigned closed = 0;
    while (closed < count && !list_is_empty(&upstreams->idle)) {
        struct upstream *oldest = container_of(upstreams->idle.next, struct upstream, all);
        upstream_close(oldest);
        closed++;
    }
    return closed;
}

void upstreams_fini(struct upstreams *upstreams)
{
    upstreams->is_closing = true;
    upstreams_shed(upstreams, UINT_MAX);
    upstreams_set_pools(upstreams, NULL, 0);
    map_fini(&upstreams->hosts);
}

static struct pool *pool_of_name(struct pool *const *pools, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(pools[i]->conf->name.text, name))
            return pools[i];
    return NULL;
}

struct pool *upstreams_pool(struct upstreams *upstreams, const struct pool_conf *conf)
{
    if (conf->index < upstreams->pool_count && upstreams->pools[conf->index]->conf == conf)
        return upstreams->pools[conf->index];
    return pool_of_name(upstreams->pools, upstreams->pool_count, conf->name.text);
}

static void set_standing(struct pool *const *pools, size_t count, enum server_standing standing)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < pools[i]->conf->server_count; k++)
            pools[i]->members[k].server->standing = standing;
}

/* Idle connections of a server that no pool has any more are of no use. */
static void close_retired(struct pool *pool)
{
    for (size_t i = 0; i < pool->conf->server_count; i++)
        if (pool->members[i].server->standing == SERVER_RETIRED)
            upstream_close_idle(pool->members[i].server);
}

void upstreams_set_pools(struct upstreams *upstreams, const struct pool_conf *const *confs, size_t count)
{
    struct pool **pools = count > 0 ? must_calloc(count, sizeof(struct pool *)) : NULL;
    for (size_t i = 0; i < count; i++)
        pools[i] = pool_new(upstreams, confs[i],
                            pool_of_name(upstreams->pools, upstreams->pool_count, confs[i]->name.text));
    set_standing(upstreams->pools, upstreams->pool_count, SERVER_RETIRED);
    set_standing(pools, count, SERVER_IN_POOL);
    for (size_t i = 0; i < upstreams->pool_count; i++) {
        close_retired(upstreams->pools[i]);
        pool_free(upstreams->pools[i]);
    }
    free(upstreams->pools);
    upstreams->pools = pools;
    upstreams->pool_count = count;
}

struct server *upstreams_host(struct upstreams *upstreams, struct str host, uint16_t port, unsigned idle_most)
{
    char key[HOSTNAME_MAX + 1 + NUMBER_TEXT_MAX];
    must(host.len <= HOSTNAME_MAX);
    memcpy(key, host.at, host.len);
    key[host.len] = ':';
    struct str text = str_from(key, (size_t)(number_write(key + host.len + 1, port) - key));
    struct server *server = map_get(&upstreams->hosts, text);
    if (server != NULL) {
        if (server->idle_most < idle_most)
            server->idle_most = idle_most;
        return server_ref(server);
    }
    server = server_new(upstreams, text, idle_most, NULL, NULL);
    server->standing = SERVER_HOST;
    map_put(&upstreams->hosts, server->text, server);
    return server;
}
