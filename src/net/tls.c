#include "net/tls.h"

#include "base/addr.h"
#include "base/hostname.h"
#include "base/list.h"
#include "base/must.h"
#include "loop/ready.h"
#include "net/client_hello.h"
#include "net/keeper_link.h"
#include "net/tls_certificate.h"
#include "net/tls_challenge.h"
#include "net/tls_client.h"
#include "net/tls_server.h"
#include "net/transport.h"

#include <errno.h>
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum {
    NAME_MAX_LEN = 255,
    RECORD_MAX = 16 * 1024, /* bytes of data in one record: RFC 8446 5.1 */
    RUN_FULL = 4 * RECORD_MAX,
    RUN_MAX = 2 * RUN_FULL
};

/* A handshake in which the keeper may have to sign, until it is done: with a client, or with a server that is shown a
   certificate. */
struct greeting {
    const struct tls_gate *gate;       /* of a client */
    struct tls_resumption *resumption; /* of a server; borrowed */
    struct signer signer;
    struct list starving; /* waits for one of the jobs that the thread may have */
    struct buffer rest;   /* was read before TLS began */
    const char *why;      /* it failed */
};

/* Records on their way: several are sent in one call. */
struct run {
    struct buffer records;
    size_t plain; /* bytes at the front of what is being written that are in them */
};

/* Small, since thousands of idle ones are held. */
struct tls {
    struct transport transport;
    struct transport *tcp; /* owned */
    SSL *ssl;
    struct run *run; /* NULL: all that was sealed is sent */
    union {
        struct greeting *greeting;         /* while it lasts (has_greeting) */
        struct tls_resumption *resumption; /* of a server, else; borrowed */
    };
    union {
        const char *why;       /* a server's handshake has failed, or what came behind it */
        struct tls_seen *seen; /* of a client; NULL: nothing yet. Owned, with all its texts */
    };
    uint8_t quiet;  /* records that brought no data, since the last that did */
    bool is_client; /* it came to us */
    bool has_greeting;
    bool is_open;      /* the handshake is done */
    bool is_broken;    /* nothing can be read any more, unlike after a write that failed */
    bool is_drained;   /* the last read found the socket empty */
    bool is_challenge; /* the client wants to see a name proved */
};

static const struct transport_ops tls_ops;

static struct tls *tls_of(const struct transport *transport)
{
    must(transport != NULL && transport->ops == &tls_ops);
    return container_of((struct transport *)(uintptr_t)transport, struct tls, transport);
}

static struct greeting *greeting_of(const struct tls *tls)
{
    return tls->has_greeting ? tls->greeting : NULL;
}

static struct tls_resumption *resumption_of(const struct tls *tls)
{
    if (tls->is_client)
        return NULL;
    return tls->has_greeting ? tls->greeting->resumption : tls->resumption;
}

/* Not by the library's application data, which would take another hundred bytes of each connection. */
static struct tls *tls_of_ssl(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}

/* The socket, as OpenSSL reads and writes it */

static size_t read_rest(struct buffer *rest, char *at, size_t room)
{
    struct str front = buffer_front(rest);
    size_t len = front.len < room ? front.len : room;
    memcpy(at, front.at, len);
    buffer_drop(rest, len);
    return len;
}

/* How many bytes a client may send in its handshake. The library takes a hello of 128 KiB, and a second one after a
   HelloRetryRequest, and keeps it until it is whole. */
static size_t most_of_handshake(const struct tls *tls)
{
    if (tls->seen == NULL)
        return CLIENT_HELLO_MAX;
    bool asks = SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE; /* for a certificate */
    return 3 * CLIENT_HELLO_MAX + (asks ? (size_t)SSL_get_max_cert_list(tls->ssl) : 0);
}

static bool says_too_much(const struct tls *tls, BIO *bio)
{
    if (!tls->is_client || tls->is_open || BIO_number_read(bio) < most_of_handshake(tls))
        return false;
    tls->greeting->why = tls->seen == NULL ? "its hello is too long" : "its handshake is too long";
    return true;
}

static int bio_read(BIO *bio, char *at, int room)
{
    struct tls *tls = BIO_get_data(bio);
    struct greeting *greeting = greeting_of(tls);
    if (says_too_much(tls, bio)) {
        BIO_clear_retry_flags(bio);
        return -1;
    }
    bool has_rest = greeting != NULL && greeting->rest.len > 0;
    ssize_t got = has_rest ? (ssize_t)read_rest(&greeting->rest, at, (size_t)room)
                           : tcp_receive(tls->tcp, at, (size_t)room);
    BIO_clear_retry_flags(bio);
    tls->is_drained = got < 0 && errno == EAGAIN;
    if (tls->is_drained)
        BIO_set_retry_read(bio);
    BIO_set_flags(bio, got == 0 ? BIO_FLAGS_IN_EOF : 0);
    return (int)got;
}

/* Data are collected; what the library says of itself (handshakes, alerts) goes out at once, but not before what was
   collected. */
static int bio_write(BIO *bio, const char *at, int len)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->run != NULL) {
        if (tls->run->records.len > RUN_MAX)
            return -1; /* a peer that makes us answer and does not read */
        buffer_add(&tls->run->records, str_from(at, (size_t)len));
        return len;
    }
    ssize_t sent = tcp_send(tls->tcp, at, (size_t)len);
    if (sent < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)sent;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)number, (void)pointer;
    if (what == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *new_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");
    must(method != NULL);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return method;
}

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method;

static void make_method(void)
{
    method = new_method();
}

static BIO *new_bio(struct tls *tls)
{
    must(CRYPTO_THREAD_run_once(&once, make_method) == 1);
    BIO *bio = BIO_new(method);
    must(bio != NULL);
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    return bio;
}

/* The handshake */

void tls_resumption_fini(struct tls_resumption *resumption)
{
    SSL_SESSION_free(resumption->session);
    SSL_CTX_free(resumption->ctx);
    resumption->session = NULL;
    resumption->ctx = NULL;
}

int tls_keep_session(SSL *ssl, SSL_SESSION *taken)
{
    struct tls_resumption *resumption = resumption_of(tls_of_ssl(ssl));
    tls_resumption_fini(resumption);
    resumption->session = taken;
    resumption->ctx = SSL_get_SSL_CTX(ssl);
    SSL_CTX_up_ref(resumption->ctx);
    return 1;
}

/* Whom to ask for, and whom to expect. An address is not sent (RFC 6066 section 3) but looked for in the
   certificate. */
static void name_server(struct tls *tls, const struct tls_client *client, struct str name)
{
    char text[NAME_MAX_LEN + 1];
    struct ip ip;
    if (client->server_name != NULL)
        name = str_of(client->server_name);
    if (name.at == NULL) /* a unix socket, not verified */
        return;
    must(name.len <= NAME_MAX_LEN);
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    X509_VERIFY_PARAM *expected = SSL_get0_param(tls->ssl);
    if (ip_parse(name, &ip)) {
        must(!client->verify || X509_VERIFY_PARAM_set1_ip_asc(expected, text) == 1);
        return;
    }
    SSL_set_tlsext_host_name(tls->ssl, text);
    X509_VERIFY_PARAM_set_hostflags(expected, TLS_HOST_FLAGS);
    must(!client->verify || X509_VERIFY_PARAM_set1_host(expected, text, name.len) == 1);
}

static struct tls *new_tls(struct transport *taken, SSL_CTX *ctx)
{
    struct tls *tls = must_calloc(1, sizeof *tls);
    tls->transport = (struct transport){.ops = &tls_ops, .ready = taken->ready};
    tls->tcp = taken;
    tls->ssl = SSL_new(ctx);
    must(tls->ssl != NULL);
    BIO *bio = new_bio(tls);
    SSL_set_bio(tls->ssl, bio, bio);
    return tls;
}

/* Signatures of the keeper */

/* Each job has a stack of its own; one is held while the keeper signs, and those that find none wait for one. */
enum { JOBS_MAX = 256, JOBS_FEW = 8, JOB_BYTES = 32 * 1024 };

static _Thread_local struct list starving;
static _Thread_local bool has_jobs;
static _Thread_local unsigned greetings;      /* under way, each of which may hold one */
static _Thread_local unsigned most_greetings; /* so many at once, since the jobs were last given back */

static void prepare_thread(void)
{
    if (has_jobs)
        return;
    list_init(&starving);
    must(ASYNC_init_thread(JOBS_MAX, 0) == 1);
    has_jobs = true;
}

size_t tls_thread_spare(void)
{
    unsigned jobs = most_greetings < JOBS_MAX ? most_greetings : JOBS_MAX;
    return has_jobs && jobs > JOBS_FEW ? (size_t)jobs * JOB_BYTES : 0;
}

/* ASYNC_cleanup_thread() alone would leave a few bytes behind each time that the thread is prepared again. */
void tls_thread_done(void)
{
    if (has_jobs)
        OPENSSL_thread_stop();
    has_jobs = false;
    most_greetings = 0;
}

size_t tls_thread_trim(void)
{
    size_t freed = greetings == 0 ? tls_thread_spare() : 0;
    if (freed > 0)
        tls_thread_done();
    return freed;
}

static struct greeting *begin_greeting(struct tls *tls)
{
    prepare_thread();
    tls->greeting = must_calloc(1, sizeof *tls->greeting);
    tls->has_greeting = true;
    if (++greetings > most_greetings)
        most_greetings = greetings;
    list_init(&tls->greeting->starving);
    SSL_set_mode(tls->ssl, SSL_MODE_ASYNC);
    return tls->greeting;
}

/* Servers */

static bool is_fresh(const struct tls_resumption *resumption)
{
    enum { RESUMED_MAX = MSEC_HOUR };
    const X509 *peer = SSL_SESSION_get0_peer(resumption->session);
    bool is_valid = peer == NULL || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
    return is_valid && mono_since(resumption->verified, clock_mono()) < RESUMED_MAX;
}

static void offer_session(struct tls *tls)
{
    struct tls_resumption *resumption = resumption_of(tls);
    if (resumption->session == NULL)
        return;
    if (resumption->ctx == SSL_get_SSL_CTX(tls->ssl) && is_fresh(resumption))
        SSL_set_session(tls->ssl, resumption->session);
    else
        tls_resumption_fini(resumption);
}

struct transport *tls_connect(struct transport *taken, struct tls_client *client, struct str name,
                              struct tls_resumption *resumption)
{
    SSL_CTX *ctx = tls_client_ctx(client);
    struct tls *tls = new_tls(taken, ctx);
    SSL_CTX_free(ctx); /* the connection has a reference of its own */
    tls->resumption = resumption;
    if (client->has_certificate)
        begin_greeting(tls)->resumption = resumption;
    SSL_set_connect_state(tls->ssl);
    name_server(tls, client, name);
    offer_session(tls);
    return &tls->transport;
}

/* Clients */

struct transport *tls_accept(struct transport *taken, const struct tls_gate *gate, struct buffer *rest)
{
    SSL_CTX *ctx = tls_server_ctx(gate->first);
    struct tls *tls = new_tls(taken, ctx);
    SSL_CTX_free(ctx); /* the connection has a reference of its own */
    tls->is_client = true;
    begin_greeting(tls)->gate = gate;
    buffer_move(&tls->greeting->rest, rest, rest->len);
    SSL_set_accept_state(tls->ssl);
    return &tls->transport;
}

static struct str own(struct str text)
{
    return str_from(must_copy(text.at, text.len), text.len);
}

static void free_seen(struct tls_seen *seen)
{
    if (seen == NULL)
        return;
    free((char *)(uintptr_t)seen->name.at);
    free((char *)(uintptr_t)seen->subject.at);
    free((char *)(uintptr_t)seen->certificate.at);
    tls_server_unref(seen->server);
    free(seen);
}

static bool take_extension(SSL *ssl, unsigned type, struct str *ret)
{
    const unsigned char *bytes;
    size_t len;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &len) != 1)
        return false;
    *ret = str_from((const char *)bytes, len);
    return true;
}

/* False: there is a name in the hello, and it is not one of a host. */
static bool read_name(SSL *ssl, struct str *ret)
{
    struct arena arena;
    struct str extension, name, normal;
    *ret = STR_NONE;
    if (!take_extension(ssl, TLSEXT_TYPE_server_name, &extension))
        return true;
    arena_init(&arena);
    bool is_fine = client_hello_host(extension, &name) && hostname_normal(&arena, name, &normal);
    if (is_fine)
        *ret = own(normal);
    arena_reset(&arena);
    return is_fine;
}

bool tls_offers_challenge(const unsigned char *list, size_t len)
{
    static const char only[] = "\x0a"
                               "acme-tls/1";
    return len == sizeof only - 1 && memcmp(list, only, len) == 0;
}

static bool is_challenge(SSL *ssl)
{
    enum { LIST_AT = 2 }; /* behind the list's length */
    struct str extension;
    return tls_challenges_are_there() &&
           take_extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension) &&
           extension.len > LIST_AT &&
           tls_offers_challenge((const unsigned char *)extension.at + LIST_AT, extension.len - LIST_AT);
}

bool tls_is_challenge(const struct transport *transport)
{
    return tls_of(transport)->is_challenge;
}

/* A reference. */
static struct tls_server *choose_server(const struct tls *tls, struct str name)
{
    const struct tls_gate *gate = tls->greeting->gate;
    if (tls->is_challenge)
        return tls_challenge_find(name);
    struct tls_server *server = gate->choose(gate, name);
    return server != NULL ? tls_server_ref(server) : NULL;
}

static struct tls_seen *look_at_hello(struct tls *tls)
{
    struct str name;
    tls->is_challenge = is_challenge(tls->ssl);
    struct tls_server *server = read_name(tls->ssl, &name) ? choose_server(tls, name) : NULL;
    if (server == NULL) {
        free((char *)(uintptr_t)name.at);
        return NULL;
    }
    struct tls_seen *seen = must_calloc(1, sizeof *seen);
    *seen = (struct tls_seen){.server = server, .name = name};
    return seen;
}

/* Again after a HelloRetryRequest, which changes nothing. */
int tls_take_hello(SSL *ssl, int *ret_alert, void *arg)
{
    (void)arg;
    struct tls *tls = tls_of_ssl(ssl);
    if (tls->seen != NULL)
        return SSL_CLIENT_HELLO_SUCCESS;
    tls->seen = look_at_hello(tls);
    if (tls->seen == NULL) {
        *ret_alert = SSL_AD_UNRECOGNIZED_NAME;
        tls->greeting->why = "no site has the name that was asked for";
        return SSL_CLIENT_HELLO_ERROR;
    }
    tls_server_apply(tls->seen->server, ssl, tls->seen->name);
    return SSL_CLIENT_HELLO_SUCCESS;
}

int tls_confirm_name(SSL *ssl, int *ret_alert, void *arg)
{
    (void)ret_alert, (void)arg;
    const struct tls *tls = tls_of_ssl(ssl);
    return tls->seen != NULL && tls->seen->name.at != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

const struct tls_seen *tls_seen(const struct transport *transport)
{
    return tls_of(transport)->seen;
}

bool tls_has_heard(const struct transport *transport)
{
    return BIO_number_read(SSL_get_rbio(tls_of(transport)->ssl)) > 0;
}

/* RFC 4514; what is not ASCII is escaped. */
static struct str subject_of(X509 *certificate)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0);
    long len = BIO_get_mem_data(bio, &text);
    struct str copy = own(str_from(len > 0 ? text : "", (size_t)len));
    BIO_free(bio);
    return copy;
}

/* A byte sequence of RFC 8941 3.3.5: its DER form in base 64, between colons. */
static struct str field_of(X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    must(len > 0);
    char *text = must_alloc(4 * ((size_t)len + 2) / 3 + 8);
    text[0] = ':';
    int coded = EVP_EncodeBlock((unsigned char *)text + 1, der, len);
    text[1 + coded] = ':';
    OPENSSL_free(der);
    return str_from(text, (size_t)coded + 2);
}

static void note_certificate(struct tls *tls)
{
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    bool is_asked = SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE;
    if (tls->seen == NULL || certificate == NULL || !is_asked || SSL_get_verify_result(tls->ssl) != X509_V_OK)
        return;
    tls->seen->subject = subject_of(certificate);
    tls->seen->certificate = field_of(certificate);
}

/* The handshake */

static const char *reason(const struct tls *tls)
{
    const SSL *ssl = tls->ssl;
    const struct greeting *greeting = greeting_of(tls);
    if (greeting != NULL && greeting->signer.why != NULL)
        return greeting->signer.why;
    long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
        return X509_verify_cert_error_string(verified);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text != NULL ? text : "the connection was broken off";
}

static void note_failure(struct tls *tls, const char *why)
{
    if (!tls->is_client)
        tls->why = why;
    else if (tls->has_greeting && tls->greeting->why == NULL)
        tls->greeting->why = why;
}

/* After a call that did not do all it was asked. END: the peer has said that nothing follows. */
static enum flow wait_or_fail(struct tls *tls, int result, struct task *who)
{
    struct ready *ready = tls->transport.ready;
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        ready->reader = who;
        return FLOW_WAIT;
    case SSL_ERROR_WANT_WRITE:
        ready->writer = who;
        return FLOW_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return FLOW_END;
    default:
        break;
    }
    note_failure(tls, reason(tls));
    tls->transport.error = EPROTO;
    tls->is_broken = true;
    ready->is_closed = ready->may_read = true;
    ERR_clear_error();
    return FLOW_FAIL;
}

static int do_handshake(struct tls *tls, struct task *who)
{
    struct greeting *greeting = greeting_of(tls);
    ERR_clear_error();
    if (greeting == NULL)
        return SSL_do_handshake(tls->ssl);
    list_remove(&greeting->starving);
    greeting->signer.waiter = who;
    keeper_link_set_signer(&greeting->signer);
    int result = SSL_do_handshake(tls->ssl);
    keeper_link_set_signer(NULL);
    return result;
}

/* A job is free again, or was not needed. */
static void feed_starving(void)
{
    if (!has_jobs || list_is_empty(&starving))
        return;
    struct greeting *first = container_of(starving.next, struct greeting, starving);
    list_remove(&first->starving); /* who is woken for the next job that is free is another one */
    task_wake(first->signer.waiter);
}

static void end_greeting(struct tls *tls)
{
    struct greeting *greeting = greeting_of(tls);
    if (greeting == NULL)
        return;
    list_remove(&greeting->starving);
    buffer_clear(&greeting->rest);
    tls->has_greeting = false;
    greetings--;
    tls->resumption = greeting->resumption;
    free(greeting);
    SSL_clear_mode(tls->ssl, SSL_MODE_ASYNC);
}

static void note_handshake(struct tls *tls)
{
    if (tls->is_client)
        note_certificate(tls);
    else if (!SSL_session_reused(tls->ssl))
        resumption_of(tls)->verified = clock_mono();
}

enum flow tls_connected(struct transport *transport, struct task *who)
{
    struct tls *tls = tls_of(transport);
    if (tls->is_open)
        return FLOW_END;
    int result = do_handshake(tls, who);
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_ASYNC) /* the keeper's answer wakes */
        return FLOW_WAIT;
    if (error == SSL_ERROR_WANT_ASYNC_JOB) {
        list_push_back(&starving, &tls->greeting->starving);
        return FLOW_WAIT;
    }
    feed_starving();
    if (result == 1) {
        tls->is_open = true;
        note_handshake(tls);
        must(greeting_of(tls) == NULL || greeting_of(tls)->rest.len == 0); /* read-ahead has taken it all */
        end_greeting(tls);
        return FLOW_END;
    }
    enum flow flow = wait_or_fail(tls, result, who);
    if (flow == FLOW_WAIT)
        return flow;
    if (!tls->is_client) /* it may be the session that the server does not like */
        tls_resumption_fini(resumption_of(tls));
    return FLOW_FAIL;
}

/* A job that was put aside has to end, or its stack would be lost. */
static void give_up_signing(struct tls *tls)
{
    if (greeting_of(tls) == NULL)
        return;
    list_remove(&tls->greeting->starving);
    tls->greeting->signer.is_given_up = true;
    if (SSL_waiting_for_async(tls->ssl) == 1)
        do_handshake(tls, NULL);
    ERR_clear_error();
    feed_starving();
}

const char *tls_why(const struct transport *transport)
{
    const struct tls *tls = tls_of(transport);
    const struct greeting *greeting = greeting_of(tls);
    const char *why = !tls->is_client ? tls->why : greeting != NULL ? greeting->why : NULL;
    return why != NULL ? why : "the connection was closed";
}

bool tls_is_untrusted(const struct transport *transport)
{
    const SSL *ssl = tls_of(transport)->ssl;
    return SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) != X509_V_OK;
}

/* The transport */

/* Session tickets and changes of keys bring nothing, and a peer may send them without end. */
enum { QUIET_MAX = 32 };

/* MORE: a record without data was read, and the next may be there already. */
static enum flow read_record(struct tls *tls, struct buffer *into, size_t room, struct task *who)
{
    size_t contiguous, got = 0;
    char *at = buffer_room(into, 1, &contiguous);
    ERR_clear_error();
    tls->is_drained = false;
    int result = SSL_read_ex(tls->ssl, at, contiguous < room ? contiguous : room, &got);
    buffer_fill(into, result == 1 ? got : 0);
    if (result == 1) {
        tls->quiet = 0;
        return FLOW_MORE;
    }
    bool is_more = SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ && !tls->is_drained;
    return is_more && ++tls->quiet < QUIET_MAX ? FLOW_MORE : is_more ? FLOW_FAIL : wait_or_fail(tls, result, who);
}

/* Reading goes on after a failed write, as in clear: a server's early answer may be there. */
static enum flow read_some(struct transport *transport, struct buffer *into, size_t room, struct task *who)
{
    struct tls *tls = tls_of(transport);
    size_t before = into->len;
    enum flow flow = FLOW_MORE;
    must(tls->is_open && room > 0);
    if (tls->is_broken)
        return FLOW_FAIL;
    while (flow == FLOW_MORE && into->len == before)
        flow = read_record(tls, into, room, who);
    transport->ready->reader = flow == FLOW_WAIT ? who : NULL; /* also when it is a write that is waited for */
    return flow == FLOW_END && transport->error != 0 ? FLOW_FAIL : flow;
}

/* The connection takes no more; what was sent by the peer before may still be read. */
static enum flow fail_writing(struct tls *tls)
{
    tls->transport.error = EPIPE;
    tls->transport.ready->is_closed = tls->transport.ready->may_read = true;
    ERR_clear_error();
    return FLOW_FAIL;
}

enum { PIECES = 16 };

/* How many of the pieces share a record: at least one. */
static int sharing(const struct iovec *pieces, int count, size_t *ret_len)
{
    int together = 1;
    *ret_len = pieces[0].iov_len;
    for (; together < count && *ret_len + pieces[together].iov_len <= RECORD_MAX; together++)
        *ret_len += pieces[together].iov_len;
    return together;
}

static const char *joined(const struct iovec *pieces, int count)
{
    static _Thread_local char bytes[RECORD_MAX];
    size_t len = 0;
    if (count == 1)
        return pieces[0].iov_base;
    for (int i = 0; i < count; i++) {
        memcpy(bytes + len, pieces[i].iov_base, pieces[i].iov_len);
        len += pieces[i].iov_len;
    }
    return bytes;
}

/* Into the run. It takes all that fits, so the library never has to wait. */
static bool seal_bytes(struct tls *tls, const char *at, size_t len)
{
    size_t sealed;
    for (; len > 0;
         at += sealed, len -= sealed) { /* a record at a time, which may be a small one (RFC 6066 section 4) */
        ERR_clear_error();
        if (SSL_write_ex(tls->ssl, at, len, &sealed) != 1)
            return false;
        tls->run->plain += sealed;
    }
    return true;
}

/* Small pieces share a record, so that a head goes with its body; a piece that would have to be torn for it gets a
   record of its own. */
static bool seal(struct tls *tls, const struct buffer *from)
{
    struct iovec pieces[PIECES];
    int count = buffer_iov(from, pieces, PIECES);
    bool is_fine = true;
    tls->run = must_calloc(1, sizeof *tls->run);
    for (int i = 0; i < count && is_fine && tls->run->plain < RUN_FULL;) {
        size_t len, room = RUN_FULL - tls->run->plain;
        int together = sharing(pieces + i, count - i, &len);
        is_fine = seal_bytes(tls, joined(pieces + i, together), len < room ? len : room);
        i += together;
    }
    return is_fine;
}

static void end_run(struct tls *tls)
{
    if (tls->run != NULL)
        buffer_clear(&tls->run->records);
    free(tls->run);
    tls->run = NULL;
}

/* Records are longer than what is in them: as long as some are not sent, something stays in `from`, and the caller
   comes again. */
static enum flow send_run(struct tls *tls, struct buffer *from, struct task *who)
{
    struct run *run = tls->run;
    enum flow flow = transport_write(tls->tcp, &run->records, who);
    size_t left = run->plain < run->records.len ? run->plain : run->records.len;
    buffer_drop(from, run->plain - left);
    run->plain = left;
    if (flow == FLOW_MORE)
        end_run(tls);
    return flow;
}

static enum flow write_some(struct transport *transport, struct buffer *from, struct task *who)
{
    struct tls *tls = tls_of(transport);
    enum flow flow = FLOW_MORE;
    must(tls->is_open);
    if (transport->error != 0)
        return FLOW_FAIL;
    while (flow == FLOW_MORE && from->len > 0)
        flow = tls->run != NULL || seal(tls, from) ? send_run(tls, from, who) : FLOW_FAIL;
    return flow == FLOW_FAIL ? fail_writing(tls) : flow;
}

/* Tells the peer that nothing follows: without that it takes the end for an attack. */
static void say_goodbye(struct tls *tls)
{
    if (!tls->is_open || tls->transport.error != 0 || tls->transport.is_aborted)
        return;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

static void shut(struct transport *transport)
{
    struct tls *tls = tls_of(transport);
    say_goodbye(tls);
    transport_shut(tls->tcp);
}

static int descriptor(struct transport *transport)
{
    (void)transport;
    return -1;
}

static bool holds_bytes(struct transport *transport)
{
    return SSL_has_pending(tls_of(transport)->ssl) == 1;
}

static const char *why_failed(const struct transport *transport)
{
    const struct tls *tls = tls_of(transport);
    return tls->is_client ? NULL : tls->why;
}

static void free_tls(struct transport *transport)
{
    struct tls *tls = tls_of(transport);
    give_up_signing(tls);
    end_greeting(tls);
    say_goodbye(tls);
    end_run(tls);
    SSL_free(tls->ssl);
    transport_free(tls->tcp);
    if (tls->is_client)
        free_seen(tls->seen);
    free(tls);
}

static const struct transport_ops tls_ops = {
    .read = read_some,
    .write = write_some,
    .shut = shut,
    .descriptor = descriptor,
    .holds_bytes = holds_bytes,
    .why = why_failed,
    .free = free_tls,
};
