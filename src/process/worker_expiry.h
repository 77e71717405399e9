/*
 * Certificates that are about to expire, or have: told by the loader when a configuration or a certificate is loaded,
 * and from then on once a day, those that clients are shown and those that servers are.
 */
#ifndef PROCESS_WORKER_EXPIRY_H
#define PROCESS_WORKER_EXPIRY_H

#include "base/text.h"
#include "conf/config.h"
#include "loop/timer.h"

struct worker_expiry {
    struct timer timer; /* when they are told next */
};

/* `who` is woken once a day. */
void worker_expiry_init(struct worker_expiry *expiry, struct task *who);
void worker_expiry_fini(struct worker_expiry *expiry);
/* The loader has told them: the next day begins. */
void worker_expiry_loaded(struct worker_expiry *expiry);
/* A line for each, if a day has passed; `now` in seconds since 1970. */
void worker_expiry_tell(struct worker_expiry *expiry, const struct config *config, int64_t now, struct text *into);

#endif
