/*
 * A connection from a client whose TLS is passed through: its first flight is read and held, then it is handed to its
 * owner as the stream of one exchange, which speaks no HTTP. The hello's name is the authority of the stream's head.
 * What answers is a TLS alert, by the status that HTTP would have; a tunnel begins with the held bytes.
 *
 * It owns its transport and frees itself when it ends; whoever owns the exchange is cancelled first. A client that
 * sends nothing is closed without a word when timeouts { tls-handshake } are over.
 */
#ifndef PROXY_PASSTHROUGH_H
#define PROXY_PASSTHROUGH_H

#include "http1/server.h"

struct passthrough;

/* `taken` is freshly accepted; `rest` has what was read of it already, and is emptied. Of `ops` the limits are those of
   the listener's gate. */
struct passthrough *passthrough_new(struct transport *taken, struct buffer *rest, const struct http1_owner *ops,
                                    void *owner);
/* Closes at once; an exchange under way is cancelled. `closed` is not called. */
void passthrough_free(struct passthrough *passthrough);
/* Nothing has come, or is seen to come. */
bool passthrough_is_silent(const struct passthrough *passthrough);
/* One that has not sent anything has little time left; others go on. */
void passthrough_drain(struct passthrough *passthrough);

#endif
