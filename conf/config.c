#include "conf/config.h"

#include "base/must.h"
#include "base/object.h"
#include "base/regex.h"

#include <stdlib.h>
#include <unistd.h>

struct config *config_ref(struct config *config)
{
    unsigned before = atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    must(before > 0);
    return config;
}

void config_unref(struct config *config)
{
    if (config == NULL || atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < config->condition_count; i++)
        expression_fini(config->conditions[i]);
    for (size_t i = 0; i < config->regex_count; i++)
        regex_free(config->regexes[i]);
    for (size_t i = 0; i < config->folder_count; i++)
        close(config->folders[i]);
    for (size_t i = 0; i < config->list_count; i++)
        if (config->lists[i].compiled != NULL)
            list_unref(config->lists[i].compiled);
    for (size_t i = 0; i < config->pool_count; i++)
        if (config->pools[i]->tls != NULL)
            tls_client_unref(config->pools[i]->tls->built);
    for (size_t i = 0; i < config->tls_server_count; i++)
        tls_server_unref(config->tls_servers[i]->built);
    arena_reset(&config->arena);
    free(config);
    object_count_down(OBJECT_CONFIG);
}
