/*
 * A client's connection from its accept until its TLS handshake is done. It owns the transport, and frees itself when
 * it is over, one way or the other. A handshake that fails or takes too long ends the connection, with an alert where
 * the protocol has one.
 */
#ifndef NET_TLS_ARRIVAL_H
#define NET_TLS_ARRIVAL_H

#include "base/clock.h"
#include "net/tls.h"
#include "net/transport.h"

struct tls_arrival;

struct tls_arrival_owner {
    /* The gate to come in by. Asked for with the first byte, so that who was silent during a reload gets the new one;
       borrowed until it is over. */
    const struct tls_gate *(*gate)(void *owner);
    void (*arrived)(void *owner, struct transport *taken);
    /* It speaks HTTP in clear: `taken` is as it was accepted, `rest` what was read of it, to be emptied, and `waited`
       how long ago it was accepted. */
    void (*in_clear)(void *owner, struct transport *taken, struct buffer *rest, msec waited);
    /* `name` is the one that was asked for, at == NULL: none; `why` in words, NULL: the client has sent nothing at all.
       The connection is closed after it. */
    void (*failed)(void *owner, struct str name, const char *why);
};

/* `taken` was accepted so long ago; `rest` has what was read of it meanwhile, and is emptied. */
struct tls_arrival *tls_arrival_new(struct transport *taken, struct buffer *rest, msec waited, msec patience,
                                    const struct tls_arrival_owner *ops, void *owner);
/* Nothing of a handshake is there, or seen to come. */
bool tls_arrival_is_silent(const struct tls_arrival *arrival);
/* Closes at once; the owner is not told. */
void tls_arrival_free(struct tls_arrival *arrival);

#endif
