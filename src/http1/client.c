#include "http1/client.h"

#include "base/must.h"
#include "http1/body.h"
#include "http1/parse.h"
#include "http1/write.h"

#include <stdlib.h>

struct http1_client {
    uint32_t magic;
    struct stream stream;
    struct body_reader reader;
    struct body_writer writer;
    struct head_parser *parser; /* in the exchange's arena */
    struct transport *transport;
    struct buffer in;
    struct buffer out;
    const struct limits *limits;
    enum method method; /* of the request */
    bool is_parsing;    /* a head is being read; between an interim answer and the next, the last one stays readable */
    bool has_answered;  /* a byte of the answer has come */
    bool is_head_complete; /* the final answer's head was read */
    bool is_reusable;
};

enum { CLIENT_MAGIC = 0x4831434c };

static struct http1_client *client_of(struct stream *stream)
{
    struct http1_client *client = container_of(stream, struct http1_client, stream);
    must_be(client, CLIENT_MAGIC);
    return client;
}

static void send_head(struct stream *stream, const struct head *head)
{
    struct http1_client *client = client_of(stream);
    size_t room;
    size_t most = head_write_size(head);
    client->method = head->method;
    if (most <= BLOCK_SIZE) {
        char *at = buffer_room(&client->out, most, &room);
        buffer_fill(&client->out, (size_t)(request_head_write(at, head) - at));
    } else {
        char *at = arena_bytes(stream->arena, most);
        buffer_add(&client->out, str_from(at, (size_t)(request_head_write(at, head) - at)));
    }
    body_writer_init(&client->writer, client->transport, &client->out, head);
}

static enum flow refuse(struct stream *stream, enum fault fault)
{
    stream->fault = fault;
    return FLOW_FAIL;
}

static void prepare_parser(struct http1_client *client)
{
    struct stream *stream = &client->stream;
    if (client->parser == NULL)
        client->parser = arena_new(stream->arena, struct head_parser);
    client->is_parsing = true;
    head_parser_init_response(client->parser, stream->arena, &stream->head, client->limits, client->method);
}

static enum flow head_is_complete(struct http1_client *client)
{
    struct stream *stream = &client->stream;
    bool is_interim = stream->head.status < 200 && stream->head.status != 101;
    client->is_parsing = false;
    if (is_interim)
        return FLOW_END;
    client->is_head_complete = true;
    body_reader_init(&client->reader, client->transport, &client->in, &stream->head, client->limits, UINT64_MAX,
                     stream->arena);
    client->reader.when_gone = FAULT_SERVER_TRUNCATED;
    client->reader.when_invalid = FAULT_SERVER_INVALID;
    return FLOW_END;
}

static enum flow recv_head(struct stream *stream, struct task *who)
{
    struct http1_client *client = client_of(stream);
    if (!client->is_parsing)
        prepare_parser(client);
    for (;;) {
        while (client->in.len > 0) {
            client->has_answered = true;
            struct str front = buffer_front(&client->in);
            size_t used = 0;
            enum parse parsed = head_parse(client->parser, front.at, front.len, &used);
            buffer_drop(&client->in, used);
            if (parsed == PARSE_BAD)
                return refuse(stream, client->parser->fault);
            if (parsed == PARSE_DONE)
                return head_is_complete(client);
        }
        enum flow flow = transport_read(client->transport, &client->in, BLOCK_SIZE, who);
        if (flow == FLOW_END || flow == FLOW_FAIL)
            return refuse(stream, FAULT_SERVER_CLOSED);
        if ((flow == FLOW_WAIT && client->in.len == 0) || task_yield(who))
            return FLOW_WAIT;
    }
}

static enum flow flush(struct stream *stream, struct task *who)
{
    struct http1_client *client = client_of(stream);
    if (client->out.len == 0)
        return FLOW_END;
    enum flow flow = transport_write(client->transport, &client->out, who);
    return flow == FLOW_MORE ? FLOW_END : flow;
}

static void watch(struct stream *stream, struct task *who)
{
    transport_watch(client_of(stream)->transport, who);
}

static bool is_gone(struct stream *stream)
{
    return transport_is_closed(client_of(stream)->transport);
}

static void limit_body(struct stream *stream, uint64_t most)
{
    (void)stream, (void)most; /* an answer is as long as it is */
}

static bool is_body_read(struct stream *stream)
{
    const struct http1_client *client = client_of(stream);
    return client->is_head_complete && client->reader.is_done;
}

static enum fault body_fault(struct stream *stream)
{
    return client_of(stream)->reader.fault;
}

static const struct fields *trailers_in(struct stream *stream)
{
    struct chunked_parser *chunked = client_of(stream)->reader.chunked;
    return chunked != NULL ? &chunked->trailers : NULL;
}

static void trailers_out(struct stream *stream, const struct fields *trailers, const struct fields *announced)
{
    client_of(stream)->writer.trailers = trailers;
    client_of(stream)->writer.announced = announced;
}

static uint64_t unsent(struct stream *stream)
{
    return transport_unsent(client_of(stream)->transport);
}

static bool is_reset(struct stream *stream)
{
    return transport_is_reset(client_of(stream)->transport);
}

static struct addr local(struct stream *stream)
{
    return transport_local(client_of(stream)->transport);
}

static struct source *tunnel_source(struct stream *stream)
{
    struct http1_client *client = client_of(stream);
    client->is_head_complete = true;
    if (client->reader.source.ops == NULL)
        body_reader_init(&client->reader, client->transport, &client->in, &(struct head){.framing = FRAMING_CLOSE},
                         client->limits, UINT64_MAX, stream->arena);
    client->reader.when_gone = FAULT_SERVER_TRUNCATED;
    body_reader_to_tunnel(&client->reader);
    return &client->reader.source;
}

static struct sink *tunnel_sink(struct stream *stream)
{
    struct http1_client *client = client_of(stream);
    if (client->writer.sink.ops == NULL)
        body_writer_init(&client->writer, client->transport, &client->out, &(struct head){.framing = FRAMING_CLOSE});
    body_writer_to_tunnel(&client->writer);
    return &client->writer.sink;
}

/* security.md: an upstream connection is reusable only if the request was fully written, the response fully read by its own framing,
   not one byte beyond it, and no close seen. */
static void done(struct stream *stream, enum stream_end end)
{
    struct http1_client *client = client_of(stream);
    stream->user = NULL;
    client->parser = NULL;
    client->is_reusable = end == STREAM_REUSE && client->writer.is_done && !client->writer.is_tunnel &&
                          client->out.len == 0 && client->is_head_complete && client->reader.is_done &&
                          client->reader.framing != FRAMING_CLOSE && stream->head.keep_alive && client->in.len == 0 &&
                          transport_is_quiet(client->transport);
    if (end == STREAM_ABORT)
        transport_set_abort(client->transport);
}

static const struct stream_ops client_stream_ops = {
    .send_head = send_head,
    .recv_head = recv_head,
    .flush = flush,
    .watch = watch,
    .is_gone = is_gone,
    .limit_body = limit_body,
    .is_body_read = is_body_read,
    .body_fault = body_fault,
    .trailers_in = trailers_in,
    .trailers_out = trailers_out,
    .unsent = unsent,
    .is_reset = is_reset,
    .local = local,
    .tunnel_source = tunnel_source,
    .tunnel_sink = tunnel_sink,
    .done = done,
};

struct http1_client *http1_client_new(struct transport *taken)
{
    struct http1_client *client = must_calloc(1, sizeof *client);
    client->magic = CLIENT_MAGIC;
    client->stream.ops = &client_stream_ops;
    client->transport = taken;
    return client;
}

void http1_client_free(struct http1_client *client)
{
    if (client == NULL)
        return;
    must_be(client, CLIENT_MAGIC);
    buffer_clear(&client->in);
    buffer_clear(&client->out);
    transport_free(client->transport);
    client->magic = 0;
    free(client);
}

struct stream *http1_client_begin(struct http1_client *client, struct arena *arena, const struct limits *limits)
{
    must_be(client, CLIENT_MAGIC);
    client->stream.arena = arena;
    client->stream.fault = FAULT_NONE;
    client->stream.head_bytes_out = 0;
    client->stream.body_in = &client->reader.source;
    client->stream.body_out = &client->writer.sink;
    client->reader = (struct body_reader){0};
    client->writer = (struct body_writer){0};
    client->limits = limits;
    client->parser = NULL;
    client->is_parsing = client->has_answered = client->is_head_complete = client->is_reusable = false;
    return &client->stream;
}

void http1_client_precede(struct http1_client *client, struct str bytes)
{
    must_be(client, CLIENT_MAGIC);
    must(client->out.len == 0);
    buffer_add(&client->out, bytes);
}

bool http1_client_is_reusable(const struct http1_client *client)
{
    return client->is_reusable;
}

bool http1_client_has_answered(const struct http1_client *client)
{
    return client->has_answered;
}

struct transport *http1_client_transport(struct http1_client *client)
{
    return client->transport;
}
