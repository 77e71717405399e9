/*
 * What the TLS connections of a pool have in common: one SSL_CTX; between net/tls.c and net/tls_client.c only.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include "net/tls_conf.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct tls_client {
    atomic_uint refs;
    SSL_CTX *ctx;
    bool verify;
    char *server_name; /* NULL: the server's own */
    bool has_certificate;
    unsigned char certificate[32]; /* digest of the one that is shown, chain included; zeroed: none */
    char *authorities; /* the text of the file; NULL: nothing is verified */
    size_t authorities_len;
};

#endif
