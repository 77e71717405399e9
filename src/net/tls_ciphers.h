/*
 * Lists of ciphers as administrators write them: OpenSSL's, but strict, for OpenSSL passes over the names that it does
 * not know. Between the files of net/tls*.c only.
 */
#ifndef NET_TLS_CIPHERS_H
#define NET_TLS_CIPHERS_H

#include "net/tls_conf.h"
#include "net/tls_file.h"

#include <openssl/ssl.h>

/* Sets what `words` say: a word is a list of OpenSSL's (ciphers(1)), for TLS 1.2, or the name of a suite of TLS 1.3.
   What none of them speaks of stays as it is. False after reporting. */
bool tls_ciphers_set(SSL_CTX *ctx, const struct word *words, size_t count, struct diag *diag);

/* Warns of those that cannot come to be used: with the versions, or with the keys of the certificates. */
void tls_ciphers_lint(const SSL_CTX *ctx, const struct tls_server_conf *conf, const struct chain *chains, size_t count,
                      struct diag *diag);

/* The groups of the library's own choice in which keys are agreed on, but for those of finite fields. */
void tls_groups_set(SSL_CTX *ctx);

#endif
