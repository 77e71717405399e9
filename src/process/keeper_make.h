/*
 * Self-signed certificates, made where the keys are: for `certificate self-signed`, until the first that was ordered is
 * there, and to answer the challenge tls-alpn-01 (RFC 8737).
 */
#ifndef PROCESS_KEEPER_MAKE_H
#define PROCESS_KEEPER_MAKE_H

#include "base/text.h"
#include "net/tls_conf.h"

#include <stdbool.h>
#include <stdint.h>

struct evp_pkey_st;

enum { MAKE_DIGEST_LEN = 32, MAKE_DAYS = 398, MADE_IS_GOOD_DAYS = MAKE_DAYS - 31 /* then another is made */ };

/* A new key; NULL when there is none to be had. */
struct evp_pkey_st *keeper_make_key(void);

/* Adds the certificate in PEM. `names` has a line for each, of which as many are taken as fit in MADE_NAMES_MAX.
   `digest` (of MAKE_DIGEST_LEN bytes) is that of a key authorization: RFC 8737 section 3; NULL for a certificate that
   is only shown. */
bool keeper_make_certificate(struct evp_pkey_st *key, struct str names, const unsigned char *digest, struct text *into);

#endif
