#include "process/worker_renewal.h"

#include "base/must.h"
#include "conf/lint.h"
#include "process/pairs.h"
#include "process/remote_opener.h"

#include <stdlib.h>

static bool is_same(const struct certificate_conf *a, const struct certificate_conf *b)
{
    return strcmp(a->certificate_path, b->certificate_path) == 0 && strcmp(a->key_path, b->key_path) == 0;
}

/* Where it stands in the block, or -1. A block has each pair of files once: set_certificate() refuses a second. */
static ptrdiff_t place_in(const struct tls_server_conf *server, const struct certificate_conf *wanted)
{
    for (size_t i = 0; i < server->certificate_count; i++)
        if (is_same(&server->certificates[i], wanted))
            return (ptrdiff_t)i;
    return -1;
}

static bool shows(const struct pool_conf *pool, const struct certificate_conf *wanted)
{
    const struct certificate_conf *shown = pool_certificate(pool);
    return shown != NULL && is_same(shown, wanted);
}

static bool prepare(const struct config *config, const struct certificate_conf *wanted, struct diag *diag)
{
    bool is_fine = true;
    ptrdiff_t place;
    for (size_t i = 0; is_fine && i < config->tls_server_count; i++) {
        struct tls_server_conf *server = config->tls_servers[i];
        if ((place = place_in(server, wanted)) >= 0)
            is_fine = tls_server_renew(server->built, server, (size_t)place, remote_opener(), diag);
    }
    for (size_t i = 0; is_fine && i < config->pool_count; i++) {
        const struct tls_conf *tls = config->pools[i]->tls;
        if (shows(config->pools[i], wanted))
            is_fine = tls_client_renew(tls->built, tls, remote_opener(), diag);
    }
    return is_fine;
}

/* In all blocks and pools that have it, or in none. */
static bool renew(const struct config *config, const struct certificate_conf *wanted, struct diag *diag)
{
    bool is_fine = prepare(config, wanted, diag);
    for (size_t i = 0; i < config->tls_server_count; i++)
        if (place_in(config->tls_servers[i], wanted) >= 0)
            tls_server_renewed(config->tls_servers[i]->built, is_fine);
    for (size_t i = 0; i < config->pool_count; i++)
        if (shows(config->pools[i], wanted))
            tls_client_renewed(config->pools[i]->tls->built, is_fine);
    return is_fine;
}

/* As a reload would say it. */
static void lint(const struct config *config, const struct certificate_conf *renewed, struct diag *diag)
{
    for (size_t i = 0; i < config->reverse_count; i++) {
        const struct reverse_conf *reverse = &config->reverses[i];
        bool is_shown = reverse->tls != NULL && reverse->tls->source == CERTIFICATE_FILES;
        if (is_shown && place_in(reverse->tls, renewed) >= 0)
            lint_hosts(reverse, diag);
    }
}

static void work(struct helper_job *job)
{
    struct worker_renewal *renewal = container_of(job, struct worker_renewal, job);
    const struct certificate_conf *wanted = pairs_conf(renewal->config, renewal->index);
    struct diag diag;
    diag_init(&diag);
    renewal->is_done = wanted != NULL && renew(renewal->config, wanted, &diag);
    if (renewal->is_done)
        lint(renewal->config, wanted, &diag);
    diag_show(&diag, &renewal->told);
    diag_fini(&diag);
}

static void done(struct helper_job *job)
{
    struct worker_renewal *renewal = container_of(job, struct worker_renewal, job);
    if (renewal->worker != NULL)
        worker_renewal_done(renewal);
    else
        worker_renewal_free(renewal);
}

struct worker_renewal *worker_renewal_new(struct worker *worker, unsigned number, unsigned index, struct config *config)
{
    struct worker_renewal *renewal = must_calloc(1, sizeof *renewal);
    renewal->job.work = work;
    renewal->job.done = done;
    renewal->worker = worker;
    renewal->number = number;
    renewal->index = index;
    renewal->config = config_ref(config);
    text_init(&renewal->told);
    helper_give(&renewal->job);
    return renewal;
}

void worker_renewal_free(struct worker_renewal *renewal)
{
    config_unref(renewal->config);
    text_fini(&renewal->told);
    free(renewal);
}

void worker_renewal_abandon(struct worker_renewal *renewal)
{
    if (renewal != NULL)
        renewal->worker = NULL;
}
