/*
 * TLS over a connected TCP or unix socket: a transport that wraps another and owns it. OpenSSL works straight on the
 * socket: a read that is short is the last before the next edge, and an idle connection holds no buffers.
 *
 * The handshake is an operation of its own, polled before the first byte; then reads and writes are those of any
 * transport.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/clock.h"
#include "base/str.h"
#include "loop/task.h"
#include "net/tls_conf.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct buffer;
struct tls_seen;
struct transport;

/* The session of the last connection to a server, which the next one resumes; not for longer than an hour, nor than its
   certificate is valid, since a resumed handshake looks at no certificate. Of one thread; begins zeroed. It outlives
   its connections. */
struct tls_resumption {
    struct ssl_session_st *session;
    struct ssl_ctx_st *ctx; /* it was made with, counted: another one shows another certificate */
    struct mono verified;   /* when the certificate was last looked at */
};
void tls_resumption_fini(struct tls_resumption *resumption);

/* `taken` is a connected tcp transport. `name` is the server's, or its address as text: what is looked for in the
   certificate unless the settings name another. `client` and `resumption` are borrowed for the connection's life. */
struct transport *tls_connect(struct transport *taken, struct tls_client *client, struct str name,
                              struct tls_resumption *resumption);

/* Which certificates and settings a listener has; of a generation, which outlives the handshake. */
struct tls_gate {
    struct tls_server *first; /* to begin a handshake with; NULL: it is spoken to in clear */
    /* For the name that a client asks for, in normal form (at == NULL: for none); NULL: there is nothing for it. */
    struct tls_server *(*choose)(const struct tls_gate *gate, struct str name);
};

/* `taken` is freshly accepted; `rest` has what was read of it already, and is emptied. */
struct transport *tls_accept(struct transport *taken, const struct tls_gate *gate, struct buffer *rest);
/* Borrowed: it lives as long as the transport. NULL: there was no hello that a block was found for. */
const struct tls_seen *tls_seen(const struct transport *transport);
/* The name that a client asked for, in normal form, also where no block was found for it; at == NULL: none, or none that
   is of a host. Borrowed as above. */
struct str tls_asked_name(const struct transport *transport);
/* Has the peer sent anything at all? */
bool tls_has_heard(const struct transport *transport);

/* The handshake. END: done, and the server is who it ought to be, unless verifying is off. FAIL: tls_why(). */
enum flow tls_connected(struct transport *transport, struct task *who);

/* Why the handshake failed, in words for the log ("certificate has expired"); borrowed from the library. */
const char *tls_why(const struct transport *transport);
/* Has it failed because the server's certificate was not accepted? */
bool tls_is_untrusted(const struct transport *transport);

/* Was the handshake an answer to a challenge (RFC 8737)? Then there is no more to it. */
bool tls_is_challenge(const struct transport *transport);

/* For a server's context: takes what the gate has for the name in a ClientHello, before anything else of it is looked
   at. */
int tls_take_hello(struct ssl_st *ssl, int *ret_alert, void *arg);
/* … and says so to the client (RFC 6066 section 3). */
int tls_confirm_name(struct ssl_st *ssl, int *ret_alert, void *arg);
/* For the context: keeps the session that a connection was given. */
int tls_keep_session(struct ssl_st *ssl, struct ssl_session_st *taken);

#endif
