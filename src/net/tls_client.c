#include "net/tls_client.h"

#include "base/must.h"
#include "net/tls.h"
#include "net/tls_certificate.h"
#include "net/tls_file.h"
#include "net/tls_staple.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* Where systems keep the authorities they trust, in one file: Debian, Fedora, OpenSUSE. */
static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                      "/etc/ssl/ca-bundle.pem", NULL};

static bool refuse(const struct tls_conf *conf, struct diag *diag, const char *hint, const char *what)
{
    const struct word *at = conf->ca.text.at != NULL ? &conf->ca : &conf->place;
    diag_add(diag, DIAG_ERROR, &at->place, hint, "%s: '%.*s'", what, STR_ARGS(at->text));
    return false;
}

/* Its bytes are kept, so that a reload sees whether they have changed. Each authority in it is believed for itself, as
   those of `client-ca` are: who names an intermediate one does not mean all that is below its root. */
static bool trust_file(struct tls_client *client, const struct tls_conf *conf, struct opener *opener, struct diag *diag)
{
    X509_STORE_set_flags(SSL_CTX_get_cert_store(client->ctx), X509_V_FLAG_PARTIAL_CHAIN);
    if (!opener_read(opener, conf->ca_path, TLS_AUTHORITIES_MAX, &client->authorities, &client->authorities_len))
        return refuse(conf, diag, NULL, "the file of authorities cannot be read");
    int count = tls_file_trust(SSL_CTX_get_cert_store(client->ctx), client->authorities, client->authorities_len);
    tls_authorities_lint(SSL_CTX_get_cert_store(client->ctx), &conf->ca, diag);
    if (count < 0)
        return refuse(conf, diag, NULL, "a certificate in the file of authorities is broken");
    return count > 0 || refuse(conf, diag, "certificates begin with -----BEGIN CERTIFICATE-----",
                               "there is no certificate in the file of authorities");
}

static bool read_system_file(struct tls_client *client, const char *path)
{
    if (!opener_read(opener_direct(), path, TLS_AUTHORITIES_MAX, &client->authorities, &client->authorities_len))
        return false;
    if (tls_file_trust(SSL_CTX_get_cert_store(client->ctx), client->authorities, client->authorities_len) > 0)
        return true;
    free(client->authorities);
    client->authorities = NULL;
    return false;
}

static bool trust_system(struct tls_client *client, const struct tls_conf *conf, struct diag *diag)
{
    const char *named = getenv(X509_get_default_cert_file_env());
    if (named != NULL && read_system_file(client, named))
        return true;
    for (const char *const *bundle = bundles; *bundle != NULL; bundle++)
        if (read_system_file(client, *bundle))
            return true;
    return refuse(conf, diag, "name one with 'tls { ca FILE; }', or install ca-certificates",
                  "this system has no file of authorities to verify servers with");
}

static SSL_CTX *new_ctx(bool verify)
{
    static const unsigned char http1[] = "\x08http/1.1";
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    must(ctx != NULL);
    must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    must(SSL_CTX_set_alpn_protos(ctx, http1, sizeof http1 - 1) == 0);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* net/tls.c counts the records that bring nothing */
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, tls_keep_session);
    if (verify)
        tls_staple_ask(ctx);
    SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return ctx;
}

static void free_client(struct tls_client *client)
{
    SSL_CTX_free(client->ctx);
    pthread_mutex_destroy(&client->lock);
    free(client->server_name);
    free(client->authorities);
    free(client);
}

static bool shows_same(const struct tls_client *a, struct tls_client *b)
{
    pthread_mutex_lock(&b->lock);
    bool is_same = memcmp(a->shown, b->shown, sizeof a->shown) == 0;
    pthread_mutex_unlock(&b->lock);
    return is_same;
}

static bool is_same(const struct tls_client *a, struct tls_client *b)
{
    if (a->verify != b->verify || !shows_same(a, b) || (a->server_name == NULL) != (b->server_name == NULL) ||
        (a->server_name != NULL && strcmp(a->server_name, b->server_name) != 0))
        return false;
    if (a->authorities == NULL || b->authorities == NULL)
        return a->authorities == b->authorities;
    return a->authorities_len == b->authorities_len && memcmp(a->authorities, b->authorities, a->authorities_len) == 0;
}

/* The key is the keeper's. */
static bool show_certificate(SSL_CTX *ctx, const struct certificate_conf *conf, struct opener *opener,
                             struct diag *diag, unsigned char ret_digest[TLS_DIGEST_LEN])
{
    struct chain chain = {0};
    bool is_fine = tls_chain_read(conf, opener, diag, &chain) && tls_chain_use(ctx, &chain, conf, diag);
    memcpy(ret_digest, chain.digest, TLS_DIGEST_LEN);
    tls_chain_fini(&chain);
    return is_fine;
}

struct tls_client *tls_client_build(const struct tls_conf *conf, struct opener *opener, struct tls_client *previous,
                                    struct diag *diag)
{
    struct tls_client *client = must_calloc(1, sizeof *client);
    atomic_init(&client->refs, 1);
    must(pthread_mutex_init(&client->lock, NULL) == 0);
    client->ctx = new_ctx(conf->verify);
    client->verify = conf->verify;
    client->has_certificate = conf->certificate.certificate_path != NULL;
    if (conf->server_name.at != NULL) {
        client->server_name = must_alloc(conf->server_name.len + 1);
        memcpy(client->server_name, conf->server_name.at, conf->server_name.len);
        client->server_name[conf->server_name.len] = '\0';
    }
    bool is_fine = conf->ca_path != NULL ? trust_file(client, conf, opener, diag)
                                         : !conf->verify || trust_system(client, conf, diag);
    if (client->has_certificate)
        is_fine &= show_certificate(client->ctx, &conf->certificate, opener, diag, client->shown);
    if (!is_fine || (previous != NULL && is_same(client, previous))) {
        free_client(client);
        return is_fine ? tls_client_ref(previous) : NULL;
    }
    return client;
}

/* A certificate that is replaced. Only one thread does so, hence it reads without the lock. The authorities are not
   read again. */

bool tls_client_renew(struct tls_client *client, const struct tls_conf *conf, struct opener *opener, struct diag *diag)
{
    must(client->next == NULL && client->has_certificate);
    client->next = new_ctx(client->verify);
    SSL_CTX_set1_cert_store(client->next, SSL_CTX_get_cert_store(client->ctx));
    bool is_fine = show_certificate(client->next, &conf->certificate, opener, diag, client->next_shown);
    if (!is_fine)
        tls_client_renewed(client, false);
    return is_fine;
}

void tls_client_renewed(struct tls_client *client, bool is_wanted)
{
    bool is_same = memcmp(client->shown, client->next_shown, TLS_DIGEST_LEN) == 0;
    if (is_wanted && !is_same) {
        SSL_CTX *ctx = client->ctx;
        pthread_mutex_lock(&client->lock);
        client->ctx = client->next;
        memcpy(client->shown, client->next_shown, TLS_DIGEST_LEN);
        pthread_mutex_unlock(&client->lock);
        client->next = ctx;
    }
    SSL_CTX_free(client->next);
    client->next = NULL;
}

SSL_CTX *tls_client_ctx(struct tls_client *client)
{
    pthread_mutex_lock(&client->lock);
    SSL_CTX *ctx = client->ctx;
    SSL_CTX_up_ref(ctx);
    pthread_mutex_unlock(&client->lock);
    return ctx;
}

struct tls_client *tls_client_ref(struct tls_client *client)
{
    atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
    return client;
}

void tls_client_unref(struct tls_client *client)
{
    if (client != NULL && atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) == 1)
        free_client(client);
}
