#include "upstream/server.h"

#include "base/counter.h"
#include "base/must.h"
#include "upstream/server_load.h"
#include "upstream/upstreams.h"

#include <stdlib.h>

struct server *server_new(struct upstreams *upstreams, struct str text, unsigned idle_most,
                          struct server_load *taken_load, struct tls_client *tls)
{
    struct server *server = must_calloc(1, sizeof *server);
    server->upstreams = upstreams;
    server->refs = 1;
    server->text = str_from(must_copy(text.at, text.len), text.len);
    server->idle_most = idle_most;
    server->load = taken_load;
    server->tls = tls != NULL ? tls_client_ref(tls) : NULL;
    list_init(&server->idle);
    return server;
}

struct server *server_ref(struct server *server)
{
    server->refs++;
    return server;
}

void server_unref(struct server *server)
{
    must(server->refs > 0);
    if (--server->refs > 0)
        return;
    must(list_is_empty(&server->idle));
    if (server->standing == SERVER_HOST)
        map_remove(&server->upstreams->hosts, server->text);
    server_load_unref(server->load);
    tls_resumption_fini(&server->resumption);
    tls_client_unref(server->tls);
    free((char *)(uintptr_t)server->text.at);
    free(server);
}

unsigned server_enter(struct server *server)
{
    return server->load != NULL ? atomic_fetch_add_explicit(&server->load->active, 1, memory_order_relaxed) + 1 : 0;
}

void server_leave(struct server *server)
{
    if (server->load != NULL)
        atomic_fetch_sub_explicit(&server->load->active, 1, memory_order_relaxed);
}

unsigned server_active(const struct server *server)
{
    return server->load != NULL ? atomic_load_explicit(&server->load->active, memory_order_relaxed) : 0;
}

void server_failed(struct server *server)
{
    counter_add(&server->upstreams->counts.failures, 1);
    if (server->load != NULL)
        server_load_failed(server->load);
}

void server_succeeded(struct server *server)
{
    if (server->load != NULL)
        server_load_succeeded(server->load);
}

bool server_is_ejected(const struct server *server)
{
    return server->load != NULL && server_load_is_ejected(server->load);
}
