/*
 * A head as the bytes of HTTP/1.1, written afresh from its members into the caller's memory; so that it has one
 * reading.
 *
 * Host, Content-Length, Transfer-Encoding, Connection and Upgrade are written from members of the head, never from the
 * fields: fields of these names are passed over. (Other hop-by-hop fields are taken out by whoever forwards.)
 *
 *   Host               authority (requests; first, as RFC 9110 7.2 asks). An empty host writes no Host line.
 *   target             by target.form: path?query, http://authority/path?query, authority:port, or *
 *   Content-Length     FRAMING_LENGTH: length; FRAMING_NONE: `declared` in a response (to HEAD, 304) when it is known;
 *                      nothing else. A response that has no body and ought to say so (a 302 of ours) is FRAMING_LENGTH
 *                      with length 0.
 *   Transfer-Encoding  FRAMING_CHUNKED
 *   Connection         upgrades_websocket: `upgrade` (and Upgrade: websocket); else !keep_alive: `close`; else
 *                      minor == 0: `keep-alive`, for a peer that speaks HTTP/1.0; else none. The version written is
 *                      always HTTP/1.1.
 */
#ifndef HTTP1_WRITE_H
#define HTTP1_WRITE_H

#include "http/head.h"

#include <stddef.h>

/* Bytes that are always enough for the head, as a request or as a response. */
size_t head_write_size(const struct head *head);

/* Write at `at`, where head_write_size() bytes are free; return the end of what was written. Text that could break a
   line must not get here: that is asserted. */
char *request_head_write(char *at, const struct head *head);
/* An interim head (100 to 199, not 101) gets no framing and no Connection. An empty reason is filled in from the
   status. */
char *response_head_write(char *at, const struct head *head);

enum { CHUNK_HEAD_MAX = 18 }; /* 16 digits and CRLF */
#define LAST_CHUNK "0\r\n\r\n"

/* The line before a chunk of `len` (at least 1) bytes; returns its end. The CRLF behind the data is the caller's. */
char *chunk_head_write(char *at, size_t len);

#endif
