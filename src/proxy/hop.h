/*
 * What ends at a hop: the fields that are never forwarded (RFC 9110 section 7.6.1), and Via, by which loops are found
 * (7.6.3).
 */
#ifndef PROXY_HOP_H
#define PROXY_HOP_H

#include "http/fields.h"

#include <stdbool.h>

/*
 * Copies the end-to-end fields of `from` behind those of `to`. Left out: the hop-by-hop fields of the table, framing
 * and Host (which are written from the head's members), and what Connection names; but Connection cannot take away what
 * gatehouse knows (credentials, cookies, forwarding fields …), or a client could strip what the servers rely on.
 */
void hop_copy(const struct fields *from, struct fields *to);

/* Adds us to Via: `1.minor PSEUDONYM`, behind what stands there. */
void hop_add_via(struct fields *fields, uint8_t minor, struct str pseudonym, struct arena *arena);
/* Has the request been here before? */
bool hop_is_loop(const struct fields *fields, struct str pseudonym);

/* Max-Forwards of OPTIONS (RFC 9110 7.6.2; TRACE goes nowhere): 0, so that we are to answer; else one less is passed
   on. */
bool hop_is_last(const struct fields *fields);
void hop_count(struct fields *fields, struct arena *arena);

#endif
