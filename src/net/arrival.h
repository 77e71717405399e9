/*
 * A connection that begins with a PROXY header, from its accept until the header is read. What comes after it (HTTP
 * now, TLS later) finds the transport as if it had just been accepted, but for the bytes that came together with the
 * header.
 *
 * It owns the transport, and frees itself when it is over, one way or the other. There is no answer to a header that is
 * wrong, late or missing: the connection is closed.
 */
#ifndef NET_ARRIVAL_H
#define NET_ARRIVAL_H

#include "base/clock.h"
#include "net/proxy_header.h"
#include "net/transport.h"

struct arrival;

struct arrival_owner {
    /* The header has come; `rest` is what was read beyond it, and the callee's, who empties it. `waited`: since the
       accept. */
    void (*arrived)(void *owner, struct transport *taken, struct buffer *rest, const struct proxy_header *header,
                    msec waited);
    /* The connection is closed. `why` is a literal; NULL: nothing at all was sent. */
    void (*failed)(void *owner, const char *why);
};

/* `taken` is freshly accepted; `patience` is all the time that the header has. */
struct arrival *arrival_new(struct transport *taken, msec patience, const struct arrival_owner *ops, void *owner);
/* Closes at once; the owner is not told. */
void arrival_free(struct arrival *arrival);
/* Nothing has come, or is seen to come. */
bool arrival_is_silent(const struct arrival *arrival);

/* The process ends, or the address is served no more: from now on the header has a second at most. */
void arrival_drain(struct arrival *arrival);

#endif
