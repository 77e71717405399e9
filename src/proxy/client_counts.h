/*
 * How many connections each client's address has open, over all threads: for limits { connections-per-client }.
 *
 * Sharded: a client that comes or goes locks one of 64 small tables, and only while the limit is set.
 */
#ifndef PROXY_CLIENT_COUNTS_H
#define PROXY_CLIENT_COUNTS_H

#include "base/addr.h"

#include <stdbool.h>

/* Counts one more connection of the address, unless it has `most` already: false then. */
bool client_counts_enter(const struct ip *ip, uint64_t most);
/* One that was counted has gone. */
void client_counts_leave(const struct ip *ip);

#endif
