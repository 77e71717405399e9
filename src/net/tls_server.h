/*
 * What the TLS connections of a block's clients have in common; between net/tls.c and net/tls_server.c only.
 */
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include "net/tls_conf.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct tls_server {
    atomic_uint refs;
    SSL_CTX *ctx;
    unsigned char fingerprint[32]; /* of all its certificates, chains included */
};

#endif
