#include "http1/stream.h"

#include "base/must.h"
#include "http1/write.h"

enum { STREAM_MAGIC = MAGIC('H', '1', 'S', 'T') };

struct http1_stream *http1_stream_of(struct stream *stream)
{
    struct http1_stream *http1 = container_of(stream, struct http1_stream, stream);
    must_be(http1, STREAM_MAGIC);
    return http1;
}

void http1_stream_begin(struct http1_stream *http1, const struct stream_ops *ops, struct transport *transport,
                        struct buffer *in, struct arena *arena)
{
    struct stream *stream = &http1->stream;
    http1->magic = STREAM_MAGIC;
    stream->ops = ops;
    stream->transport = transport;
    stream->arena = arena;
    stream->body_in = &http1->reader.source;
    stream->body_out = &http1->writer.sink;
    stream->fault = FAULT_NONE;
    stream->head_bytes_out = 0;
    body_reader_init(&http1->reader, transport, in);
    body_writer_init(&http1->writer, transport, &http1->out);
}

void http1_stream_fini(struct http1_stream *http1)
{
    buffer_clear(&http1->out);
    http1->magic = 0;
}

void http1_stream_queue_head(struct http1_stream *http1, const struct head *head,
                             char *(*write)(char *at, const struct head *head))
{
    size_t room;
    size_t most = head_write_size(head);
    if (most <= BLOCK_SIZE) {
        char *at = buffer_room(&http1->out, most, &room);
        buffer_fill(&http1->out, (size_t)(write(at, head) - at));
    } else {
        char *at = arena_bytes(http1->stream.arena, most);
        buffer_add(&http1->out, str_from(at, (size_t)(write(at, head) - at)));
    }
}

enum flow http1_stream_no_head(struct stream *stream, struct task *who)
{
    (void)stream, (void)who;
    return FLOW_FAIL;
}

enum flow http1_stream_flush(struct stream *stream, struct task *who)
{
    return body_writer_flush(&http1_stream_of(stream)->writer, who);
}

void http1_stream_watch(struct stream *stream, struct task *who)
{
    transport_watch(stream->transport, who);
}

bool http1_stream_is_gone(struct stream *stream)
{
    return transport_is_closed(stream->transport);
}

void http1_stream_limit_body(struct stream *stream, uint64_t most)
{
    http1_stream_of(stream)->reader.most = most;
}

bool http1_stream_is_body_read(struct stream *stream)
{
    return http1_stream_of(stream)->reader.is_done;
}

enum fault http1_stream_body_fault(struct stream *stream)
{
    return http1_stream_of(stream)->reader.fault;
}

const struct fields *http1_stream_trailers_in(struct stream *stream)
{
    const struct chunked_parser *chunked = http1_stream_of(stream)->reader.chunked;
    return chunked != NULL ? &chunked->trailers : NULL;
}

void http1_stream_trailers_out(struct stream *stream, const struct fields *trailers, const struct fields *announced)
{
    struct body_writer *writer = &http1_stream_of(stream)->writer;
    writer->trailers = trailers;
    writer->announced = announced;
}

uint64_t http1_stream_unsent(struct stream *stream)
{
    return transport_unsent(stream->transport);
}

bool http1_stream_is_reset(struct stream *stream)
{
    return transport_is_reset(stream->transport);
}

struct source *http1_stream_tunnel_source(struct stream *stream)
{
    struct body_reader *reader = &http1_stream_of(stream)->reader;
    body_reader_to_tunnel(reader);
    return &reader->source;
}

struct sink *http1_stream_tunnel_sink(struct stream *stream)
{
    struct body_writer *writer = &http1_stream_of(stream)->writer;
    body_writer_to_tunnel(writer);
    return &writer->sink;
}
