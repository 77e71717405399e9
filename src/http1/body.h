/*
 * Bodies on an HTTP/1 connection, the same for both sides: a source that takes the framing off what comes, and a sink
 * that puts it on what goes (RFC 9112 sections 6 and 7).
 */
#ifndef HTTP1_BODY_H
#define HTTP1_BODY_H

#include "flow/flow.h"
#include "http/fault.h"
#include "http/head.h"
#include "http/limits_conf.h"
#include "http1/chunked.h"
#include "net/transport.h"

struct body_reader {
    struct source source;
    struct transport *transport;
    struct buffer *in; /* the connection's: what was read beyond the head */
    enum framing framing;
    uint64_t left;                  /* FRAMING_LENGTH: still to come */
    uint64_t received;              /* body bytes so far */
    uint64_t most;                  /* more is FAULT_BODY_TOO_LARGE */
    struct chunked_parser *chunked; /* in the exchange's arena */
    bool is_done;                   /* all of it was read */
    enum fault fault;               /* after FAIL */
    enum fault when_gone;           /* this side's faults: the peer ended or reset too early … */
    enum fault when_invalid;        /* … or sent what is no chunk */
};

/* Raw bytes until the peer ends. Borrows everything. */
void body_reader_init(struct body_reader *reader, struct transport *transport, struct buffer *in);
/* From now on a body that is framed as `head` says. */
void body_reader_frame(struct body_reader *reader, const struct head *head, const struct limits *limits,
                       struct arena *arena);
/* From now on raw bytes until the peer ends, for a tunnel. */
void body_reader_to_tunnel(struct body_reader *reader);

struct body_writer {
    struct sink sink;
    struct transport *transport;
    struct buffer *out; /* the connection's: heads, and what the socket would not take */
    enum framing framing;
    uint64_t left;                  /* FRAMING_LENGTH: still owed */
    const struct fields *trailers;  /* what may be sent behind the last chunk; NULL: nothing … */
    const struct fields *announced; /* … of what its Trailer names */
    bool is_tunnel;                 /* finish() ends our side of the connection … */
    bool is_last;                   /* … or who calls it does, in the same turn */
    bool is_done;                   /* all of it is on its way */
    uint64_t overhead;              /* bytes of chunk framing, for the log */
};

/* Raw bytes until they are finished; body_writer_frame(): a body that is framed as `head` says. */
void body_writer_init(struct body_writer *writer, struct transport *transport, struct buffer *out);
void body_writer_frame(struct body_writer *writer, const struct head *head);
void body_writer_to_tunnel(struct body_writer *writer);

/* Sends what is queued. END: nothing is. */
enum flow body_writer_flush(struct body_writer *writer, struct task *who);

#endif
