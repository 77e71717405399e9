#include "http1/client.h"

#include "base/must.h"
#include "http1/parse.h"
#include "http1/stream.h"
#include "http1/write.h"

#include <stdlib.h>

struct http1_client {
    uint32_t magic;
    struct http1_stream http1;
    struct head_parser *parser; /* in the exchange's arena */
    struct transport *transport;
    struct buffer in;
    const struct limits *limits;
    enum method method; /* of the request */
    bool is_parsing;    /* a head is being read; between an interim answer and the next, the last one stays readable */
    bool has_answered;  /* a byte of the answer has come */
    bool is_reusable;
    bool expects_long; /* as the last answer was: little more than the next one's head is read, the rest is spliced */
};

enum { CLIENT_MAGIC = 0x4831434c, HEAD_ROOM = 2048, LONG = 48 * 1024 };

static struct http1_client *client_of(struct stream *stream)
{
    struct http1_client *client = container_of(http1_stream_of(stream), struct http1_client, http1);
    must_be(client, CLIENT_MAGIC);
    return client;
}

static void send_head(struct stream *stream, const struct head *head)
{
    struct http1_client *client = client_of(stream);
    client->method = head->method;
    http1_stream_queue_head(&client->http1, head, request_head_write);
    body_writer_frame(&client->http1.writer, head);
}

static enum flow refuse(struct stream *stream, enum fault fault)
{
    stream->fault = fault;
    return FLOW_FAIL;
}

static void prepare_parser(struct http1_client *client)
{
    struct stream *stream = &client->http1.stream;
    if (client->parser == NULL)
        client->parser = arena_new(stream->arena, struct head_parser);
    client->is_parsing = true;
    head_parser_init_response(client->parser, stream->arena, &stream->head, client->limits, client->method);
}

static enum flow head_is_complete(struct http1_client *client)
{
    struct stream *stream = &client->http1.stream;
    bool is_interim = stream->head.status < 200 && stream->head.status != 101;
    client->is_parsing = false;
    if (is_interim)
        return FLOW_END;
    body_reader_frame(&client->http1.reader, &stream->head, client->limits, stream->arena);
    client->expects_long = stream->head.framing == FRAMING_LENGTH && stream->head.length >= LONG &&
                           transport_descriptor(client->transport) >= 0;
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
        enum flow flow = transport_read(client->transport, &client->in, client->expects_long ? HEAD_ROOM : BLOCK_SIZE,
                                        who);
        if (flow == FLOW_END || flow == FLOW_FAIL)
            return refuse(stream, FAULT_SERVER_CLOSED);
        if ((flow == FLOW_WAIT && client->in.len == 0) || task_yield(who))
            return FLOW_WAIT;
    }
}

/* An upstream connection is reusable only if the request was fully written, the response fully read by its own framing,
   not one byte beyond it, and no close seen. */
static void done(struct stream *stream, enum stream_end end)
{
    struct http1_client *client = client_of(stream);
    const struct body_reader *reader = &client->http1.reader;
    stream->user = NULL;
    client->parser = NULL;
    client->is_reusable = end == STREAM_REUSE && client->http1.writer.is_done && !client->http1.writer.is_tunnel &&
                          client->http1.out.len == 0 && reader->is_done && reader->framing != FRAMING_CLOSE &&
                          stream->head.keep_alive && client->in.len == 0 && transport_is_quiet(client->transport);
    if (end == STREAM_ABORT)
        transport_set_abort(client->transport);
}

static const struct stream_ops client_stream_ops = {
    HTTP1_STREAM_OPS,
    .send_head = send_head,
    .recv_head = recv_head,
    .done = done,
};

struct http1_client *http1_client_new(struct transport *taken)
{
    struct http1_client *client = must_calloc(1, sizeof *client);
    client->magic = CLIENT_MAGIC;
    client->transport = taken;
    return client;
}

void http1_client_free(struct http1_client *client)
{
    if (client == NULL)
        return;
    must_be(client, CLIENT_MAGIC);
    buffer_clear(&client->in);
    http1_stream_fini(&client->http1);
    transport_free(client->transport);
    client->magic = 0;
    free(client);
}

struct stream *http1_client_begin(struct http1_client *client, struct arena *arena, const struct limits *limits)
{
    must_be(client, CLIENT_MAGIC);
    http1_stream_begin(&client->http1, &client_stream_ops, client->transport, &client->in, arena);
    client->http1.reader.when_gone = FAULT_SERVER_TRUNCATED;
    client->http1.reader.when_invalid = FAULT_SERVER_INVALID;
    client->limits = limits;
    client->parser = NULL;
    client->is_parsing = client->has_answered = client->is_reusable = false;
    return &client->http1.stream;
}

void http1_client_precede(struct http1_client *client, struct str bytes)
{
    must_be(client, CLIENT_MAGIC);
    must(client->http1.out.len == 0);
    buffer_add(&client->http1.out, bytes);
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
