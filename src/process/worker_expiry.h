/*
 * Certificates that are about to expire: told when a configuration is loaded, and from then on once a day, on standard error.
 */
#ifndef PROCESS_WORKER_EXPIRY_H
#define PROCESS_WORKER_EXPIRY_H

#include "conf/config.h"

void worker_tell_expiry(const struct config *config);

#endif
