/*
 * The word of an authority that a server staples to its handshake (RFC 6066 section 8, RFC 6960): whether its
 * certificate was revoked. What our own listeners staple is fetched elsewhere: process/stapling.h.
 */
#ifndef NET_TLS_STAPLE_H
#define NET_TLS_STAPLE_H

struct ssl_st;
struct ssl_ctx_st;

/* Connections of the context ask for it and look at it. None is fine, since most servers have none, and so is one that
   cannot be verified or is too old: it says nothing. Only a certificate that is said to be revoked is refused. For
   contexts that verify. */
void tls_staple_ask(struct ssl_ctx_st *ctx);

#endif
