#include "upstream/connection.h"

#include "base/counter.h"
#include "base/descriptors.h"
#include "base/must.h"
#include "upstream/server.h"
#include "upstream/upstreams.h"

#include <stdlib.h>

static bool may_be_kept(const struct upstream *upstream)
{
    const struct server *server = upstream->server;
    return http1_client_is_reusable(upstream->http) && !upstream->is_personal &&
           server->idle_count < server->idle_most && server->standing != SERVER_RETIRED &&
           !server->upstreams->is_closing;
}

static void leave_idle(struct upstream *upstream)
{
    list_remove(&upstream->link);
    list_remove(&upstream->all);
    upstream->server->idle_count--;
    counter_add(&upstream->server->upstreams->counts.idle, -1);
    descriptors_idle(-1);
    timer_clear(&upstream->timer);
    transport_unwatch(http1_client_transport(upstream->http));
}

static void destroy(struct upstream *upstream)
{
    task_fini(&upstream->task);
    timer_fini(&upstream->timer);
    http1_client_free(upstream->http);
    server_unref(upstream->server);
    free(upstream);
}

void upstream_close(struct upstream *upstream)
{
    leave_idle(upstream);
    destroy(upstream);
}

/* Woken while idle: whatever the server has to say, it was not asked. */
static void run_idle(struct task *task)
{
    struct upstream *upstream = container_of(task, struct upstream, task);
    bool is_quiet = transport_is_quiet(http1_client_transport(upstream->http));
    if (is_quiet && !timer_is_due(&upstream->timer))
        return;
    upstream_close(upstream);
}

struct upstream *upstream_new(struct server *server, struct transport *taken, const struct addr *peer)
{
    struct upstream *upstream = must_calloc(1, sizeof *upstream);
    list_init(&upstream->link);
    list_init(&upstream->all);
    upstream->server = server_ref(server);
    upstream->http = http1_client_new(taken);
    upstream->peer = *peer;
    task_init(&upstream->task, run_idle);
    timer_init(&upstream->timer, &upstream->task);
    server_enter(server);
    return upstream;
}

void upstream_free(struct upstream *upstream)
{
    server_leave(upstream->server);
    destroy(upstream);
}

void upstream_give(struct upstream *upstream, msec idle_timeout)
{
    struct server *server = upstream->server;
    if (!may_be_kept(upstream)) {
        upstream_free(upstream);
        return;
    }
    server_leave(server);
    server->idle_count++;
    counter_add(&server->upstreams->counts.idle, 1);
    descriptors_idle(1);
    upstream->is_reused = true;
    list_push_front(&server->idle, &upstream->link);
    list_push_back(&server->upstreams->idle, &upstream->all);
    timer_set(&upstream->timer, idle_timeout);
    transport_watch(http1_client_transport(upstream->http), &upstream->task);
}

struct upstream *upstream_take(struct server *server, bool (*may)(void *arg, const struct addr *peer), void *arg)
{
    list_each_safe(link, &server->idle) {
        struct upstream *upstream = container_of(link, struct upstream, link);
        if (!transport_is_quiet(http1_client_transport(upstream->http))) {
            upstream_close(upstream);
            continue;
        }
        if (may != NULL && !may(arg, &upstream->peer))
            continue;
        leave_idle(upstream);
        task_fini(&upstream->task);
        server_enter(server);
        counter_add(&server->upstreams->counts.reuses, 1);
        return upstream;
    }
    return NULL;
}

void upstream_close_idle(struct server *server)
{
    list_each_safe(link, &server->idle)
        upstream_close(container_of(link, struct upstream, link));
}
