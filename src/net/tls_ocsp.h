/*
 * Stapling (RFC 6066 section 8): the answer of a certificate's responder that it is not revoked (OCSP, RFC 6960), which
 * is shown to clients with the certificate. Here are question and judgement; process/stapling.c asks.
 *
 * An answer counts only if it was signed by the issuer or by one whom the issuer has named for that, is about this very
 * certificate, and is of now.
 */
#ifndef NET_TLS_OCSP_H
#define NET_TLS_OCSP_H

#include "base/str.h"
#include "net/tls_conf.h"

#include <stdbool.h>
#include <stdint.h>

enum { TLS_OCSP_ANSWER_MAX = 64 * 1024 }; /* bytes; usual are one or two thousand */

struct tls_ocsp;

/* Of a certificate that is served now. NULL: it names no responder that is asked by http://, or who issued it does not
   stand behind it in its file. */
struct tls_ocsp *tls_ocsp_new(struct tls_server *server, size_t index);
void tls_ocsp_free(struct tls_ocsp *ocsp);
/* About the same certificate. */
bool tls_ocsp_eq(const struct tls_ocsp *a, const struct tls_ocsp *b);
/* Both borrowed: http://…, and what to send there. */
struct str tls_ocsp_url(const struct tls_ocsp *ocsp);
struct str tls_ocsp_request(const struct tls_ocsp *ocsp);

/* Seconds since 1970. */
struct tls_ocsp_verdict {
    int64_t until;   /* from then on it says nothing any more */
    bool is_revoked; /* it is in order, and says so */
    const char *why; /* it is of no use; NULL: it says that the certificate is good */
};

void tls_ocsp_judge(const struct tls_ocsp *ocsp, struct str answer, int64_t now, struct tls_ocsp_verdict *ret);

/* Handshakes show the answer from now on, until then; unless the certificate is another one meanwhile (ocsp == NULL:
   whichever it is). An empty answer: they show none. From any thread. */
void tls_server_staple(struct tls_server *server, size_t index, const struct tls_ocsp *ocsp, struct str answer,
                       int64_t until);

#endif
