#include "http1/server.h"

#include "base/must.h"
#include "http1/parse.h"
#include "http1/stream.h"
#include "http1/write.h"
#include "loop/ready.h"
#include "loop/timer.h"

#include <stdlib.h>

enum server_state {
    SERVER_IDLE,     /* nothing of a request has come */
    SERVER_HEAD,     /* a head is being read */
    SERVER_EXCHANGE, /* the owner has the stream */
    SERVER_LINGER    /* our side is ended; what still comes is thrown away, so that the answer is not lost to a reset */
};

enum {
    LINGER_MS = 2000,
    LINGER_BYTES = 1024 * 1024,
    LAST_CHANCE_MS = 1000, /* for the request of a connection that was accepted just before the drain */
};

/* What there is only while a request is read or answered; in the arena, and freed with it. */
struct http1_request {
    struct http1_server *server;
    struct http1_stream http1;
    struct head_parser parser;
    const struct limits *limits;
};

/* What there is only while something has come and is not done with. */
struct work {
    struct buffer in;
    struct arena arena;
    struct http1_request *request; /* NULL: nothing of it has come */
};

/* Small, since thousands of idle ones are held. */
struct http1_server {
    uint32_t magic;
    uint8_t state;
    bool is_draining;
    bool is_first;     /* nothing was answered yet */
    struct work *work; /* NULL while idle */
    struct transport *transport;
    const struct http1_owner *ops;
    void *owner;
    struct task task;
    struct timer timer;
};

enum { SERVER_MAGIC = 0x48315356 };

static const struct stream_ops server_stream_ops;

static struct http1_request *request_of(struct stream *stream)
{
    struct http1_request *request = container_of(http1_stream_of(stream), struct http1_request, http1);
    must_be(request->server, SERVER_MAGIC);
    return request;
}

static struct http1_request *request_in(const struct http1_server *server)
{
    return server->work != NULL ? server->work->request : NULL;
}

static bool has_input(const struct http1_server *server)
{
    return server->work != NULL && server->work->in.len > 0;
}

static struct work *begin_work(struct http1_server *server)
{
    if (server->work == NULL) {
        server->work = must_alloc(sizeof *server->work); /* many a calloc() passes by the thread's cache */
        *server->work = (struct work){0};
    }
    return server->work;
}

static void end_work(struct http1_server *server)
{
    if (has_input(server) || request_in(server) != NULL)
        return;
    free(server->work);
    server->work = NULL;
}

/* The arena, and with it the request; what was read behind it stays. */
static void drop_request(struct http1_server *server)
{
    struct http1_request *request = request_in(server);
    if (request != NULL) {
        http1_stream_fini(&request->http1);
        server->work->request = NULL;
        arena_reset(&server->work->arena);
    }
    end_work(server);
}

static void drop_input(struct http1_server *server)
{
    if (server->work != NULL)
        buffer_clear(&server->work->in);
    end_work(server);
}

/* The end of the connection */

static bool is_answer_whole(const struct http1_request *request)
{
    return request->http1.writer.is_done && request->http1.out.len == 0;
}

/* An answer under way ends in a reset: for some its end would be that of the connection. */
static void cancel_exchange(struct http1_server *server)
{
    struct http1_request *request = request_in(server);
    if (request == NULL || request->http1.stream.user == NULL)
        return;
    request->http1.stream.user->cancel(request->http1.stream.user);
    if (!is_answer_whole(request))
        transport_set_abort(server->transport);
}

void http1_server_free(struct http1_server *server)
{
    must_be(server, SERVER_MAGIC);
    cancel_exchange(server);
    task_fini(&server->task);
    timer_fini(&server->timer);
    drop_input(server);
    drop_request(server);
    transport_free(server->transport);
    server->magic = 0;
    free(server);
}

static void close_server(struct http1_server *server)
{
    server->ops->closed(server->owner);
    http1_server_free(server);
}

/* A close with unread bytes would reset the connection and could take the answer with it; so when the peer may still be
   sending, our side ends first and what comes is read and dropped, for a while. */
static void linger(struct http1_server *server)
{
    server->state = SERVER_LINGER;
    drop_input(server);
    drop_request(server);
    transport_shut(server->transport);
    timer_set(&server->timer, LINGER_MS);
    task_wake(&server->task);
}

static void run_linger(struct http1_server *server)
{
    enum flow flow = FLOW_MORE;
    struct buffer in;
    buffer_init(&in);
    for (size_t lingered = 0; flow == FLOW_MORE && lingered < LINGER_BYTES; buffer_clear(&in)) {
        flow = transport_read(server->transport, &in, 4 * BLOCK_SIZE, &server->task);
        lingered += in.len;
    }
    if (flow != FLOW_WAIT || timer_is_due(&server->timer))
        close_server(server);
}

/* Reading a head */

static void begin_exchange(struct http1_server *server, enum fault fault)
{
    struct http1_request *request = server->work->request;
    struct stream *stream = &request->http1.stream;
    const struct timeouts *timeouts;
    server->state = SERVER_EXCHANGE;
    /* Asked again: those that the head began with may be gone by a reload. */
    server->ops->limits(server->owner, &request->limits, &timeouts);
    timer_clear(&server->timer);
    transport_unwatch(server->transport);
    stream->fault = fault;
    stream->must_close = server->is_draining || fault != FAULT_NONE || !stream->head.keep_alive;
    if (fault != FAULT_NONE)
        stream->head.framing = FRAMING_NONE;
    body_reader_frame(&request->http1.reader, &stream->head, request->limits, &server->work->arena);
    server->ops->begin(server->owner, stream);
}

static void begin_head(struct http1_server *server)
{
    struct work *work = server->work;
    struct http1_request *request = arena_new(&work->arena, struct http1_request);
    const struct timeouts *timeouts;
    work->request = request;
    server->state = SERVER_HEAD;
    server->ops->limits(server->owner, &request->limits, &timeouts);
    request->server = server;
    http1_stream_begin(&request->http1, &server_stream_ops, server->transport, &work->in, &work->arena);
    request->http1.reader.when_gone = FAULT_CLIENT_GONE;
    request->http1.reader.when_invalid = FAULT_BAD_CHUNK;
    head_parser_init_request(&request->parser, &work->arena, &request->http1.stream.head, request->limits);
    if (!server->is_first) /* of the first request the time counts from the accept on */
        timer_set(&server->timer, timeouts->client_header);
}

/* Feeds the parser with what has been read; MORE while the head is not complete. */
static enum parse parse_some(struct work *work)
{
    enum parse parsed = PARSE_MORE;
    while (parsed == PARSE_MORE && work->in.len > 0) {
        struct str front = buffer_front(&work->in);
        size_t used = 0;
        parsed = head_parse(&work->request->parser, front.at, front.len, &used);
        buffer_drop(&work->in, used);
    }
    return parsed;
}

/* The peer has ended, or its time is over. Nobody who never sent a byte of a request gets an answer (browsers
   preconnect). */
static void give_up(struct http1_server *server, bool is_timeout)
{
    const struct http1_request *request = request_in(server);
    bool has_begun = server->state == SERVER_HEAD && request != NULL && head_parser_has_begun(&request->parser);
    if (has_begun && is_timeout)
        begin_exchange(server, FAULT_CLIENT_SLOW_HEAD);
    else if (has_begun && server->transport->error == 0)
        begin_exchange(server, FAULT_BAD_REQUEST);
    else
        close_server(server);
}

static void run_head(struct http1_server *server)
{
    struct work *work = begin_work(server);
    for (;;) {
        if (work->in.len == 0) {
            enum flow flow = transport_read(server->transport, &work->in, BLOCK_SIZE, &server->task);
            if (flow == FLOW_END || flow == FLOW_FAIL) {
                give_up(server, false);
                return;
            }
            if (flow == FLOW_WAIT && work->in.len == 0) {
                end_work(server);
                if (timer_is_due(&server->timer))
                    give_up(server, true);
                return;
            }
            if (task_yield(&server->task))
                return;
        }
        if (server->state == SERVER_IDLE)
            begin_head(server);
        enum parse parsed = parse_some(work);
        if (parsed != PARSE_MORE) {
            begin_exchange(server, parsed == PARSE_BAD ? work->request->parser.fault : FAULT_NONE);
            return;
        }
    }
}

static void run(struct task *task)
{
    struct http1_server *server = container_of(task, struct http1_server, task);
    if (server->state == SERVER_LINGER)
        run_linger(server);
    else if (server->state != SERVER_EXCHANGE)
        run_head(server);
}

/* The stream */

static void send_head(struct stream *stream, const struct head *head)
{
    struct http1_request *request = request_of(stream);
    struct head out = *head;
    bool is_interim = out.status < 200 && out.status != 101;
    out.minor = stream->head.minor;
    out.keep_alive = is_interim || !stream->must_close;
    size_t before = request->http1.out.len;
    http1_stream_queue_head(&request->http1, &out, response_head_write);
    stream->head_bytes_out += request->http1.out.len - before;
    if (is_interim)
        return;
    body_writer_frame(&request->http1.writer, head);
    /* A body that was read may be on its way to the server still, and then nothing ends with the answer. */
    request->http1.writer.is_last = stream->must_close && stream->head.framing == FRAMING_NONE;
}

/* Ready for the next request; one that has come already (pipelining) is looked at in the next turn, so that one
   client's pipeline does not keep the others waiting. */
static void next_request(struct http1_server *server)
{
    const struct limits *limits;
    const struct timeouts *timeouts;
    server->state = SERVER_IDLE;
    server->is_first = false;
    drop_request(server);
    server->ops->limits(server->owner, &limits, &timeouts);
    timer_set(&server->timer, timeouts->client_idle);
    if (!has_input(server))
        server->ops->rests(server->owner);
    if (has_input(server) || transport_may_read(server->transport))
        task_wake(&server->task);
    else
        transport_watch(server->transport, &server->task);
}

static void done(struct stream *stream, enum stream_end end)
{
    struct http1_request *request = request_of(stream);
    struct http1_server *server = request->server;
    bool is_read = request->http1.reader.is_done;
    bool has_ended = is_read && request->http1.reader.framing == FRAMING_CLOSE; /* a tunnel's client, only */
    stream->user = NULL;
    transport_unwatch(server->transport);
    if (end == STREAM_ABORT || !is_answer_whole(request)) {
        transport_set_abort(server->transport);
        close_server(server);
    } else if (end == STREAM_REUSE && !stream->must_close && is_read) {
        next_request(server);
    } else if (has_ended || (is_read && !has_input(server) && transport_is_quiet(server->transport))) {
        close_server(server);
    } else {
        linger(server);
    }
}

static const struct stream_ops server_stream_ops = {
    HTTP1_STREAM_OPS,
    .send_head = send_head,
    .recv_head = http1_stream_no_head,
    .done = done,
};

/* The connection */

struct http1_server *http1_server_new(struct transport *taken, const struct http1_owner *ops, void *owner)
{
    const struct limits *limits;
    const struct timeouts *timeouts;
    struct http1_server *server = must_calloc(1, sizeof *server);
    server->magic = SERVER_MAGIC;
    server->transport = taken;
    server->ops = ops;
    server->owner = owner;
    server->is_first = true;
    task_init(&server->task, run);
    timer_init(&server->timer, &server->task);
    ops->limits(owner, &limits, &timeouts);
    timer_set(&server->timer, timeouts->client_header);
    task_wake(&server->task);
    return server;
}

void http1_server_give(struct http1_server *server, struct buffer *rest, msec waited)
{
    const struct limits *limits;
    const struct timeouts *timeouts;
    must_be(server, SERVER_MAGIC);
    server->ops->limits(server->owner, &limits, &timeouts);
    msec left = timeouts->client_header - waited;
    if (server->is_draining && left > LAST_CHANCE_MS)
        left = LAST_CHANCE_MS;
    timer_set(&server->timer, left > 0 ? left : 0);
    buffer_move(&begin_work(server)->in, rest, rest->len);
    task_fini(&server->task); /* it runs now: another turn would cost a look at the network */
    run(&server->task);
}

static bool is_idle(const struct http1_server *server)
{
    return server->state == SERVER_IDLE && !has_input(server) && transport_is_quiet(server->transport);
}

bool http1_server_close_idle(struct http1_server *server)
{
    must_be(server, SERVER_MAGIC);
    if (!is_idle(server))
        return false;
    close_server(server);
    return true;
}

void http1_server_drain(struct http1_server *server)
{
    must_be(server, SERVER_MAGIC);
    server->is_draining = true;
    if (request_in(server) != NULL)
        request_in(server)->http1.stream.must_close = true;
    if (!is_idle(server))
        return;
    if (server->is_first)
        timer_set(&server->timer, LAST_CHANCE_MS);
    else
        close_server(server);
}
