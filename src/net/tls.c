#include "net/tls.h"

#include "base/addr.h"
#include "base/hostname.h"
#include "base/must.h"
#include "loop/ready.h"
#include "net/client_hello.h"
#include "net/keeper_link.h"
#include "net/tls_certificate.h"
#include "net/tls_challenge.h"
#include "net/tls_client.h"
#include "net/tls_jobs.h"
#include "net/tls_run.h"
#include "net/tls_seen.h"
#include "net/tls_server.h"
#include "net/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum { NAME_MAX_LEN = 255 };

/* A handshake in which the keeper may have to sign, until it is done: with a client, or with a server that is shown a
   certificate. */
struct greeting {
    const struct tls_gate *gate;       /* of a client */
    struct tls_resumption *resumption; /* of a server; borrowed */
    struct signer signer;
    struct tls_job job;
    struct buffer rest;        /* was read before TLS began */
    const char *why;           /* it failed */
    struct tls_seen *unserved; /* what its hello has told, when there is nothing for it; owned */
};

/* Small, since thousands of idle ones are held. */
struct tls {
    struct transport transport;
    struct transport *tcp; /* owned */
    SSL *ssl;
    struct tls_run *run; /* NULL: all that was sealed is sent */
    union {
        struct greeting *greeting;         /* while it lasts (has_greeting) */
        struct tls_resumption *resumption; /* of a server, else; borrowed */
    };
    union {
        const char *why;       /* a server's handshake has failed, or what came behind it */
        struct tls_seen *seen; /* of a client; NULL: nothing yet. Owned */
    };
    uint16_t quiet; /* records that brought no data, less those that data make up for */
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
    if (tls->run != NULL)
        return tls_run_take(tls->run, str_from(at, (size_t)len)) ? len : -1;
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

/* Session tickets and changes of keys bring nothing, and a peer may send them without end: the library takes all that it
   has read ahead in one call. */
enum { QUIET_MAX = 64, DATA_FOR_QUIET = 1024 };

static void count_quiet(int is_written, int version, int kind, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    (void)version, (void)arg;
    struct tls *tls = tls_of_ssl(ssl);
    bool is_type = (kind == SSL3_RT_HEADER || kind == SSL3_RT_INNER_CONTENT_TYPE) && len > 0;
    if (!is_written && is_type && tls->is_open && *(const uint8_t *)bytes != SSL3_RT_APPLICATION_DATA)
        tls->quiet = tls->quiet < UINT16_MAX ? (uint16_t)(tls->quiet + 1) : tls->quiet;
}

static void make_up_for_quiet(struct tls *tls, size_t data)
{
    size_t made_up = 1 + data / DATA_FOR_QUIET;
    tls->quiet = tls->quiet > made_up ? (uint16_t)(tls->quiet - made_up) : 0;
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
    SSL_set_msg_callback(tls->ssl, count_quiet);
    return tls;
}

static struct greeting *begin_greeting(struct tls *tls)
{
    tls->greeting = must_calloc(1, sizeof *tls->greeting);
    tls->has_greeting = true;
    tls_job_begin(&tls->greeting->job);
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
    tls->is_challenge = tls_hello_is_challenge(tls->ssl);
    bool is_fine = tls_hello_name(tls->ssl, &name);
    struct tls_server *server = is_fine ? choose_server(tls, name) : NULL;
    struct tls_seen *seen = tls_seen_new(server, name);
    if (server != NULL)
        return seen;
    tls->greeting->unserved = seen;
    tls->greeting->why = is_fine && (name.at == NULL || !hostname_is_numeric_like(name))
                             ? "no site has the name that was asked for"
                             : "the name in its hello is not one of a host";
    return NULL;
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

struct str tls_asked_name(const struct transport *transport)
{
    const struct tls *tls = tls_of(transport);
    const struct greeting *greeting = greeting_of(tls);
    const struct tls_seen *told = tls->seen != NULL ? tls->seen : greeting != NULL ? greeting->unserved : NULL;
    return told != NULL ? told->name : STR_NONE;
}

bool tls_has_heard(const struct transport *transport)
{
    return BIO_number_read(SSL_get_rbio(tls_of(transport)->ssl)) > 0;
}

static void note_certificate(struct tls *tls)
{
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    bool is_asked = SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE;
    bool is_verified = is_asked && SSL_get_verify_result(tls->ssl) == X509_V_OK;
    if (tls->seen != NULL && certificate != NULL && is_verified)
        tls_seen_note_certificate(tls->seen, certificate);
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

static enum flow break_off(struct tls *tls, const char *why)
{
    struct ready *ready = tls->transport.ready;
    note_failure(tls, why);
    tls->transport.error = EPROTO;
    tls->is_broken = true;
    ready->is_closed = ready->may_read = true;
    ERR_clear_error();
    return FLOW_FAIL;
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
    return break_off(tls, reason(tls));
}

static int do_handshake(struct tls *tls, struct task *who)
{
    struct greeting *greeting = greeting_of(tls);
    ERR_clear_error();
    if (greeting == NULL)
        return SSL_do_handshake(tls->ssl);
    tls_job_stop_waiting(&greeting->job);
    greeting->signer.waiter = who;
    keeper_link_set_signer(&greeting->signer);
    int result = SSL_do_handshake(tls->ssl);
    keeper_link_set_signer(NULL);
    return result;
}

static void end_greeting(struct tls *tls)
{
    struct greeting *greeting = greeting_of(tls);
    if (greeting == NULL)
        return;
    tls_job_end(&greeting->job);
    buffer_clear(&greeting->rest);
    tls_seen_free(greeting->unserved);
    tls->has_greeting = false;
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
    if (error == SSL_ERROR_WANT_ASYNC || error == SSL_ERROR_WANT_ASYNC_JOB) {
        transport->ready->reader = who; /* its end wakes, too, besides the keeper's answer or the job */
        if (error == SSL_ERROR_WANT_ASYNC_JOB)
            tls_job_wait(&tls->greeting->job, who);
        return FLOW_WAIT;
    }
    tls_jobs_feed();
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
    tls_job_stop_waiting(&tls->greeting->job);
    tls->greeting->signer.is_given_up = true;
    if (SSL_waiting_for_async(tls->ssl) == 1)
        do_handshake(tls, NULL);
    ERR_clear_error();
    tls_jobs_feed();
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

/* MORE: a record without data was read, and the next may be there already. */
static enum flow read_record(struct tls *tls, struct buffer *into, size_t room, struct task *who)
{
    size_t contiguous, got = 0;
    char *at = buffer_room(into, 1, &contiguous);
    ERR_clear_error();
    tls->is_drained = false;
    int result = SSL_read_ex(tls->ssl, at, contiguous < room ? contiguous : room, &got);
    buffer_fill(into, result == 1 ? got : 0);
    if (tls->quiet > QUIET_MAX)
        return break_off(tls, "too many records without data");
    if (result == 1) {
        make_up_for_quiet(tls, got);
        return FLOW_MORE;
    }
    bool is_more = SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ && !tls->is_drained;
    return is_more ? FLOW_MORE : wait_or_fail(tls, result, who);
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

static void end_run(struct tls *tls)
{
    tls_run_free(tls->run);
    tls->run = NULL;
}

/* MORE: there is something to send. WAIT: the library has read half a message (a ticket in two records), and writes
   nothing until it has the rest. */
static enum flow seal(struct tls *tls, const struct buffer *from, struct task *who)
{
    tls->run = tls_run_new();
    if (tls_run_seal(tls->run, tls->ssl, from))
        return FLOW_MORE;
    if (SSL_get_error(tls->ssl, 0) != SSL_ERROR_WANT_READ)
        return FLOW_FAIL;
    if (!tls_run_is_empty(tls->run))
        return FLOW_MORE;
    end_run(tls);
    if (tls->transport.ready->reader == NULL)
        tls->transport.ready->reader = who;
    return FLOW_WAIT;
}

static enum flow send_run(struct tls *tls, struct buffer *from, struct task *who)
{
    enum flow flow = tls_run_send(tls->run, tls->tcp, from, who);
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
    while (flow == FLOW_MORE && from->len > 0) {
        flow = tls->run == NULL ? seal(tls, from, who) : FLOW_MORE;
        if (flow == FLOW_MORE)
            flow = send_run(tls, from, who);
    }
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
        tls_seen_free(tls->seen);
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
