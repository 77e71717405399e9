#include "proxy/passthrough.h"

#include "base/must.h"
#include "http1/stream.h"
#include "loop/timer.h"
#include "proxy/greeting.h"

#include <stdlib.h>

enum passthrough_state {
    PASSTHROUGH_HELLO,    /* the first flight is being read */
    PASSTHROUGH_EXCHANGE, /* the owner has the stream */
    PASSTHROUGH_LINGER    /* an alert was sent; what still comes is thrown away, so that it is not lost to a reset */
};

enum {
    PASSTHROUGH_MAGIC = 0x54505353,
    LINGER_MS = 2000,
    LINGER_BYTES = 1024 * 1024,
    LAST_CHANCE_MS = 1000,
};

struct passthrough {
    uint32_t magic;
    enum passthrough_state state;
    struct http1_stream http1; /* what it reads: the transport's bytes; once the hello is known, behind those held */
    struct greeting greeting;
    struct sink nowhere; /* body_out */
    struct buffer none;  /* the reader's, until then: what was read before TLS */
    struct buffer held;
    struct transport *transport;
    struct arena arena;
    const struct http1_owner *ops;
    void *owner;
    struct task task;
    struct timer timer;
};

static const struct stream_ops passthrough_stream_ops;
static const struct sink_ops nowhere_ops;

static struct passthrough *passthrough_of(struct stream *stream)
{
    struct passthrough *passthrough = container_of(http1_stream_of(stream), struct passthrough, http1);
    must_be(passthrough, PASSTHROUGH_MAGIC);
    return passthrough;
}

/* The end of the connection */

void passthrough_free(struct passthrough *passthrough)
{
    must_be(passthrough, PASSTHROUGH_MAGIC);
    if (passthrough->http1.stream.user != NULL) {
        passthrough->http1.stream.user->cancel(passthrough->http1.stream.user);
        transport_set_abort(passthrough->transport);
    }
    task_fini(&passthrough->task);
    timer_fini(&passthrough->timer);
    buffer_clear(&passthrough->none);
    buffer_clear(&passthrough->held);
    http1_stream_fini(&passthrough->http1);
    arena_reset(&passthrough->arena);
    transport_free(passthrough->transport);
    passthrough->magic = 0;
    free(passthrough);
}

bool passthrough_is_silent(const struct passthrough *passthrough)
{
    must_be(passthrough, PASSTHROUGH_MAGIC);
    return passthrough->state == PASSTHROUGH_HELLO && !greeting_has_begun(&passthrough->greeting) &&
           passthrough->none.len == 0 && transport_is_quiet(passthrough->transport);
}

static void close_connection(struct passthrough *passthrough)
{
    passthrough->ops->closed(passthrough->owner);
    passthrough_free(passthrough);
}

static void linger(struct passthrough *passthrough)
{
    passthrough->state = PASSTHROUGH_LINGER;
    buffer_clear(&passthrough->held);
    arena_reset(&passthrough->arena);
    transport_shut(passthrough->transport);
    timer_set(&passthrough->timer, LINGER_MS);
    task_wake(&passthrough->task);
}

static void run_linger(struct passthrough *passthrough)
{
    struct buffer *waste = &passthrough->held;
    enum flow flow = FLOW_MORE;
    for (size_t lingered = 0; flow == FLOW_MORE && lingered < LINGER_BYTES; buffer_clear(waste)) {
        flow = transport_read(passthrough->transport, waste, 4 * BLOCK_SIZE, &passthrough->task);
        lingered += waste->len;
    }
    if (flow != FLOW_WAIT || timer_is_due(&passthrough->timer))
        close_connection(passthrough);
}

/* The hello */

static enum fault fault_of(enum client_hello_state state)
{
    static const enum fault faults[] = {
        [CLIENT_HELLO_MORE] = FAULT_CLIENT_SLOW_HELLO,
        [CLIENT_HELLO_WHOLE] = FAULT_NONE,
        [CLIENT_HELLO_NOT_TLS] = FAULT_NOT_TLS,
        [CLIENT_HELLO_MALFORMED] = FAULT_BAD_HELLO,
    };
    return faults[state];
}

static void begin_exchange(struct passthrough *passthrough)
{
    struct stream *stream = &passthrough->http1.stream;
    const struct client_hello *hello = &passthrough->greeting.hello;
    passthrough->state = PASSTHROUGH_EXCHANGE;
    timer_clear(&passthrough->timer);
    transport_unwatch(passthrough->transport);
    buffer_move(&passthrough->held, &passthrough->none, passthrough->none.len);
    passthrough->http1.reader.in = &passthrough->held;
    passthrough->http1.reader.is_done = true; /* there is no body; the bytes are a tunnel's */
    stream->fault = fault_of(hello->state);
    stream->hello = hello;
    stream->bytes_held = passthrough->held.len;
    if (stream->fault == FAULT_NONE) /* else it has no one reading */
        stream->head.authority.host = hello->name;
    passthrough->ops->begin(passthrough->owner, stream);
}

static void run_hello(struct passthrough *passthrough)
{
    struct greeting *greeting = &passthrough->greeting;
    enum flow flow = greeting_run(greeting, &passthrough->http1.reader.source, &passthrough->held, &passthrough->task);
    bool is_late = timer_is_due(&passthrough->timer);
    if (flow == FLOW_WAIT && !is_late)
        return;
    if (flow == FLOW_FAIL || greeting->is_silent || !greeting_has_begun(greeting))
        close_connection(passthrough);
    else
        begin_exchange(passthrough);
}

static void run(struct task *task)
{
    struct passthrough *passthrough = container_of(task, struct passthrough, task);
    if (passthrough->state == PASSTHROUGH_LINGER)
        run_linger(passthrough);
    else if (passthrough->state == PASSTHROUGH_HELLO)
        run_hello(passthrough);
}

/* Answers of our own: alerts (RFC 8446 6) */

static char alert_of(unsigned status)
{
    enum {
        HANDSHAKE_FAILURE = 40,
        ACCESS_DENIED = 49,
        DECODE_ERROR = 50,
        INTERNAL_ERROR = 80,
        UNRECOGNIZED_NAME = 112
    };
    static const struct {
        unsigned status;
        char alert;
    } alerts[] = {{400, DECODE_ERROR}, {403, ACCESS_DENIED}, {404, HANDSHAKE_FAILURE}, {421, UNRECOGNIZED_NAME}};
    for (size_t i = 0; i < lengthof(alerts); i++)
        if (alerts[i].status == status)
            return alerts[i].alert;
    return INTERNAL_ERROR;
}

static void send_head(struct stream *stream, const struct head *head)
{
    const char alert[] = {21, 3, 3, 0, 2, 2, alert_of(head->status)}; /* a record of TLS 1.2, fatal */
    buffer_add(&passthrough_of(stream)->http1.out, str_from(alert, sizeof alert));
    stream->head_bytes_out += sizeof alert;
}

static enum flow write_nowhere(struct sink *sink, struct buffer *from, struct task *who)
{
    struct passthrough *passthrough = container_of(sink, struct passthrough, nowhere);
    buffer_clear(from);
    enum flow flow = body_writer_flush(&passthrough->http1.writer, who);
    return flow == FLOW_END ? FLOW_MORE : flow;
}

static enum flow finish_nowhere(struct sink *sink, struct buffer *last, struct task *who)
{
    buffer_clear(last);
    return body_writer_flush(&container_of(sink, struct passthrough, nowhere)->http1.writer, who);
}

static const struct sink_ops nowhere_ops = {.write = write_nowhere, .finish = finish_nowhere};

/* The stream */

static void done(struct stream *stream, enum stream_end end)
{
    struct passthrough *passthrough = passthrough_of(stream);
    stream->user = NULL;
    transport_unwatch(passthrough->transport);
    if (end == STREAM_REUSE) { /* an alert is on its way */
        linger(passthrough);
        return;
    }
    if (end == STREAM_ABORT)
        transport_set_abort(passthrough->transport);
    close_connection(passthrough);
}

static const struct stream_ops passthrough_stream_ops = {
    HTTP1_STREAM_OPS,
    .send_head = send_head,
    .recv_head = http1_stream_no_head,
    .done = done,
};

/* The connection */

static void init_stream(struct passthrough *passthrough)
{
    struct stream *stream = &passthrough->http1.stream;
    http1_stream_begin(&passthrough->http1, &passthrough_stream_ops, passthrough->transport, &passthrough->none,
                       &passthrough->arena);
    passthrough->http1.reader.when_gone = FAULT_CLIENT_GONE;
    stream->body_out = &passthrough->nowhere;
    stream->speaks_no_http = stream->must_close = true;
    stream->head = (struct head){.method = METHOD_CONNECT, .method_text = STR("TLS"), .minor = 1};
    stream->head.framing = FRAMING_NONE;
    fields_init(&stream->head.fields, &passthrough->arena);
}

struct passthrough *passthrough_new(struct transport *taken, struct buffer *rest, const struct http1_owner *ops,
                                    void *owner)
{
    const struct limits *limits;
    const struct timeouts *timeouts;
    struct passthrough *passthrough = must_calloc(1, sizeof *passthrough);
    passthrough->magic = PASSTHROUGH_MAGIC;
    passthrough->transport = taken;
    passthrough->ops = ops;
    passthrough->owner = owner;
    passthrough->nowhere.ops = &nowhere_ops;
    arena_init(&passthrough->arena);
    task_init(&passthrough->task, run);
    timer_init(&passthrough->timer, &passthrough->task);
    init_stream(passthrough);
    buffer_move(&passthrough->none, rest, rest->len);
    ops->limits(owner, &limits, &timeouts);
    greeting_init(&passthrough->greeting, &passthrough->arena, timeouts->tls_handshake);
    timer_set(&passthrough->timer, timeouts->tls_handshake);
    task_wake(&passthrough->task);
    return passthrough;
}

void passthrough_drain(struct passthrough *passthrough)
{
    must_be(passthrough, PASSTHROUGH_MAGIC);
    if (passthrough->state == PASSTHROUGH_HELLO && !greeting_has_begun(&passthrough->greeting))
        timer_set(&passthrough->timer, LAST_CHANCE_MS);
}
