#include "net/tls_server.h"

#include "base/must.h"
#include "net/tls.h"
#include "net/tls_certificate.h"
#include "net/tls_ciphers.h"
#include "net/tls_seen.h"
#include "net/tls_ticket.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHAIN_DEPTH_MAX = 8 };

/* Of a text in memory. */
static bool use_made(SSL_CTX *ctx, const char *pem, struct chain *ret)
{
    size_t len = strlen(pem);
    ret->is_made = true;
    must(EVP_Digest(pem, len, ret->digest, NULL, EVP_sha256(), NULL) == 1);
    bool is_fine = tls_chain_parse(pem, len, ret) && tls_chain_try(ctx, ret);
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
    return is_fine || tls_file_refuse(diag, &conf->block, NULL, "there is no self-signed certificate for", why);
}

/* What was ordered may not be there yet, and is no reason not to start when it has been damaged: there will be
   another. */
static bool use_ordered(SSL_CTX *ctx, const struct tls_server_conf *conf, struct opener *opener, struct diag *diag,
                        struct chain *ret)
{
    struct diag ignored;
    if (conf->certificate_count == 0) /* after a mistake, which was told */
        return true;
    const struct certificate_conf *ordered = &conf->certificates[0];
    int fd = tls_chain_open(ordered, opener);
    bool is_there = fd >= 0;
    if (fd >= 0)
        close(fd);
    diag_init(&ignored);
    bool is_fine = is_there && tls_chain_read(ordered, opener, &ignored, ret) &&
                   tls_chain_use(ctx, ret, ordered, &ignored);
    diag_fini(&ignored);
    if (is_fine || opener->self_sign == NULL)
        return true;
    if (is_there)
        diag_add(diag, DIAG_WARNING, &conf->place.place, NULL, "the certificate that was ordered cannot be used: '%s'",
                 ordered->certificate_path);
    tls_chain_fini(ret);
    *ret = (struct chain){0};
    return use_self_signed(ctx, conf, opener, diag, ret);
}

static bool has_different_names(const struct tls_server *server)
{
    for (size_t i = 1; i < server->count; i++)
        if (strcmp(server->chains[i].names, server->chains[0].names) != 0)
            return true;
    return false;
}

/* Of several with one kind of key a context shows the last that it was given. A client whose name none is for, or that
   asks for none, is shown the first of each kind. */
static void prefer_first(struct tls_server *server)
{
    for (size_t i = server->count; i-- > 0;)
        must(tls_chain_try(server->ctx, &server->chains[i]));
    server->is_choosing = has_different_names(server);
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
        is_fine &= tls_chain_read(&conf->certificates[i], opener, diag, &server->chains[i]) &&
                   tls_chain_use(server->ctx, &server->chains[i], &conf->certificates[i], diag);
    if (is_fine)
        prefer_first(server);
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

static SSL_CTX *new_ctx(struct tls_server *server)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    must(ctx != NULL);
    SSL_CTX_set_app_data(ctx, server);
    must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    must(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
    tls_groups_set(ctx);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* net/tls.c counts the records that bring nothing */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets do it */
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_client_hello_cb(ctx, tls_take_hello, NULL); /* its name chooses the certificate: net/tls.c */
    SSL_CTX_set_tlsext_servername_callback(ctx, tls_confirm_name);
    tls_ocsp_enable(ctx, server);
    return ctx;
}

static struct tls_server *new_server(size_t count)
{
    struct tls_server *server = must_calloc(1, sizeof *server);
    atomic_init(&server->refs, 1);
    must(pthread_mutex_init(&server->lock, NULL) == 0);
    server->ctx = new_ctx(server);
    server->chains = must_calloc(count + 1, sizeof *server->chains);
    server->count = count;
    return server;
}

static void free_server(struct tls_server *server)
{
    for (size_t i = 0; i < server->count; i++)
        tls_chain_fini(&server->chains[i]);
    free(server->chains);
    SSL_CTX_free(server->ctx);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* Settings. They go into a digest too, which tells those of one block from those of another, and from what a reload has
   made of them. */

static void set_versions(SSL_CTX *ctx, const struct tls_server_conf *conf)
{
    must(SSL_CTX_set_min_proto_version(ctx, (conf->versions & TLS_1_2) != 0 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1);
    must(SSL_CTX_set_max_proto_version(ctx, (conf->versions & TLS_1_3) != 0 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1);
}

static bool set_settings(const struct tls_server *server, SSL_CTX *ctx, const struct tls_server_conf *conf,
                         struct diag *diag)
{
    set_versions(ctx, conf);
    /* In any case: a connection keeps the callbacks of the context that it began with, whatever block is chosen. */
    tls_ticket_enable(ctx);
    if (!conf->tickets)
        tls_ticket_disable(ctx);
    must(SSL_CTX_set_session_id_context(ctx, server->context, sizeof server->context) == 1);
    return tls_ciphers_set(ctx, conf->ciphers, conf->cipher_count, diag);
}

/* The names that a client's programme shows its user certificates by. */
static void name_authorities(SSL_CTX *ctx)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        must(authority == NULL || SSL_CTX_add_client_CA(ctx, authority) == 1);
    }
}

static bool read_authorities(SSL_CTX *ctx, const struct tls_server_conf *conf, struct opener *opener, struct diag *diag,
                             EVP_MD_CTX *rules)
{
    char *text;
    size_t len;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    if (!opener_read(opener, conf->client_ca_path, TLS_AUTHORITIES_MAX, &text, &len))
        return tls_file_refuse(diag, &conf->client_ca, NULL, "cannot read the authorities for clients",
                               strerror(errno));
    int count = tls_file_trust(store, text, len);
    tls_authorities_lint(store, &conf->client_ca, diag);
    EVP_DigestUpdate(rules, text, len);
    free(text);
    if (count < 0)
        return tls_file_refuse(diag, &conf->client_ca, NULL, "a certificate is broken in", NULL);
    return count > 0 || tls_file_refuse(diag, &conf->client_ca, "certificates begin with -----BEGIN CERTIFICATE-----",
                                        "there is no certificate in", NULL);
}

/* One of them is enough: an authority that is named need not have its own named, too. */
static bool ask_for_certificates(struct tls_server *server, const struct tls_server_conf *conf, struct opener *opener,
                                 struct diag *diag)
{
    bool is_required = conf->client_certificate == CLIENT_CERTIFICATE_REQUIRED;
    EVP_MD_CTX *rules = EVP_MD_CTX_new();
    if (conf->client_ca_path == NULL) {
        EVP_MD_CTX_free(rules);
        return true;
    }
    must(rules != NULL && EVP_DigestInit_ex(rules, EVP_sha256(), NULL) == 1);
    EVP_DigestUpdate(rules, &is_required, sizeof is_required);
    bool is_fine = read_authorities(server->ctx, conf, opener, diag, rules);
    EVP_DigestFinal_ex(rules, server->rules, NULL);
    EVP_MD_CTX_free(rules);
    name_authorities(server->ctx);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(server->ctx), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(server->ctx, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_CTX_set_verify_depth(server->ctx, CHAIN_DEPTH_MAX);
    return is_fine;
}

static void digest_settings(struct tls_server *server, const struct tls_server_conf *conf)
{
    EVP_MD_CTX *all = EVP_MD_CTX_new();
    must(all != NULL && EVP_DigestInit_ex(all, EVP_sha256(), NULL) == 1);
    EVP_DigestUpdate(all, server->rules, sizeof server->rules);
    EVP_DigestUpdate(all, &conf->versions, sizeof conf->versions);
    EVP_DigestUpdate(all, &conf->tickets, sizeof conf->tickets);
    EVP_DigestUpdate(all, &conf->is_forward, sizeof conf->is_forward);
    EVP_DigestUpdate(all, conf->block.text.at, conf->block.text.len);
    for (size_t i = 0; i < conf->cipher_count; i++) {
        EVP_DigestUpdate(all, ":", 1);
        EVP_DigestUpdate(all, conf->ciphers[i].text.at, conf->ciphers[i].text.len);
    }
    EVP_DigestFinal_ex(all, server->context, NULL);
    EVP_MD_CTX_free(all);
}

static bool set_up(struct tls_server *server, const struct tls_server_conf *conf, struct opener *opener,
                   struct diag *diag)
{
    bool is_fine = ask_for_certificates(server, conf, opener, diag);
    digest_settings(server, conf);
    return set_settings(server, server->ctx, conf, diag) && is_fine;
}

/* For another context of the same server. The file of authorities is not read again: what is renewed is a
   certificate. */
static bool copy_settings(const struct tls_server *server, SSL_CTX *into, const struct tls_server_conf *conf,
                          struct diag *diag)
{
    SSL_CTX_set1_cert_store(into, SSL_CTX_get_cert_store(server->ctx));
    SSL_CTX_set_client_CA_list(into, SSL_dup_CA_list(SSL_CTX_get_client_CA_list(server->ctx)));
    SSL_CTX_set_verify(into, SSL_CTX_get_verify_mode(server->ctx), NULL);
    SSL_CTX_set_verify_depth(into, SSL_CTX_get_verify_depth(server->ctx));
    return set_settings(server, into, conf, diag);
}

static bool is_same(struct tls_server *a, struct tls_server *b)
{
    bool is_same = a->count == b->count && memcmp(a->context, b->context, sizeof a->context) == 0;
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
    bool is_set_up = set_up(server, conf, opener, diag);
    bool is_fine = use_certificates(server, conf, opener, diag) && is_set_up; /* both tell what is wrong */
    if (is_fine)
        tls_ciphers_lint(server->ctx, conf, server->chains, server->count, diag);
    if (is_fine && (previous == NULL || !is_same(server, previous)))
        return server;
    free_server(server);
    return is_fine ? tls_server_ref(previous) : NULL;
}

/* A certificate that is replaced. Only one thread does so, hence it reads without the lock. */

static void drop_next(struct tls_server *server)
{
    SSL_CTX_free(server->next);
    tls_chain_fini(&server->next_chain);
    server->next = NULL;
    server->next_chain = (struct chain){0};
}

bool tls_server_renew(struct tls_server *server, const struct tls_server_conf *conf, size_t index,
                      struct opener *opener, struct diag *diag)
{
    must(server->next == NULL && index < server->count && server->count == conf->certificate_count);
    bool is_fine = tls_chain_read(&conf->certificates[index], opener, diag, &server->next_chain);
    server->next_index = index;
    server->next = new_ctx(server);
    is_fine = is_fine && copy_settings(server, server->next, conf, diag);
    /* The first of each kind of key is given last: prefer_first(). */
    for (size_t i = server->count; is_fine && i-- > 0;)
        is_fine = tls_chain_use(server->next, i == index ? &server->next_chain : &server->chains[i],
                                &conf->certificates[i], diag);
    if (!is_fine)
        drop_next(server);
    return is_fine;
}

void tls_server_renewed(struct tls_server *server, bool is_wanted)
{
    struct chain *chain = &server->chains[server->next_index];
    bool is_same = memcmp(chain->digest, server->next_chain.digest, sizeof chain->digest) == 0;
    if (is_wanted && !is_same) {
        SSL_CTX *ctx = server->ctx;
        pthread_mutex_lock(&server->lock);
        struct chain old = *chain; /* its staple may change up to here */
        server->ctx = server->next;
        *chain = server->next_chain;
        server->is_choosing = has_different_names(server);
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

/* A wildcard stands for one label (RFC 6125 6.4.3). */
static bool is_for(const struct chain *chain, struct str name)
{
    struct str names = str_of(chain->names), one, parent = str_skip(name, str_find(name, '.'));
    while (str_cut(&names, ' ', &one)) {
        bool is_wild = str_starts(one, STR("*."));
        if (str_eq_nocase(is_wild ? str_skip(one, 1) : one, is_wild ? parent : name))
            return true;
    }
    return false;
}

/* The certificates that are for the name, and no others, of each kind of key the first. When none is, those that the
   context shows. */
static void show_named(struct tls_server *server, SSL *ssl, struct str name)
{
    bool has_others = true;
    pthread_mutex_lock(&server->lock);
    for (size_t i = server->is_choosing ? server->count : 0; i-- > 0;) {
        const struct chain *chain = &server->chains[i];
        if (!is_for(chain, name))
            continue;
        if (has_others)
            SSL_certs_clear(ssl);
        has_others = false;
        must(SSL_use_cert_and_key(ssl, chain->certificate, chain->key, chain->rest, 1) == 1);
    }
    pthread_mutex_unlock(&server->lock);
}

/* SSL_set_SSL_CTX() brings the certificates, ciphers, authorities and callbacks of the other context, and nothing else
   of it. */
void tls_server_apply(struct tls_server *server, SSL *ssl, struct str name)
{
    SSL_CTX *ctx = tls_server_ctx(server);
    must(SSL_set_SSL_CTX(ssl, ctx) != NULL);
    must(SSL_set_min_proto_version(ssl, SSL_CTX_get_min_proto_version(ctx)) == 1);
    must(SSL_set_max_proto_version(ssl, SSL_CTX_get_max_proto_version(ctx)) == 1);
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx), NULL);
    SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(ctx));
    SSL_clear_options(ssl, SSL_OP_NO_TICKET);
    SSL_set_options(ssl, SSL_CTX_get_options(ctx));
    must(SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(ctx)) == 1);
    must(SSL_set_session_id_context(ssl, server->context, sizeof server->context) == 1);
    SSL_CTX_free(ctx); /* the connection has a reference of its own */
    if (name.at != NULL)
        show_named(server, ssl, name);
}

bool tls_server_same_rules(const struct tls_server *a, const struct tls_server *b)
{
    return memcmp(a->rules, b->rules, sizeof a->rules) == 0;
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
    tls_ticket_disable(server->ctx);
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
