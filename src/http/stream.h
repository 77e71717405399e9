/*
 * One exchange on one connection, whatever the version: HTTP/1 server and client side implement it now, HTTP/2 later.
 *
 * The connection owns the stream, the stream's arena holds everything of the exchange. Who uses a stream registers
 * itself as its user, so that a connection that goes down can cancel it; the user ends with stream_done(), after which
 * it does not touch the stream.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "base/arena.h"
#include "flow/flow.h"
#include "http/fault.h"
#include "http/head.h"

#include <stdbool.h>

struct client_hello;
struct stream;
struct transport;

enum stream_end {
    STREAM_REUSE, /* keep the connection if the messages were whole and both sides allow it */
    STREAM_CLOSE, /* close it after what was written has been sent */
    STREAM_ABORT  /* cut it, so that the peer cannot take a part for the whole */
};

struct stream_ops {
    /* Client side: sends a request's head. Server side: a response's, interim (1xx) ones too. Queued; stream_flush() or
       the body sends it. The body's framing is head->framing and head->length. */
    void (*send_head)(struct stream *stream, const struct head *head);
    /* Client side: END when stream->head holds a response's head (again after an interim one). FAIL: stream->fault. */
    enum flow (*recv_head)(struct stream *stream, struct task *who);
    /* Sends what is queued. END: nothing is queued. WAIT, FAIL. */
    enum flow (*flush)(struct stream *stream, struct task *who);
    /* Has `who` woken when the peer goes away, or sends something, while nothing is read of it. */
    void (*watch)(struct stream *stream, struct task *who);
    /* Is the peer known to be gone? */
    bool (*is_gone)(struct stream *stream);
    /* Server side: a longer body is FAULT_BODY_TOO_LARGE. */
    void (*limit_body)(struct stream *stream, uint64_t most);
    /* Has everything that the peer's message holds been read? */
    bool (*is_body_read)(struct stream *stream);
    /* Why body_in has failed. */
    enum fault (*body_fault)(struct stream *stream);
    /* Where the trailers of body_in will stand when it has ended; NULL: it can have none. */
    const struct fields *(*trailers_in)(struct stream *stream);
    /* After send_head(), when the body is chunked: of `trailers`, as they stand when the body ends, those that
       `announced` lists in its Trailer and that gatehouse does not know are sent behind it. Borrowed. */
    void (*trailers_out)(struct stream *stream, const struct fields *trailers, const struct fields *announced);
    /* Bytes that were sent and that the peer has not taken yet: they still lie in the kernel's queue. */
    uint64_t (*unsent)(struct stream *stream);
    /* Has the peer reset the connection? (One that has ended its side may still be waiting for the answer.) */
    bool (*is_reset)(struct stream *stream);
    /* The raw bytes both ways, for a tunnel: the connection speaks no HTTP any more. */
    struct source *(*tunnel_source)(struct stream *stream);
    struct sink *(*tunnel_sink)(struct stream *stream);
    void (*done)(struct stream *stream, enum stream_end end);
};

struct stream_user {
    /* The connection goes down: let go of the stream at once, without stream_done(). */
    void (*cancel)(struct stream_user *user);
};

struct stream {
    const struct stream_ops *ops;
    struct transport *transport; /* of the connection, whose it is; its addresses may be asked for */
    struct arena *arena;
    struct head head;       /* as received */
    struct source *body_in; /* the peer's body; unframed bytes */
    struct sink *body_out;  /* ours; framed on its way. finish() ends the message */
    enum fault fault;       /* after FAIL, or of a head that was refused */
    struct stream_user *user;
    uint64_t head_bytes_out;          /* bytes of heads and framing sent, for the log */
    const struct client_hello *hello; /* server side: of a connection whose TLS passes through; else NULL */
    bool speaks_no_http;              /* server side: what answers is no text */
    uint64_t bytes_held;              /* … and so much of the client was read already */
    bool must_close;                  /* server side: the answer must say so and the connection ends with it */
};

static inline void stream_send_head(struct stream *stream, const struct head *head)
{
    stream->ops->send_head(stream, head);
}

static inline enum flow stream_recv_head(struct stream *stream, struct task *who)
{
    return stream->ops->recv_head(stream, who);
}

static inline enum flow stream_flush(struct stream *stream, struct task *who)
{
    return stream->ops->flush(stream, who);
}

static inline void stream_done(struct stream *stream, enum stream_end end)
{
    stream->ops->done(stream, end);
}

#endif
