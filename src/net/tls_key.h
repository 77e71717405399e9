/*
 * A private key that is elsewhere: it looks to OpenSSL like one, and each signature is asked of the keeper
 * (net/keeper_link.h), which makes it in process/keeper_store.c.
 */
#ifndef NET_TLS_KEY_H
#define NET_TLS_KEY_H

#include "base/key_id.h"

struct evp_pkey_st;
struct x509_st;

/* The name of the private key that a certificate belongs to. */
void tls_key_of_certificate(struct x509_st *certificate, struct key_id *ret);
/* Its stand-in, one reference; NULL when the key is neither EC nor RSA. */
struct evp_pkey_st *tls_key_stand_in(struct x509_st *certificate);

#endif
