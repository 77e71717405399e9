/* Whose turn it is. When a server is down, in the sense that it cannot be reached: reach.c tries one other, as long as
   nothing was written to the first; server_load.c counts, and after three failures within ten seconds puts it aside for
   ten; and a server put aside is chosen all the same when no other is left (CHOOSE_EJECTED below). The `down` of the
   configuration is something else: never to be chosen. */
#include "upstream/pool.h"

#include "base/must.h"
#include "upstream/connection.h"
#include "upstream/server_load.h"

#include <limits.h>
#include <stdlib.h>

static struct tls_client *tls_of(const struct server_conf *conf)
{
    return conf->tls != NULL ? conf->tls->built : NULL;
}

/* Among the first `count` members. One that is trusted for other reasons is another server: its connections are not
   what is asked for. */
static struct server *find_server(const struct pool *pool, size_t count, const struct server_conf *conf)
{
    for (size_t i = 0; i < count; i++) {
        struct server *server = pool->members[i].server;
        if (str_eq(server->text, conf->text) && server->tls == tls_of(conf))
            return server;
    }
    return NULL;
}

/* Equal lines are one server, from the first load on. */
static struct server *make_server(struct upstreams *upstreams, const struct pool *pool, size_t i,
                                  const struct pool *old)
{
    const struct pool_conf *conf = pool->conf;
    const struct server_conf *line = &conf->servers[i];
    struct server *known = find_server(pool, i, line);
    if (known == NULL && old != NULL)
        known = find_server(old, old->conf->server_count, line);
    if (known != NULL)
        return server_ref(known);
    return server_new(upstreams, line->text, conf->connections, server_load_get(conf->name.text, line->text),
                      tls_of(line));
}

struct pool *pool_new(struct upstreams *upstreams, const struct pool_conf *conf, struct pool *old)
{
    struct pool *pool = must_calloc(1, sizeof *pool);
    pool->conf = conf;
    pool->members = must_calloc(conf->server_count, sizeof *pool->members);
    for (size_t i = 0; i < conf->server_count; i++) {
        pool->members[i].server = make_server(upstreams, pool, i, old);
        pool->members[i].server->idle_most = conf->connections;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    for (size_t i = 0; i < pool->conf->server_count; i++)
        server_unref(pool->members[i].server);
    free(pool->members);
    free(pool);
}

enum choice { CHOOSE_PRIMARY, CHOOSE_BACKUP, CHOOSE_EJECTED, CHOICES };

static bool is_usable(const struct pool *pool, size_t i, enum choice choice)
{
    const struct server_conf *conf = &pool->conf->servers[i];
    const struct server *server = pool->members[i].server;
    if (conf->is_down || (conf->max_connections > 0 && server_active(server) >= conf->max_connections))
        return false;
    if (choice == CHOOSE_EJECTED)
        return true;
    return conf->is_backup == (choice == CHOOSE_BACKUP) && !server_is_ejected(server);
}

static int choose(struct pool *pool, const bool *tried, enum choice choice)
{
    int total = 0, best = -1;
    for (size_t i = 0; i < pool->conf->server_count; i++) {
        if (tried[i] || !is_usable(pool, i, choice))
            continue;
        struct pool_member *member = &pool->members[i];
        int weight = (int)pool->conf->servers[i].weight;
        total += weight;
        member->credit += weight;
        if (best < 0 || member->credit > pool->members[best].credit)
            best = (int)i;
    }
    if (best >= 0)
        pool->members[best].credit -= total;
    return best;
}

int pool_choose(struct pool *pool, const bool *tried)
{
    int index = -1;
    for (enum choice choice = CHOOSE_PRIMARY; index < 0 && choice < CHOICES; choice++)
        index = choose(pool, tried, choice);
    return index;
}
