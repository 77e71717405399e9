/*
 * A connection from a client that speaks HTTP/1: reads requests one by one, hands each to its owner as a stream, and
 * goes on with the next (pipelined or not) when the exchange is done. Answers therefore leave in the order of the
 * requests.
 *
 * Between requests it holds no buffer, no arena and no exchange. It owns its transport and frees itself when it ends;
 * whoever owns the exchange is cancelled first.
 */
#ifndef HTTP1_SERVER_H
#define HTTP1_SERVER_H

#include "base/addr.h"
#include "base/list.h"
#include "http/limits_conf.h"
#include "http/stream.h"
#include "net/transport.h"

struct http1_server;

struct http1_owner {
    /* A request's head has come, or was refused (stream->fault): the owner answers it and ends with stream_done(). */
    void (*begin)(void *owner, struct stream *stream);
    /* An exchange is done, and the connection waits for its next request. */
    void (*rests)(void *owner);
    /* The limits and time-outs for reading the next head; asked when its first byte has come. */
    void (*limits)(void *owner, const struct limits **ret_limits, const struct timeouts **ret_timeouts);
    /* The connection is gone; the owner lets go of it. */
    void (*closed)(void *owner);
};

/* `taken` is freshly accepted. */
struct http1_server *http1_server_new(struct transport *taken, const struct http1_owner *ops, void *owner);
/* After http1_server_new(), for a connection that something else was read from first (net/arrival.h): `rest` is what
   was read beyond that, and is emptied; `waited` of the time for the first head is over. Goes on at once: the server
   may be gone when it returns. */
void http1_server_give(struct http1_server *server, struct buffer *rest, msec waited);
/* Closes at once; an exchange under way is cancelled. `closed` is not called. */
void http1_server_free(struct http1_server *server);

/* Closes it, through `closed`, unless anything of a request is there, or seen to come. False: it was not closed. */
bool http1_server_close_idle(struct http1_server *server);
/* No new request is begun: an idle connection closes now (through `closed`), a busy one after its answer, which says
   so. */
void http1_server_drain(struct http1_server *server);
#endif
