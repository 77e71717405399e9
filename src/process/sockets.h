/*
 * The listening sockets, held open by the supervisor whatever becomes of workers: one for each thread where the address
 * allows, one alone for a unix socket.
 *
 * A reload makes the set of the new configuration beside that in force; what both have is the same sockets. Then one of
 * them is dropped: what the other does not have is closed.
 */
#ifndef PROCESS_SOCKETS_H
#define PROCESS_SOCKETS_H

#include "base/diag.h"
#include "conf/config.h"

#include <stdbool.h>

struct sockets;

/* For every address of the configuration. `current` may be NULL. NULL when an address cannot be listened on: told in
   `diag`, and what was opened is closed again. */
struct sockets *sockets_open(const struct config *config, unsigned threads, const struct sockets *current,
                             struct diag *diag);
/* Closes what `kept` (may be NULL) does not have. */
void sockets_free(struct sockets *sockets, const struct sockets *kept);

/* Passes each socket to a worker; false when it takes nothing. */
bool sockets_pass(const struct sockets *sockets, int channel);
size_t sockets_count(const struct sockets *sockets); /* addresses */

#endif
