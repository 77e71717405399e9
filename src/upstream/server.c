#include "upstream/server.h"

#include "base/counter.h"
#include "base/must.h"
#include "upstream/upstreams.h"

#include <stdlib.h>

enum { FAILURES_MAX = 3, FAILURE_WINDOW_MS = 10000, EJECTION_MS = 10000 };

struct server *server_new(struct upstreams *upstreams, struct str text, unsigned idle_most)
{
    struct server *server = must_calloc(1, sizeof *server);
    char *copy = must_alloc(text.len + 1);
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    server->upstreams = upstreams;
    server->refs = 1;
    server->text = str_from(copy, text.len);
    server->idle_most = idle_most;
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
    if (server->is_host)
        map_remove(&server->upstreams->hosts, server->text);
    free((char *)(uintptr_t)server->text.at);
    free(server);
}

void server_failed(struct server *server)
{
    struct mono now = clock_mono();
    counter_add(&server->upstreams->counts.failures, 1);
    if (server->failures == 0 || mono_since(server->first_failure, now) > FAILURE_WINDOW_MS) {
        server->failures = 0;
        server->first_failure = now;
    }
    if (++server->failures < FAILURES_MAX)
        return;
    server->ejected_until = mono_after(now, EJECTION_MS);
    server->failures = 0;
}

void server_succeeded(struct server *server)
{
    server->failures = 0;
    server->ejected_until.us = 0;
}

bool server_is_ejected(const struct server *server)
{
    return server->ejected_until.us > clock_mono().us;
}
