/*
 * The heads that pass through a reverse block: what the server is told of the client, and what the client is not told
 * of the server.
 */
#ifndef REVERSE_EDIT_H
#define REVERSE_EDIT_H

#include "http/head.h"
#include "modes/reverse/reverse_conf.h"
#include "net/listen_conf.h"

/* Drops what only a proxy may say – X-Forwarded-*, Forwarded, X-Real-IP, Client-Cert and their like, whatever `how`
   says, and fields by which some servers let the path be overridden – and says it afresh; adds X-Request-Id. */
void reverse_tell_client(struct fields *request, enum forwarded_fields how, const struct facts *facts,
                         struct arena *arena);

/* Is a field of that name among those? */
bool reverse_drops_from_client(struct str name);

/* Takes out of a server's answer what names its software, and puts the public authority into Location, Content-Location
   and Refresh where they name one of the pool's own addresses. `pool` may be NULL. Via keeps only the member with
   `pseudonym`. */
void reverse_conceal(struct fields *response, const struct pool_conf *pool, struct str pseudonym,
                     const struct facts *facts, struct arena *arena);

/* Is a field of that name, which gatehouse does not know, among those that it takes out or changes? */
bool reverse_conceals(struct str name);

/* `forwarded from CIDR...`: when the peer is one of `trusted`, the right-most address of X-Forwarded-For that is not;
   if all are, the left-most. What is no address ends the search. Else the peer. The address may have a port. */
struct ip reverse_client_address(const struct ip *peer, const struct cidr_set *trusted, const struct fields *request);

#endif
