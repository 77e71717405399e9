/*
 * Certificates and authorities, read from files in PEM; between the files of net/tls*.c only.
 */
#ifndef NET_TLS_FILE_H
#define NET_TLS_FILE_H

#include "net/tls_conf.h"

#include <openssl/ssl.h>

/* A certificate and what stands behind it in its file. Begins zeroed. */
struct chain {
    X509 *certificate; /* NULL: none yet */
    STACK_OF(X509) * rest;
    char *names;              /* the hosts and addresses it is for, with blanks between them */
    bool is_made;             /* by the keeper: it was in no file */
    EVP_PKEY *key;            /* the stand-in for its own; NULL: nobody shows it yet */
    unsigned char digest[32]; /* of the file */
    unsigned char *staple;    /* NULL: none */
    size_t staple_len;
    int64_t staple_until; /* seconds since 1970 */
};
void tls_chain_fini(struct chain *chain);

/* Opens the certificate as struct opener does. */
int tls_chain_open(const struct certificate_conf *conf, struct opener *opener);
/* Reads the certificate, and has the keeper take its key. False after reporting; fini() is needed in either case. */
bool tls_chain_read(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, struct chain *ret);
/* The same of a text in memory, without the key; nothing is reported. */
bool tls_chain_parse(const char *text, size_t len, struct chain *ret);
/* Has the context show it, with a stand-in for its key. False after reporting. */
bool tls_chain_use(SSL_CTX *ctx, struct chain *chain, const struct certificate_conf *conf, struct diag *diag);
/* The same; nothing is reported, the library's errors stay. */
bool tls_chain_try(SSL_CTX *ctx, struct chain *chain);

/* Certificates of a PEM text, which chains may end at; how many there were, or -1 when one of them is broken. */
int tls_file_trust(X509_STORE *store, const char *text, size_t len);

/* Reports at the word: "WHAT 'TEXT'[: WHY]". Always false. */
bool tls_file_refuse(struct diag *diag, const struct word *at, const char *hint, const char *what, const char *why);

#endif
