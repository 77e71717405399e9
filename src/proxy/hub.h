/*
 * The traffic of one thread: its listeners, client connections, connections to servers, resolver, and the generation of
 * the configuration that new requests get. All calls on the hub's own thread.
 */
#ifndef PROXY_HUB_H
#define PROXY_HUB_H

#include "base/opener.h"
#include "proxy/generation.h"

#include <stdbool.h>

struct hub;

/* `opener` serves the resolver's files. Borrowed; it must outlive the hub. */
struct hub *hub_new(struct generation *generation, struct opener *opener);
/* Closes everything at once. */
void hub_free(struct hub *hub);

/* From now on new requests get this generation, also those on connections accepted before. Listeners whose address no
   gate has any more are closed; their connections end after the exchange under way. Pools keep idle connections to
   servers that remain. */
void hub_adopt(struct hub *hub, struct generation *generation);
/* Serves a listening socket, now owned; the current generation has a gate for its address. */
void hub_listen(struct hub *hub, const struct addr *address, int taken_fd);
bool hub_is_listening(const struct hub *hub, const struct addr *address);

/* Closes listeners and idle connections; exchanges under way finish, their answers say `Connection: close`. */
void hub_drain(struct hub *hub);
/* No client connection is left. */
bool hub_is_empty(const struct hub *hub);

/* For `status`: cheap counters of this thread; read from any thread. */
struct hub_counts {
    uint64_t connections_accepted;
    uint64_t connections_refused; /* beyond connections-per-client */
    uint64_t connections_open;
    uint64_t headers_refused;   /* PROXY headers that were wrong, late or missing */
    uint64_t handshakes_failed; /* of clients' TLS */
    uint64_t requests;
    uint64_t answers[6]; /* by status class; [0]: none could be given */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t tunnels_open;
    uint64_t upstream_connects;
    uint64_t upstream_reuses;
    uint64_t upstream_idle;
    uint64_t upstream_failures;
    uint64_t accept_pauses;
};
void hub_count(const struct hub *hub, struct hub_counts *ret);

/* The pseudonym in Via, random for each start of the worker; set once before the first hub. */
void hub_set_pseudonym(struct str text);
struct str hub_pseudonym(void);

#endif
