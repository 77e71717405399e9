/*
 * Challenges http-01 (RFC 8555 8.3) under way: what is asked for below /.well-known/acme-challenge/ is answered from
 * here, whatever rules the block of the host has.
 *
 * One table for all threads, behind a lock that nobody takes while the table is empty.
 */
#ifndef PROXY_HTTP_CHALLENGE_H
#define PROXY_HTTP_CHALLENGE_H

#include "base/arena.h"
#include "http/facts.h"

/* `host` in normal form. Replaces what stood under the number. */
void http_challenge_set(unsigned number, struct str host, struct str token, struct str authorization);
void http_challenge_over(unsigned number);

/* The key authorization for a GET or HEAD, in the arena; at == NULL: nothing of the kind is asked for. */
struct str http_challenge_answer(const struct facts *facts, struct arena *arena);

#endif
