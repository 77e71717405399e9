#include "net/tls_ocsp.h"

#include "base/clock.h"
#include "base/must.h"
#include "net/tls_certificate.h"
#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { CLOCKS_DIFFER = 300, WITHOUT_END = 60 * 60 }; /* seconds */

struct tls_ocsp {
    X509 *certificate, *issuer;
    OCSP_CERTID *id;
    unsigned char *request;
    size_t request_len;
    char *url;
};

/* The question */

static X509 *find_issuer(const struct chain *chain)
{
    for (int i = 0; i < sk_X509_num(chain->rest); i++) {
        X509 *other = sk_X509_value(chain->rest, i);
        if (X509_check_issued(other, chain->certificate) == X509_V_OK)
            return other;
    }
    return NULL;
}

static char *find_url(X509 *certificate)
{
    static const char http[] = "http://";
    char *found = NULL;
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(certificate);
    for (int i = 0; found == NULL && i < sk_OPENSSL_STRING_num(urls); i++)
        if (str_starts_nocase(str_of(sk_OPENSSL_STRING_value(urls, i)), str_of(http)))
            found = must_strdup(sk_OPENSSL_STRING_value(urls, i));
    X509_email_free(urls);
    return found;
}

static void make_request(struct tls_ocsp *ocsp)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    must(request != NULL && OCSP_request_add0_id(request, OCSP_CERTID_dup(ocsp->id)) != NULL);
    int len = i2d_OCSP_REQUEST(request, &ocsp->request);
    must(len > 0);
    ocsp->request_len = (size_t)len;
    OCSP_REQUEST_free(request);
}

/* Whose certificate and issuer are counted. */
static struct tls_ocsp *new_ocsp(X509 *certificate, X509 *issuer, char *taken_url)
{
    struct tls_ocsp *ocsp = must_calloc(1, sizeof *ocsp);
    X509_up_ref(certificate);
    X509_up_ref(issuer);
    ocsp->certificate = certificate;
    ocsp->issuer = issuer;
    ocsp->url = taken_url;
    ocsp->id = OCSP_cert_to_id(NULL, certificate, issuer);
    must(ocsp->id != NULL);
    make_request(ocsp);
    return ocsp;
}

struct tls_ocsp *tls_ocsp_new(struct tls_server *server, size_t index)
{
    struct tls_ocsp *ocsp = NULL;
    must(index < server->count);
    pthread_mutex_lock(&server->lock);
    const struct chain *chain = &server->chains[index];
    X509 *issuer = find_issuer(chain);
    char *url = issuer != NULL ? find_url(chain->certificate) : NULL;
    if (url != NULL)
        ocsp = new_ocsp(chain->certificate, issuer, url);
    pthread_mutex_unlock(&server->lock);
    ERR_clear_error();
    return ocsp;
}

void tls_ocsp_free(struct tls_ocsp *ocsp)
{
    if (ocsp == NULL)
        return;
    X509_free(ocsp->certificate);
    X509_free(ocsp->issuer);
    OCSP_CERTID_free(ocsp->id);
    OPENSSL_free(ocsp->request);
    free(ocsp->url);
    free(ocsp);
}

bool tls_ocsp_eq(const struct tls_ocsp *a, const struct tls_ocsp *b)
{
    return X509_cmp(a->certificate, b->certificate) == 0 && X509_cmp(a->issuer, b->issuer) == 0;
}

struct str tls_ocsp_url(const struct tls_ocsp *ocsp)
{
    return str_of(ocsp->url);
}

struct str tls_ocsp_request(const struct tls_ocsp *ocsp)
{
    return str_from((const char *)ocsp->request, ocsp->request_len);
}

/* The judgement */

static OCSP_BASICRESP *read_answer(struct str answer, const char **ret_why)
{
    const unsigned char *at = (const unsigned char *)answer.at;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.len);
    *ret_why = "it is no answer of OCSP";
    if (response == NULL)
        return NULL;
    OCSP_BASICRESP *basic = NULL;
    if (at != (const unsigned char *)answer.at + answer.len)
        *ret_why = "something stands behind it";
    else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        *ret_why = OCSP_response_status_str(OCSP_response_status(response));
    else
        basic = OCSP_response_get1_basic(response);
    OCSP_RESPONSE_free(response);
    return basic;
}

/* By the issuer itself, or by a certificate of it for just this. Nobody else's word counts, not even of the issuer's
   own issuer. */
static bool is_signed(const struct tls_ocsp *ocsp, OCSP_BASICRESP *basic)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    must(store != NULL && others != NULL && X509_STORE_add_cert(store, ocsp->issuer) == 1 &&
         sk_X509_push(others, ocsp->issuer) > 0);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    bool is_fine = OCSP_basic_verify(basic, others, store, OCSP_NOEXPLICIT) == 1;
    sk_X509_free(others);
    X509_STORE_free(store);
    return is_fine;
}

static const char *judge_times(const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *until, int64_t now,
                               struct tls_ocsp_verdict *ret)
{
    if (from == NULL || tls_time_of(from) > now + CLOCKS_DIFFER)
        return "it is of the future";
    ret->until = until != NULL ? tls_time_of(until) : now + WITHOUT_END; /* without: there is always a newer one */
    return ret->until <= now ? "it has expired" : NULL;
}

static const char *judge(const struct tls_ocsp *ocsp, OCSP_BASICRESP *basic, int64_t now, struct tls_ocsp_verdict *ret)
{
    int status, reason;
    ASN1_GENERALIZEDTIME *revoked, *from, *until;
    if (!is_signed(ocsp, basic))
        return "its signature is not of the issuer";
    if (OCSP_resp_find_status(basic, ocsp->id, &status, &reason, &revoked, &from, &until) != 1)
        return "it is about another certificate";
    const char *why = judge_times(from, until, now, ret);
    if (why != NULL)
        return why;
    ret->is_revoked = status == V_OCSP_CERTSTATUS_REVOKED;
    if (ret->is_revoked)
        return "the certificate was revoked";
    return status == V_OCSP_CERTSTATUS_GOOD ? NULL : "it does not know the certificate";
}

void tls_ocsp_judge(const struct tls_ocsp *ocsp, struct str answer, int64_t now, struct tls_ocsp_verdict *ret)
{
    *ret = (struct tls_ocsp_verdict){0};
    OCSP_BASICRESP *basic = read_answer(answer, &ret->why);
    if (basic != NULL)
        ret->why = judge(ocsp, basic, now, ret);
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
}

/* The staple */

void tls_server_staple(struct tls_server *server, size_t index, const struct tls_ocsp *ocsp, struct str answer,
                       int64_t until)
{
    unsigned char *copy = answer.len > 0 ? OPENSSL_memdup(answer.at, answer.len) : NULL;
    must((copy != NULL || answer.len == 0) && index < server->count);
    pthread_mutex_lock(&server->lock);
    struct chain *chain = &server->chains[index];
    bool is_same = ocsp == NULL || X509_cmp(chain->certificate, ocsp->certificate) == 0;
    unsigned char *old = is_same ? chain->staple : copy;
    if (is_same) {
        chain->staple = copy;
        chain->staple_len = answer.len;
        chain->staple_until = until;
    }
    pthread_mutex_unlock(&server->lock);
    OPENSSL_free(old);
}

static const struct chain *chain_of(const struct tls_server *server, const X509 *certificate)
{
    for (size_t i = 0; i < server->count; i++)
        if (server->chains[i].certificate == certificate)
            return &server->chains[i];
    return NULL;
}

/* A copy for one handshake, or NULL. */
static unsigned char *copy_staple(struct tls_server *server, const X509 *certificate, size_t *ret_len)
{
    unsigned char *copy = NULL;
    pthread_mutex_lock(&server->lock);
    const struct chain *chain = chain_of(server, certificate);
    if (chain != NULL && chain->staple != NULL && chain->staple_until > wall_seconds(clock_wall())) {
        copy = OPENSSL_memdup(chain->staple, chain->staple_len);
        *ret_len = chain->staple_len;
    }
    pthread_mutex_unlock(&server->lock);
    return copy;
}

static int show_staple(SSL *ssl, void *arg)
{
    size_t len;
    unsigned char *staple = copy_staple(arg, SSL_get_certificate(ssl), &len);
    if (staple == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, staple, (long)len); /* which owns it from here on */
    return SSL_TLSEXT_ERR_OK;
}

void tls_ocsp_enable(SSL_CTX *ctx, struct tls_server *server)
{
    SSL_CTX_set_tlsext_status_cb(ctx, show_staple);
    SSL_CTX_set_tlsext_status_arg(ctx, server);
}
