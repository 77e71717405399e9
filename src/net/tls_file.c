#include "net/tls_file.h"

#include "base/must.h"
#include "net/tls_certificate.h"
#include "net/tls_key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { CERTIFICATE_MAX = 1024 * 1024 };

bool tls_file_refuse(struct diag *diag, const struct word *at, const char *hint, const char *what, const char *why)
{
    diag_add(diag, DIAG_ERROR, &at->place, hint, "%s '%.*s'%s%s", what, STR_ARGS(at->text), why != NULL ? ": " : "",
             why != NULL ? why : "");
    return false;
}

void tls_chain_fini(struct chain *chain)
{
    X509_free(chain->certificate);
    sk_X509_pop_free(chain->rest, X509_free);
    free(chain->names);
    EVP_PKEY_free(chain->key);
    OPENSSL_free(chain->staple);
}

bool tls_chain_parse(const char *text, size_t len, struct chain *ret)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    X509 *next;
    must(bio != NULL);
    ret->rest = sk_X509_new_null();
    ret->certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    while (ret->certificate != NULL && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        sk_X509_push(ret->rest, next);
    bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    ret->names = ret->certificate != NULL ? tls_certificate_names(ret->certificate) : NULL;
    return ret->certificate != NULL && is_end;
}

static struct pair_paths paths_of(const struct certificate_conf *conf)
{
    return (struct pair_paths){.certificate = conf->certificate_path, .key = conf->key_path};
}

int tls_chain_open(const struct certificate_conf *conf, struct opener *opener)
{
    struct pair_paths paths = paths_of(conf);
    return opener->open_certificate != NULL ? opener->open_certificate(opener, &paths)
                                            : opener->open(opener, conf->certificate_path, OPEN_READ);
}

static bool read_chain(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, struct chain *ret)
{
    char *text;
    size_t len;
    if (!opener_read_fd(tls_chain_open(conf, opener), CERTIFICATE_MAX, &text, &len))
        return tls_file_refuse(diag, &conf->certificate, NULL, "cannot read the certificate", strerror(errno));
    bool is_fine = tls_chain_parse(text, len, ret);
    must(EVP_Digest(text, len, ret->digest, NULL, EVP_sha256(), NULL) == 1);
    free(text);
    if (!is_fine)
        return tls_file_refuse(diag, &conf->certificate, "a file in PEM: the certificate, then its chain",
                               "there is no whole certificate in", NULL);
    bool has_key = X509_get0_pubkey(ret->certificate) != NULL; /* of a kind that this library knows */
    ERR_clear_error();
    return has_key || tls_file_refuse(diag, &conf->certificate, NULL, "the public key cannot be read in", NULL);
}

static bool take_key(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, X509 *certificate)
{
    struct pair_paths paths = paths_of(conf);
    struct key_id wanted, found;
    char why[KEY_WHY_MAX];
    if (opener->take_key == NULL)
        return tls_file_refuse(diag, &conf->key, NULL, "there is no keeper for the key", NULL);
    if (!opener->take_key(opener, &paths, &found, why))
        return tls_file_refuse(diag, &conf->key, NULL, "cannot take the key", why);
    if (why[0] != '\0')
        diag_add(diag, DIAG_WARNING, &conf->key.place, NULL, "the key '%.*s': %s", STR_ARGS(conf->key.text), why);
    tls_key_of_certificate(certificate, &wanted);
    return key_id_eq(&wanted, &found) || tls_file_refuse(diag, &conf->key, "it belongs to another certificate",
                                                         "the certificate does not match the key", NULL);
}

bool tls_chain_read(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, struct chain *ret)
{
    if (!read_chain(conf, opener, diag, ret) || !take_key(conf, opener, diag, ret->certificate))
        return false;
    tls_certificate_lint(ret->certificate, &conf->certificate, diag);
    return true;
}

bool tls_chain_try(SSL_CTX *ctx, struct chain *chain)
{
    if (chain->key == NULL)
        chain->key = tls_key_stand_in(chain->certificate);
    return chain->key != NULL && SSL_CTX_use_cert_and_key(ctx, chain->certificate, chain->key, chain->rest, 1) == 1;
}

bool tls_chain_use(SSL_CTX *ctx, struct chain *chain, const struct certificate_conf *conf, struct diag *diag)
{
    bool is_fine = tls_chain_try(ctx, chain);
    if (!is_fine)
        tls_file_refuse(diag, &conf->certificate, NULL, "this certificate cannot be used",
                        ERR_reason_error_string(ERR_peek_error()));
    ERR_clear_error();
    return is_fine;
}

int tls_file_trust(X509_STORE *store, const char *text, size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    int count = 0;
    must(bio != NULL);
    for (;;) {
        X509 *authority = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (authority == NULL)
            break;
        X509_get_extension_flags(authority); /* reads its extensions, before threads share it and each would want to */
        must(X509_STORE_add_cert(store, authority) == 1);
        X509_free(authority);
        count++;
    }
    bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    return is_end ? count : -1;
}
