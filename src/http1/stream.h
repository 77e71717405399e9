/*
 * What is the same at both ends of HTTP/1: a stream whose bytes travel on a transport that is its own, read by a
 * body_reader and written by a body_writer. The connections embed it: http1/server.h, http1/client.h, and
 * proxy/passthrough.h for bytes that are no HTTP. They add where heads come from and what becomes of the transport,
 * which is theirs.
 */
#ifndef HTTP1_STREAM_H
#define HTTP1_STREAM_H

#include "http/stream.h"
#include "http1/body.h"

struct http1_stream {
    uint32_t magic;
    struct stream stream;
    struct body_reader reader; /* body_in */
    struct body_writer writer; /* body_out */
    struct buffer out;         /* heads, and what the socket would not take */
};

/* The next exchange, whose text is in `arena`. Until heads say how the bodies are framed, both are raw bytes. What is
   in `out` already leaves first. `in` is what was read of the transport and not used. */
void http1_stream_begin(struct http1_stream *http1, const struct stream_ops *ops, struct transport *transport,
                        struct buffer *in, struct arena *arena);
void http1_stream_fini(struct http1_stream *http1);

/* Writes a head with `write` behind what is queued. */
void http1_stream_queue_head(struct http1_stream *http1, const struct head *head,
                             char *(*write)(char *at, const struct head *head));

struct http1_stream *http1_stream_of(struct stream *stream);

/* A server's recv_head: its head is there before the stream is. */
enum flow http1_stream_no_head(struct stream *stream, struct task *who);

/* The same for all */
enum flow http1_stream_flush(struct stream *stream, struct task *who);
void http1_stream_watch(struct stream *stream, struct task *who);
bool http1_stream_is_gone(struct stream *stream);
void http1_stream_limit_body(struct stream *stream, uint64_t most);
bool http1_stream_is_body_read(struct stream *stream);
enum fault http1_stream_body_fault(struct stream *stream);
const struct fields *http1_stream_trailers_in(struct stream *stream);
void http1_stream_trailers_out(struct stream *stream, const struct fields *trailers, const struct fields *announced);
uint64_t http1_stream_unsent(struct stream *stream);
bool http1_stream_is_reset(struct stream *stream);
struct source *http1_stream_tunnel_source(struct stream *stream);
struct sink *http1_stream_tunnel_sink(struct stream *stream);

/* The rows of a table of stream_ops that are the same for all; send_head, recv_head and done are each one's own. */
#define HTTP1_STREAM_OPS                                                                                               \
    .flush = http1_stream_flush, .watch = http1_stream_watch, .is_gone = http1_stream_is_gone,                         \
    .limit_body = http1_stream_limit_body, .is_body_read = http1_stream_is_body_read,                                  \
    .body_fault = http1_stream_body_fault, .trailers_in = http1_stream_trailers_in,                                    \
    .trailers_out = http1_stream_trailers_out, .unsent = http1_stream_unsent, .is_reset = http1_stream_is_reset,       \
    .tunnel_source = http1_stream_tunnel_source, .tunnel_sink = http1_stream_tunnel_sink

#endif
