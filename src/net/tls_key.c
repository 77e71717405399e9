/* Only asks for signatures: they are made in process/keeper_store.c. */

/* The method hooks of OpenSSL 3.0 are deprecated in favour of providers, which are ten times as much code for the
   same. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "net/tls_key.h"

#include "base/must.h"
#include "net/keeper_link.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

static RSA_METHOD *rsa_method;
static EC_KEY_METHOD *ec_method;
static int rsa_index, ec_index; /* where the id stands in a key */

/* By the length of a digest, since ECDSA is asked with no more. */
static bool digest_of_len(size_t len, uint8_t *ret)
{
    static const size_t lens[SIGN_DIGESTS] = {[SIGN_SHA256] = 32, [SIGN_SHA384] = 48, [SIGN_SHA512] = 64};
    for (unsigned i = 0; i < SIGN_DIGESTS; i++)
        if (lens[i] == len) {
            *ret = (uint8_t)i;
            return true;
        }
    return false;
}

/* How many bytes the signature has, or 0. */
static WAITS_IN_JOB size_t sign(const struct key_id *key, struct sign_question *question, const unsigned char *bytes,
                                size_t len, unsigned char *into, size_t room)
{
    struct sign_answer answer;
    if (key == NULL || len > sizeof question->bytes)
        return 0;
    question->key = *key;
    question->len = (uint16_t)len;
    memcpy(question->bytes, bytes, len);
    if (!keeper_link_sign(question, &answer) || answer.len > room)
        return 0;
    memcpy(into, answer.bytes, answer.len);
    return answer.len;
}

static WAITS_IN_JOB int sign_ecdsa(int type, const unsigned char *digest, int digest_len, unsigned char *into,
                                   unsigned int *ret_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
    (void)type, (void)kinv, (void)r;
    struct sign_question question = {.kind = SIGN_ECDSA};
    if (!digest_of_len((size_t)digest_len, &question.digest))
        return 0;
    *ret_len = (unsigned)sign(EC_KEY_get_ex_data(key, ec_index), &question, digest, (size_t)digest_len, into,
                              (size_t)ECDSA_size(key));
    return *ret_len > 0;
}

static WAITS_IN_JOB int sign_pkcs1(int type, const unsigned char *digest, unsigned int digest_len, unsigned char *into,
                                   unsigned int *ret_len, const RSA *key)
{
    struct sign_question question = {.kind = SIGN_RSA_PKCS1};
    bool is_known = type == NID_sha256 || type == NID_sha384 || type == NID_sha512;
    if (!is_known || !digest_of_len(digest_len, &question.digest))
        return 0;
    *ret_len = (unsigned)sign(RSA_get_ex_data(key, rsa_index), &question, digest, digest_len, into,
                              (size_t)RSA_size(key));
    return *ret_len > 0;
}

/* What OpenSSL has padded already, as it does for PSS. Which digest it is made of is not said here: the keeper tells
   the one that fits. */
static WAITS_IN_JOB int sign_padded(int len, const unsigned char *from, unsigned char *into, RSA *key, int padding)
{
    if (padding != RSA_NO_PADDING)
        return -1;
    for (unsigned digest = 0; digest < SIGN_DIGESTS; digest++) {
        struct sign_question question = {.kind = SIGN_RSA_PSS, .digest = (uint8_t)digest};
        size_t got = sign(RSA_get_ex_data(key, rsa_index), &question, from, (size_t)len, into, (size_t)RSA_size(key));
        if (got > 0)
            return (int)got;
    }
    return -1;
}

static void free_id(void *parent, void *id, CRYPTO_EX_DATA *data, int index, long number, void *arg)
{
    (void)parent, (void)data, (void)index, (void)number, (void)arg;
    free(id);
}

static void make_methods(void)
{
    rsa_index = RSA_get_ex_new_index(0, NULL, NULL, NULL, free_id);
    ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, free_id);
    rsa_method = RSA_meth_dup(RSA_get_default_method());
    ec_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    must(rsa_method != NULL && ec_method != NULL && rsa_index >= 0 && ec_index >= 0);
    RSA_meth_set1_name(rsa_method, "keeper");
    RSA_meth_set_sign(rsa_method, sign_pkcs1);
    RSA_meth_set_priv_enc(rsa_method, sign_padded);
    EC_KEY_METHOD_set_sign(ec_method, sign_ecdsa, NULL, NULL);
}

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

void tls_key_of_certificate(X509 *certificate, struct key_id *ret)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(X509_get0_pubkey(certificate), &der);
    must(len > 0 && EVP_Digest(der, (size_t)len, ret->bytes, NULL, EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
}

static struct key_id *copy_id(X509 *certificate)
{
    struct key_id *id = must_alloc(sizeof *id);
    tls_key_of_certificate(certificate, id);
    return id;
}

static EVP_PKEY *rsa_stand_in(X509 *certificate, const EVP_PKEY *public_key)
{
    RSA *rsa = RSAPublicKey_dup(EVP_PKEY_get0_RSA(public_key));
    EVP_PKEY *pkey = EVP_PKEY_new();
    must(rsa != NULL && pkey != NULL && RSA_set_method(rsa, rsa_method) == 1);
    must(RSA_set_ex_data(rsa, rsa_index, copy_id(certificate)) == 1);
    must(EVP_PKEY_assign_RSA(pkey, rsa) == 1);
    return pkey;
}

static EVP_PKEY *ec_stand_in(X509 *certificate, const EVP_PKEY *public_key)
{
    EC_KEY *ec = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(public_key));
    EVP_PKEY *pkey = EVP_PKEY_new();
    must(ec != NULL && pkey != NULL && EC_KEY_set_method(ec, ec_method) == 1);
    must(EC_KEY_set_ex_data(ec, ec_index, copy_id(certificate)) == 1);
    must(EVP_PKEY_assign_EC_KEY(pkey, ec) == 1);
    return pkey;
}

EVP_PKEY *tls_key_stand_in(X509 *certificate)
{
    const EVP_PKEY *public_key = X509_get0_pubkey(certificate);
    must(CRYPTO_THREAD_run_once(&once, make_methods) == 1);
    if (public_key == NULL)
        return NULL;
    switch (EVP_PKEY_get_base_id(public_key)) {
    case EVP_PKEY_RSA:
        return rsa_stand_in(certificate, public_key);
    case EVP_PKEY_EC:
        return ec_stand_in(certificate, public_key);
    default:
        return NULL;
    }
}
