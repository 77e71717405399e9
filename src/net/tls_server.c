#include "net/tls_server.h"

#include "base/must.h"
#include "net/tls.h"
#include "net/tls_certificate.h"
#include "net/tls_key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <unistd.h>

enum { CERTIFICATE_MAX = 1024 * 1024 };

static bool refuse(struct diag *diag, const struct word *at, const char *hint, const char *what, const char *why)
{
    diag_add(diag, DIAG_ERROR, &at->place, hint, "%s '%.*s'%s%s", what, STR_ARGS(at->text), why != NULL ? ": " : "",
             why != NULL ? why : "");
    return false;
}

static void free_chain(struct chain *chain)
{
    X509_free(chain->certificate);
    sk_X509_pop_free(chain->rest, X509_free);
    OPENSSL_free(chain->staple);
}

static bool parse_chain(const char *text, size_t len, struct chain *ret)
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
    return ret->certificate != NULL && is_end;
}

static bool read_chain(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, struct chain *ret)
{
    char *text;
    size_t len;
    if (!opener_read(opener, conf->certificate_path, CERTIFICATE_MAX, &text, &len))
        return refuse(diag, &conf->certificate, NULL, "cannot read the certificate", strerror(errno));
    bool is_fine = parse_chain(text, len, ret);
    must(EVP_Digest(text, len, ret->digest, NULL, EVP_sha256(), NULL) == 1);
    free(text);
    return is_fine || refuse(diag, &conf->certificate, "a file in PEM: the certificate, then its chain",
                             "there is no whole certificate in", NULL);
}

static bool take_key(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, X509 *certificate)
{
    struct key_id wanted, found;
    char why[KEY_WHY_MAX];
    if (opener->take_key == NULL)
        return refuse(diag, &conf->key, NULL, "there is no keeper for the key", NULL);
    if (!opener->take_key(opener, conf->key_path, &found, why))
        return refuse(diag, &conf->key, NULL, "cannot take the key", why);
    if (why[0] != '\0')
        diag_add(diag, DIAG_WARNING, &conf->key.place, NULL, "the key '%.*s': %s", STR_ARGS(conf->key.text), why);
    tls_key_of_certificate(certificate, &wanted);
    return key_id_eq(&wanted, &found) || refuse(diag, &conf->key, "it belongs to another certificate",
                                                "the certificate does not match the key", NULL);
}

static bool read_pair(const struct certificate_conf *conf, struct opener *opener, struct diag *diag, struct chain *ret)
{
    if (!read_chain(conf, opener, diag, ret) || !take_key(conf, opener, diag, ret->certificate))
        return false;
    tls_certificate_lint(ret->certificate, &conf->certificate, diag);
    return true;
}

static bool try_chain(SSL_CTX *ctx, const struct chain *chain)
{
    EVP_PKEY *key = tls_key_stand_in(chain->certificate);
    bool is_fine = key != NULL && SSL_CTX_use_cert_and_key(ctx, chain->certificate, key, chain->rest, 1) == 1;
    EVP_PKEY_free(key);
    return is_fine;
}

static bool use_chain(SSL_CTX *ctx, const struct chain *chain, const struct certificate_conf *conf, struct diag *diag)
{
    bool is_fine = try_chain(ctx, chain);
    if (!is_fine)
        refuse(diag, &conf->certificate, NULL, "this certificate cannot be used",
               ERR_reason_error_string(ERR_peek_error()));
    ERR_clear_error();
    return is_fine;
}

/* Of a text in memory. */
static bool use_made(SSL_CTX *ctx, const char *pem, struct chain *ret)
{
    size_t len = strlen(pem);
    must(EVP_Digest(pem, len, ret->digest, NULL, EVP_sha256(), NULL) == 1);
    bool is_fine = parse_chain(pem, len, ret) && try_chain(ctx, ret);
    ERR_clear_error();
    return is_fine;
}

/* From memory: what the keeper has made. */
static bool use_self_signed(SSL_CTX *ctx, const struct tls_server_conf *conf, struct opener *opener, struct diag *diag,
                            struct chain *ret)
{
    char why[KEY_WHY_MAX] = "it cannot be used";
    if (opener->self_sign == NULL) /* nothing will be served with it */
        return true;
    char *pem = opener->self_sign(opener, conf->index, why);
    bool is_fine = pem != NULL && use_made(ctx, pem, ret);
    free(pem);
    return is_fine || refuse(diag, &conf->block, NULL, "there is no self-signed certificate for", why);
}

/* What was ordered may not be there yet, and is no reason not to start when it has been damaged: there will be another. */
static bool use_ordered(SSL_CTX *ctx, const struct tls_server_conf *conf, struct opener *opener, struct diag *diag,
                        struct chain *ret)
{
    const struct certificate_conf *ordered = &conf->certificates[0];
    struct diag ignored;
    if (conf->certificate_count == 0) /* after a mistake, which was told */
        return true;
    int fd = opener->open(opener, ordered->certificate_path, OPEN_READ);
    bool is_there = fd >= 0;
    if (fd >= 0)
        close(fd);
    diag_init(&ignored);
    bool is_fine = is_there && read_pair(ordered, opener, &ignored, ret) && use_chain(ctx, ret, ordered, &ignored);
    diag_fini(&ignored);
    if (is_fine || opener->self_sign == NULL)
        return true;
    if (is_there)
        diag_add(diag, DIAG_WARNING, &conf->place.place, NULL, "the certificate that was ordered cannot be used: '%s'",
                 ordered->certificate_path);
    free_chain(ret);
    *ret = (struct chain){0};
    return use_self_signed(ctx, conf, opener, diag, ret);
}

static bool use_certificates(struct tls_server *server, const struct tls_server_conf *conf, struct opener *opener,
                             struct diag *diag)
{
    bool is_fine = true;
    if (conf->source == CERTIFICATE_AUTO)
        return use_ordered(server->ctx, conf, opener, diag, &server->chains[0]);
    if (conf->source == CERTIFICATE_SELF_SIGNED)
        return use_self_signed(server->ctx, conf, opener, diag, &server->chains[0]);
    for (size_t i = 0; i < conf->certificate_count; i++)
        is_fine &= read_pair(&conf->certificates[i], opener, diag, &server->chains[i]) &&
                   use_chain(server->ctx, &server->chains[i], &conf->certificates[i], diag);
    return is_fine;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
                           unsigned offered_len, void *arg)
{
    static const unsigned char http1[] = "\x08http/1.1";
    (void)ssl, (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, ret_len, http1, sizeof http1 - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2 */
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_ctx(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    static const unsigned char context[] = "gatehouse";
    must(ctx != NULL);
    must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    must(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* net/tls.c counts the records that bring nothing */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets do it */
    must(SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1) == 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_client_hello_cb(ctx, tls_look_at_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, tls_choose_certificate);
    return ctx;
}

static struct tls_server *new_server(size_t count)
{
    struct tls_server *server = must_calloc(1, sizeof *server);
    atomic_init(&server->refs, 1);
    must(pthread_mutex_init(&server->lock, NULL) == 0);
    server->ctx = new_ctx();
    tls_ocsp_enable(server->ctx, server);
    server->chains = must_calloc(count + 1, sizeof *server->chains);
    server->count = count;
    return server;
}

static void free_server(struct tls_server *server)
{
    for (size_t i = 0; i < server->count; i++)
        free_chain(&server->chains[i]);
    free(server->chains);
    SSL_CTX_free(server->ctx);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

static bool is_same(struct tls_server *a, struct tls_server *b)
{
    bool is_same = a->count == b->count;
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = memcmp(a->chains[i].digest, b->chains[i].digest, sizeof a->chains[i].digest) == 0;
    pthread_mutex_unlock(&b->lock);
    return is_same;
}

struct tls_server *tls_server_build(const struct tls_server_conf *conf, struct opener *opener,
                                    struct tls_server *previous, struct diag *diag)
{
    struct tls_server *server = new_server(conf->source == CERTIFICATE_SELF_SIGNED ? 1 : conf->certificate_count);
    bool is_fine = use_certificates(server, conf, opener, diag);
    if (is_fine && (previous == NULL || !is_same(server, previous)))
        return server;
    free_server(server);
    return is_fine ? tls_server_ref(previous) : NULL;
}

/* A certificate that is replaced. Only one thread does so, hence it reads without the lock. */

static void drop_next(struct tls_server *server)
{
    SSL_CTX_free(server->next);
    free_chain(&server->next_chain);
    server->next = NULL;
    server->next_chain = (struct chain){0};
}

bool tls_server_renew(struct tls_server *server, const struct tls_server_conf *conf, size_t index,
                      struct opener *opener, struct diag *diag)
{
    must(server->next == NULL && index < server->count && server->count == conf->certificate_count);
    bool is_fine = read_pair(&conf->certificates[index], opener, diag, &server->next_chain);
    server->next_index = index;
    server->next = new_ctx();
    tls_ocsp_enable(server->next, server);
    for (size_t i = 0; is_fine && i < server->count; i++)
        is_fine = use_chain(server->next, i == index ? &server->next_chain : &server->chains[i], &conf->certificates[i],
                            diag);
    if (!is_fine)
        drop_next(server);
    return is_fine;
}

void tls_server_renewed(struct tls_server *server, bool is_wanted)
{
    struct chain *chain = &server->chains[server->next_index];
    bool is_same = memcmp(chain->digest, server->next_chain.digest, sizeof chain->digest) == 0;
    if (is_wanted && !is_same) { /* else its session tickets stay good */
        SSL_CTX *ctx = server->ctx;
        struct chain old = *chain;
        pthread_mutex_lock(&server->lock);
        server->ctx = server->next;
        *chain = server->next_chain;
        pthread_mutex_unlock(&server->lock);
        server->next = ctx;
        server->next_chain = old;
    }
    drop_next(server);
}

SSL_CTX *tls_server_ctx(struct tls_server *server)
{
    pthread_mutex_lock(&server->lock);
    SSL_CTX *ctx = server->ctx;
    SSL_CTX_up_ref(ctx);
    pthread_mutex_unlock(&server->lock);
    return ctx;
}

/* RFC 8737 section 3: nothing else is spoken with this certificate. */
static int choose_challenge(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
                            unsigned offered_len, void *arg)
{
    (void)ssl, (void)arg;
    if (!tls_offers_challenge(offered, offered_len))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = offered + 1;
    *ret_len = offered[0];
    return SSL_TLSEXT_ERR_OK;
}

struct tls_server *tls_server_for_challenge(const char *pem)
{
    struct tls_server *server = new_server(1);
    SSL_CTX_set_alpn_select_cb(server->ctx, choose_challenge, NULL);
    SSL_CTX_set_num_tickets(server->ctx, 0);
    SSL_CTX_set_tlsext_status_cb(server->ctx, NULL); /* it would need the server, which may go before its handshakes */
    if (use_made(server->ctx, pem, &server->chains[0]))
        return server;
    free_server(server);
    return NULL;
}

struct tls_server *tls_server_ref(struct tls_server *server)
{
    atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
    return server;
}

void tls_server_unref(struct tls_server *server)
{
    if (server != NULL && atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel) == 1)
        free_server(server);
}
