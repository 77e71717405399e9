/*
 * What the TLS connections of a block's clients have in common; between the files of net/tls*.c only. A certificate can
 * be replaced while handshakes go on: each has the context it began with.
 */
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include "base/key_id.h"
#include "net/tls_file.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { TLS_CONTEXT_LEN = 32 };

struct tls_server {
    atomic_uint refs;
    pthread_mutex_t lock; /* for a moment: of what a certificate that is replaced changes */
    SSL_CTX *ctx;         /* under the lock: what handshakes begin with from now on; its app data is the server */
    struct chain *chains; /* under the lock, one for each certificate of the configuration */
    size_t count;
    bool is_choosing; /* under the lock: they are for different names */
    SSL_CTX *next;    /* prepared by tls_server_renew() */
    struct chain next_chain;
    size_t next_index;
    unsigned char context
        [TLS_CONTEXT_LEN]; /* of the block and all its settings but the certificates: in what sessions are good */
    unsigned char rules[TLS_CONTEXT_LEN]; /* of the settings on clients' certificates; zeroed: none is asked for */
};

/* Its context as it is now, one reference. From any thread. */
SSL_CTX *tls_server_ctx(struct tls_server *server);

/* In a ClientHello that names its block: from here on the block's settings are those of the connection, and its
   certificates those that are for the name (at == NULL: none was asked for). */
void tls_server_apply(struct tls_server *server, SSL *ssl, struct str name);

/* tls_ocsp.c: its handshakes show what tls_server_staple() has brought, while it is good. The server is borrowed, for
   as long as there are handshakes. */
void tls_ocsp_enable(SSL_CTX *ctx, struct tls_server *server);
/* Shows the certificate of a challenge tls-alpn-01 (RFC 8737), and speaks its protocol only. NULL when it cannot be
   used. One reference. */
struct tls_server *tls_server_for_challenge(const char *pem);

#endif
