/*
 * TLS over a connected TCP or unix socket: a transport that wraps another and owns it. OpenSSL works straight on the socket (io.md, rule
 * 11): a read that is short is the last before the next edge, and an idle connection holds no buffers.
 *
 * The handshake is an operation of its own, polled before the first byte; then reads and writes are those of any transport.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/clock.h"
#include "base/str.h"
#include "loop/task.h"
#include "net/tls_conf.h"

struct ssl_st;
struct ssl_session_st;
struct buffer;
struct transport;

/* The session of the last connection to a server, which the next one resumes; not for longer than an hour, nor than its certificate is valid, since a
   resumed handshake looks at no certificate. Of one thread; begins zeroed. It outlives its connections. */
struct tls_resumption {
    struct ssl_session_st *session;
    struct mono verified; /* when the certificate was last looked at */
};
void tls_resumption_fini(struct tls_resumption *resumption);

/* `taken` is a connected tcp transport. `name` is the server's, or its address as text: what is looked for in the certificate unless the
   settings name another. `client` and `resumption` are borrowed for the connection's life. */
struct transport *tls_connect(struct transport *taken, struct tls_client *client, struct str name,
                              struct tls_resumption *resumption);

/* Which certificates a listener shows; of a generation, which outlives the handshake. */
struct tls_gate {
    /* For the name that a client asks for, in normal form (at == NULL: for none); NULL: there is nothing for it. */
    struct tls_server *(*choose)(const struct tls_gate *gate, struct str name);
};

/* `taken` is freshly accepted; `rest` has what was read of it already, and is emptied. */
struct transport *tls_accept(struct transport *taken, struct tls_server *first, const struct tls_gate *gate,
                             struct buffer *rest);
/* The name that the client has asked for, in normal form; at == NULL: none. */
struct str tls_name(const struct transport *transport);

/* At the end of a thread. */
void tls_thread_done(void);

/* The handshake. END: done, and the server is who it ought to be, unless verifying is off. FAIL: tls_why(). */
enum flow tls_connected(struct transport *transport, struct task *who);

/* Why the handshake failed, in words for the log ("certificate has expired"); borrowed from the library. */
const char *tls_why(const struct transport *transport);
/* Has it failed because the server's certificate was not accepted? */
bool tls_is_untrusted(const struct transport *transport);

/* Was the handshake an answer to a challenge (RFC 8737)? Then there is no more to it. */
bool tls_is_challenge(const struct transport *transport);
/* Is "acme-tls/1" the only protocol of a list as in RFC 7301 3.1 (without the length in front)? */
bool tls_offers_challenge(const unsigned char *list, size_t len);

/* For a server's context: looks at the hello before anything is chosen. */
int tls_look_at_hello(struct ssl_st *ssl, int *ret_alert, void *arg);
/* For a server's context: takes the certificates that the gate has for the name. */
int tls_choose_certificate(struct ssl_st *ssl, int *ret_alert, void *arg);
/* For the context: keeps the session that a connection was given. */
int tls_keep_session(struct ssl_st *ssl, struct ssl_session_st *taken);

#endif
