/*
 * What a certificate says of itself: names and dates. Which one is shown is chosen in net/tls_server.c, of the block
 * that net/tls.c has found. Between the files of net/tls*.c only; others ask a struct tls_server (tls_conf.h).
 */
#ifndef NET_TLS_CERTIFICATE_H
#define NET_TLS_CERTIFICATE_H

#include "base/diag.h"
#include "base/text.h"
#include "base/word.h"

#include <openssl/x509v3.h>

/* How hosts are looked for in a certificate: a common name is none (RFC 9110 4.3.4), as for browsers. */
#define TLS_HOST_FLAGS (X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

/* Warns when it has expired, will soon, or is not valid yet; and of a curve that few clients take. */
void tls_certificate_lint(X509 *certificate, const struct word *at, struct diag *diag);
/* The same of each authority in a file that the configuration names. */
void tls_authorities_lint(X509_STORE *store, const struct word *at, struct diag *diag);

/* Adds its subject in the form of RFC 4514; what is not ASCII is escaped. */
void tls_certificate_subject(const X509 *certificate, struct text *into);
/* The hosts and addresses it is for, with blanks between them; to be freed. */
char *tls_certificate_names(X509 *certificate);

/* Seconds since 1970. */
int64_t tls_time_of(const ASN1_TIME *time);

#endif
