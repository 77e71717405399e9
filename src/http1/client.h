/*
 * A connection to a server that speaks HTTP/1: one exchange at a time, kept for the next if both messages were whole
 * and not one byte came beyond the answer.
 */
#ifndef HTTP1_CLIENT_H
#define HTTP1_CLIENT_H

#include "http/limits_conf.h"
#include "http/stream.h"
#include "net/transport.h"

struct http1_client;

struct http1_client *http1_client_new(struct transport *taken);
void http1_client_free(struct http1_client *client);

/* The stream for the next exchange, in the exchange's arena; ends with stream_done(), after which
   http1_client_is_reusable() says whether the connection may be kept. */
struct stream *http1_client_begin(struct http1_client *client, struct arena *arena, const struct limits *limits);

/* Before the first head: bytes that stand in front of it, and leave with it. */
void http1_client_precede(struct http1_client *client, struct str bytes);

bool http1_client_is_reusable(const struct http1_client *client);
/* Has anything of the answer come? (After a failure: a request whose answer had not begun on a reused connection may be
   tried again.) */
bool http1_client_has_answered(const struct http1_client *client);
struct transport *http1_client_transport(struct http1_client *client);

#endif
