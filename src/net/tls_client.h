/*
 * What the TLS connections of a pool have in common: one SSL_CTX; between the files of net/tls*.c only. The certificate
 * that is shown can be replaced while handshakes go on: each has the context it began with.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include "net/tls_conf.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { TLS_DIGEST_LEN = 32 };

struct tls_client {
    atomic_uint refs;
    pthread_mutex_t lock;                /* for a moment: of what a certificate that is replaced changes */
    SSL_CTX *ctx;                        /* under the lock: what handshakes begin with from now on */
    unsigned char shown[TLS_DIGEST_LEN]; /* under the lock: of the certificate, chain included; zeroed: none */
    SSL_CTX *next;                       /* prepared by tls_client_renew() */
    unsigned char next_shown[TLS_DIGEST_LEN];
    bool verify;
    char *server_name; /* NULL: the server's own */
    bool has_certificate;
    char *authorities; /* the text of the file; NULL: nothing is verified */
    size_t authorities_len;
};

/* Its context as it is now, one reference. From any thread. */
SSL_CTX *tls_client_ctx(struct tls_client *client);

#endif
