/*
 * What a client's handshake has told: the name that it asked for, and the certificate that it has shown.
 */
#ifndef NET_TLS_SEEN_H
#define NET_TLS_SEEN_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;
struct tls_server;
struct x509_st;

struct tls_seen {
    struct tls_server *server; /* whose settings were in force; counted */
    struct str name;           /* that was asked for, in normal form; at == NULL: none */
    struct str subject;        /* of the certificate that was shown and verified (RFC 4514); at == NULL: none was */
    struct str certificate;    /* the same as a field's value: RFC 9440 2.1 */
};

/* `taken` is a reference, `name` from tls_hello_name(); both belong to what is returned, as all of its texts do. */
struct tls_seen *tls_seen_new(struct tls_server *taken, struct str name);
void tls_seen_free(struct tls_seen *seen); /* NULL is none */
void tls_seen_note_certificate(struct tls_seen *seen, struct x509_st *certificate);

/* While the library looks at a hello: the name in it, in normal form, on the heap; at == NULL: there is none. False:
   there is one, and it is not that of a host. */
bool tls_hello_name(struct ssl_st *ssl, struct str *ret);
/* Likewise: does the client want to see a name proved (RFC 8737), and nothing else? */
bool tls_hello_is_challenge(struct ssl_st *ssl);
/* Is "acme-tls/1" the only protocol of a list as in RFC 7301 3.1 (without the length in front)? */
bool tls_offers_challenge(const unsigned char *list, size_t len);

#endif
