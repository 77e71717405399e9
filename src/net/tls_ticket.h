/*
 * Session tickets of clients (RFC 5077, RFC 8446 4.6.1): sealed with the keys of ticket_keys.h, which all threads of
 * the worker share, so that a client is known again by whichever thread it comes to.
 *
 * What a ticket is sealed with is derived from a key and from the settings of the block that it was made for
 * (tls_server.h, context): a ticket of one block cannot be opened for another, whose rules on certificates of clients
 * may be stricter (CVE-2025-23419).
 */
#ifndef NET_TLS_TICKET_H
#define NET_TLS_TICKET_H

struct ssl_ctx_st;
struct ticket_keys;

/* From now on these are in force; copied. From any thread. */
void tls_ticket_set_keys(const struct ticket_keys *keys);

/* A context whose tickets are those; its app data is the struct tls_server. */
void tls_ticket_enable(struct ssl_ctx_st *ctx);
void tls_ticket_disable(struct ssl_ctx_st *ctx);

#endif
