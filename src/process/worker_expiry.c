#include "process/worker_expiry.h"

enum { DAY_MS = 24 * MSEC_HOUR };

static void tell(const struct certificate_conf *conf, const struct certificate_facts *facts, int64_t now,
                 struct text *into)
{
    if (facts->is_made || !certificate_is_ending(facts, now)) /* another will be made in time */
        return;
    text_printf(into, "gatehouse: the certificate %s ", conf->certificate_path);
    certificate_tell_end(facts, now, into);
    text_add_char(into, '\n');
}

static void tell_of_servers(const struct config *config, int64_t now, struct text *into)
{
    struct certificate_facts facts;
    for (size_t i = 0; i < config->tls_server_count; i++) {
        const struct tls_server_conf *server = config->tls_servers[i];
        for (size_t k = 0; k < server->certificate_count; k++) {
            tls_server_facts(server->built, k, &facts, NULL);
            tell(&server->certificates[k], &facts, now, into);
        }
    }
}

static void tell_of_pools(const struct config *config, int64_t now, struct text *into)
{
    struct certificate_facts facts;
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct certificate_conf *shown = pool_certificate(config->pools[i]);
        if (shown == NULL)
            continue;
        tls_client_facts(config->pools[i]->tls->built, &facts, NULL);
        tell(shown, &facts, now, into);
    }
}

void worker_expiry_init(struct worker_expiry *expiry, struct task *who)
{
    timer_init(&expiry->timer, who);
}

void worker_expiry_fini(struct worker_expiry *expiry)
{
    timer_fini(&expiry->timer);
}

void worker_expiry_loaded(struct worker_expiry *expiry)
{
    timer_set(&expiry->timer, DAY_MS);
}

void worker_expiry_tell(struct worker_expiry *expiry, const struct config *config, int64_t now, struct text *into)
{
    if (!timer_is_due(&expiry->timer))
        return;
    timer_set(&expiry->timer, DAY_MS);
    tell_of_servers(config, now, into);
    tell_of_pools(config, now, into);
}
