#include "upstream/server_load.h"

#include "base/map.h"
#include "base/must.h"

#include <pthread.h>
#include <stdlib.h>

enum { FAILURES_MAX = 3, FAILURE_WINDOW_MS = 10000, EJECTION_MS = 10000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map registry; /* "POOL\0SERVER" to struct server_load, which it does not count */

static struct server_load *server_load_new(struct str key)
{
    struct server_load *load = must_calloc(1, sizeof *load);
    char *copy = must_alloc(key.len);
    memcpy(copy, key.at, key.len);
    load->key = str_from(copy, key.len);
    map_put(&registry, load->key, load);
    return load;
}

struct server_load *server_load_get(struct str pool, struct str server)
{
    size_t len = pool.len + 1 + server.len;
    char *key = must_calloc(1, len);
    if (pool.len > 0)
        memcpy(key, pool.at, pool.len);
    memcpy(key + pool.len + 1, server.at, server.len);
    pthread_mutex_lock(&lock);
    struct server_load *load = map_get(&registry, str_from(key, len));
    if (load == NULL)
        load = server_load_new(str_from(key, len));
    load->refs++;
    pthread_mutex_unlock(&lock);
    free(key);
    return load;
}

void server_load_unref(struct server_load *load)
{
    if (load == NULL)
        return;
    pthread_mutex_lock(&lock);
    must(load->refs > 0);
    bool is_last = --load->refs == 0;
    if (is_last)
        map_remove(&registry, load->key);
    if (registry.count == 0)
        map_fini(&registry);
    pthread_mutex_unlock(&lock);
    if (!is_last)
        return;
    free((char *)(uintptr_t)load->key.at);
    free(load);
}

/* Two threads may count at once; a failure more or less does not matter. */
void server_load_failed(struct server_load *load)
{
    struct mono now = clock_mono();
    struct mono first = {atomic_load_explicit(&load->first_failure, memory_order_relaxed)};
    unsigned failures = atomic_load_explicit(&load->failures, memory_order_relaxed);
    if (failures == 0 || mono_since(first, now) > FAILURE_WINDOW_MS) {
        atomic_store_explicit(&load->first_failure, now.us, memory_order_relaxed);
        atomic_store_explicit(&load->failures, 0, memory_order_relaxed);
    }
    if (atomic_fetch_add_explicit(&load->failures, 1, memory_order_relaxed) + 1 < FAILURES_MAX)
        return;
    atomic_store_explicit(&load->ejected_until, mono_after(now, EJECTION_MS).us, memory_order_relaxed);
    atomic_store_explicit(&load->failures, 0, memory_order_relaxed);
}

/* Reads first: every answer comes by here, and a line that all threads write would be passed around between the
   cores. */
void server_load_succeeded(struct server_load *load)
{
    if (atomic_load_explicit(&load->failures, memory_order_relaxed) != 0)
        atomic_store_explicit(&load->failures, 0, memory_order_relaxed);
    if (atomic_load_explicit(&load->ejected_until, memory_order_relaxed) != 0)
        atomic_store_explicit(&load->ejected_until, 0, memory_order_relaxed);
}

bool server_load_is_ejected(const struct server_load *load)
{
    return atomic_load_explicit(&load->ejected_until, memory_order_relaxed) > clock_mono().us;
}

bool server_load_may_tell(struct server_load *load, struct mono now)
{
    int64_t told = atomic_load_explicit(&load->told, memory_order_relaxed);
    if (told != 0 && mono_since((struct mono){told}, now) < MSEC_MINUTE)
        return false;
    return atomic_compare_exchange_strong(&load->told, &told, now.us);
}
