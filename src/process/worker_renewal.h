/*
 * A certificate of the configuration that is served, which the supervisor has read anew: loaded beside the others on a
 * helper thread, and shown from then on by every thread: to clients, to servers, or to both.
 */
#ifndef PROCESS_WORKER_RENEWAL_H
#define PROCESS_WORKER_RENEWAL_H

#include "base/text.h"
#include "conf/config.h"
#include "loop/helper.h"

struct worker;

struct worker_renewal {
    struct helper_job job;
    struct worker *worker; /* NULL: nobody wants to hear of it any more */
    unsigned number;
    unsigned index;        /* of the certificate, as pairs_conf() counts them */
    struct config *config; /* counted */
    bool is_done;
    struct text told; /* mistakes and warnings */
};

/* Begins on a helper thread; worker_renewal_done() is called on the loop, unless the renewal was abandoned. */
struct worker_renewal *worker_renewal_new(struct worker *worker, unsigned number, unsigned index,
                                          struct config *config);
void worker_renewal_free(struct worker_renewal *renewal);
/* It frees itself; NULL is none. */
void worker_renewal_abandon(struct worker_renewal *renewal);

/* The worker's; frees it. */
void worker_renewal_done(struct worker_renewal *renewal);

#endif
