#include "net/tls_staple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <stdbool.h>

enum { REFUSE = 0, ACCEPT = 1 };            /* what the callback answers */
enum { CLOCKS_DIFFER = 300, ANY_AGE = -1 }; /* seconds */

static OCSP_BASICRESP *read_response(SSL *ssl)
{
    const unsigned char *bytes;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    if (len <= 0)
        return NULL;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &bytes, len);
    OCSP_BASICRESP *basic = response != NULL ? OCSP_response_get1_basic(response) : NULL;
    OCSP_RESPONSE_free(response);
    return basic;
}

/* The server's certificate, and that of who issued it: the next of the chain that was verified. */
static OCSP_CERTID *id_of_server(SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    if (chain == NULL || sk_X509_num(chain) < 2)
        return NULL;
    return OCSP_cert_to_id(NULL, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
}

static bool is_revoked(SSL *ssl, OCSP_BASICRESP *basic)
{
    int status = V_OCSP_CERTSTATUS_UNKNOWN, reason;
    ASN1_GENERALIZEDTIME *when, *this_update, *next_update;
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (OCSP_basic_verify(basic, SSL_get0_verified_chain(ssl), store, 0) <= 0)
        return false;
    OCSP_CERTID *id = id_of_server(ssl);
    bool is_known = id != NULL &&
                    OCSP_resp_find_status(basic, id, &status, &reason, &when, &this_update, &next_update) == 1 &&
                    OCSP_check_validity(this_update, next_update, CLOCKS_DIFFER, ANY_AGE) == 1;
    OCSP_CERTID_free(id);
    return is_known && status == V_OCSP_CERTSTATUS_REVOKED;
}

static int look_at_staple(SSL *ssl, void *arg)
{
    (void)arg;
    ERR_set_mark(); /* what is found wrong with a staple is not to be taken for a fault of the handshake */
    OCSP_BASICRESP *basic = read_response(ssl);
    bool refuse = basic != NULL && is_revoked(ssl, basic);
    OCSP_BASICRESP_free(basic);
    ERR_pop_to_mark();
    if (refuse)
        SSL_set_verify_result(ssl, X509_V_ERR_CERT_REVOKED);
    return refuse ? REFUSE : ACCEPT;
}

void tls_staple_ask(SSL_CTX *ctx)
{
    SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
    SSL_CTX_set_tlsext_status_cb(ctx, look_at_staple);
}
