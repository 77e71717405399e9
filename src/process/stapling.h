/*
 * The staples of all certificates that are served: asked for in the background, on the worker's main loop, which has no
 * traffic; and asked for again long before they expire. Whatever a responder does or does not, handshakes go on:
 * without a staple, when there is none that is good.
 */
#ifndef PROCESS_STAPLING_H
#define PROCESS_STAPLING_H

#include "base/opener.h"
#include "conf/config.h"

struct stapling;

/* On the calling thread's loop. `opener` serves the resolver's files; borrowed. */
struct stapling *stapling_new(struct opener *opener);
void stapling_free(struct stapling *stapling);
/* Certificates have changed: those of `config` (counted) are what is served now. What is known of those that were there
   before stays. */
void stapling_set(struct stapling *stapling, struct config *config);

#endif
