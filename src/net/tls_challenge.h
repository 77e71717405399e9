/*
 * Challenges tls-alpn-01 (RFC 8737) under way: whoever offers the protocol "acme-tls/1" alone, and asks for a name that
 * is being proved, is shown the certificate that proves it, and nothing else; the connection ends with its handshake.
 *
 * One table for all threads, behind a lock that nobody takes while the table is empty.
 */
#ifndef NET_TLS_CHALLENGE_H
#define NET_TLS_CHALLENGE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_server;

/* `name` in normal form, `pem` terminated. Replaces what stood under the number. False: the certificate cannot be
   used. */
bool tls_challenge_set(unsigned number, struct str name, const char *pem);
void tls_challenge_over(unsigned number);

bool tls_challenges_are_there(void);
/* A reference, for a name in normal form (at == NULL: none); NULL: it is not being proved. */
struct tls_server *tls_challenge_find(struct str name);

#endif
