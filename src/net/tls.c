#include "net/tls.h"

#include "base/addr.h"
#include "base/must.h"
#include "loop/ready.h"
#include "net/tls_client.h"
#include "net/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { NAME_MAX_LEN = 255 };

struct tls {
    struct transport transport;
    struct transport *tcp; /* owned */
    SSL *ssl;
    struct tls_resumption *resumption; /* borrowed */
    bool is_open;                      /* the handshake is done */
    const char *why;
};

static const struct transport_ops tls_ops;

static struct tls *tls_of(const struct transport *transport)
{
    must(transport != NULL && transport->ops == &tls_ops);
    return container_of((struct transport *)(uintptr_t)transport, struct tls, transport);
}

/* The socket, as OpenSSL reads and writes it */

static int bio_read(BIO *bio, char *at, int room)
{
    ssize_t got = tcp_receive(BIO_get_data(bio), at, (size_t)room);
    BIO_clear_retry_flags(bio);
    if (got < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    BIO_set_flags(bio, got == 0 ? BIO_FLAGS_IN_EOF : 0);
    return (int)got;
}

static int bio_write(BIO *bio, const char *at, int len)
{
    ssize_t sent = tcp_send(BIO_get_data(bio), at, (size_t)len);
    BIO_clear_retry_flags(bio);
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

static BIO *new_bio(struct transport *tcp)
{
    must(CRYPTO_THREAD_run_once(&once, make_method) == 1);
    BIO *bio = BIO_new(method);
    must(bio != NULL);
    BIO_set_data(bio, tcp);
    BIO_set_init(bio, 1);
    return bio;
}

/* The handshake */

void tls_resumption_fini(struct tls_resumption *resumption)
{
    SSL_SESSION_free(resumption->session);
    resumption->session = NULL;
}

int tls_keep_session(SSL *ssl, SSL_SESSION *taken)
{
    struct tls *tls = SSL_get_app_data(ssl);
    tls_resumption_fini(tls->resumption);
    tls->resumption->session = taken;
    return 1;
}

/* Whom to ask for, and whom to expect. An address is not sent (RFC 6066 section 3) but looked for in the certificate. */
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
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    must(!client->verify || X509_VERIFY_PARAM_set1_host(expected, text, name.len) == 1);
}

struct transport *tls_connect(struct transport *taken, struct tls_client *client, struct str name,
                              struct tls_resumption *resumption)
{
    struct tls *tls = must_calloc(1, sizeof *tls);
    tls->transport = (struct transport){.ops = &tls_ops, .ready = taken->ready};
    tls->tcp = taken;
    tls->resumption = resumption;
    tls->ssl = SSL_new(client->ctx);
    must(tls->ssl != NULL);
    BIO *bio = new_bio(taken);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_connect_state(tls->ssl);
    name_server(tls, client, name);
    if (resumption->session != NULL)
        SSL_set_session(tls->ssl, resumption->session);
    return &tls->transport;
}

static const char *reason(const SSL *ssl)
{
    long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return text != NULL ? text : "the connection was broken off";
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
    tls->why = reason(tls->ssl);
    tls->transport.error = EPROTO;
    ready->is_closed = ready->may_read = true;
    ERR_clear_error();
    return FLOW_FAIL;
}

enum flow tls_connected(struct transport *transport, struct task *who)
{
    struct tls *tls = tls_of(transport);
    if (tls->is_open)
        return FLOW_END;
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1) {
        tls->is_open = true;
        return FLOW_END;
    }
    enum flow flow = wait_or_fail(tls, result, who);
    return flow == FLOW_END ? FLOW_FAIL : flow;
}

const char *tls_why(const struct transport *transport)
{
    const char *why = tls_of(transport)->why;
    return why != NULL ? why : "the connection was closed";
}

bool tls_is_untrusted(const struct transport *transport)
{
    return SSL_get_verify_result(tls_of(transport)->ssl) != X509_V_OK;
}

/* The transport */

static enum flow read_some(struct transport *transport, struct buffer *into, size_t room, struct task *who)
{
    struct tls *tls = tls_of(transport);
    must(tls->is_open && room > 0);
    if (transport->error != 0)
        return FLOW_FAIL;
    size_t contiguous, got = 0;
    char *at = buffer_room(into, 1, &contiguous);
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, at, contiguous < room ? contiguous : room, &got);
    buffer_fill(into, result == 1 ? got : 0);
    if (result != 1)
        return wait_or_fail(tls, result, who);
    transport->ready->reader = NULL;
    return FLOW_MORE;
}

static enum flow write_some(struct transport *transport, struct buffer *from, struct task *who)
{
    struct tls *tls = tls_of(transport);
    must(tls->is_open);
    if (transport->error != 0)
        return FLOW_FAIL;
    while (from->len > 0) {
        struct str front = buffer_front(from);
        size_t sent = 0;
        ERR_clear_error();
        int result = SSL_write_ex(tls->ssl, front.at, front.len, &sent);
        if (result != 1) {
            enum flow flow = wait_or_fail(tls, result, who);
            return flow == FLOW_END ? FLOW_FAIL : flow;
        }
        buffer_drop(from, sent);
    }
    transport->ready->writer = NULL;
    return FLOW_MORE;
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

static void free_tls(struct transport *transport)
{
    struct tls *tls = tls_of(transport);
    say_goodbye(tls);
    SSL_free(tls->ssl);
    transport_free(tls->tcp);
    free(tls);
}

static const struct transport_ops tls_ops = {
    .read = read_some,
    .write = write_some,
    .shut = shut,
    .descriptor = descriptor,
    .holds_bytes = holds_bytes,
    .free = free_tls,
};
