/*
 * Where a message ends, and what becomes of its connection (RFC 9112 sections 6 and 9, RFC 9110 sections 7.8 and
 * 10.1.1).
 *
 * Stricter than the RFC: one Transfer-Encoding, equal to `chunked`, on HTTP/1.1 and without
 * Content-Length; or one Content-Length of 1 to 18 digits. Everything else has more than one reader's reading.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "http/fault.h"
#include "http/head.h"

/* Sets framing, length, declared. FAULT_NONE, FAULT_BAD_FRAMING or FAULT_BAD_CODING. */
enum fault framing_of_request(struct head *head);
/* Sets framing, length, declared. FAULT_NONE or FAULT_SERVER_INVALID. */
enum fault framing_of_response(struct head *head, enum method of_request);

/* Sets keep_alive from version and Connection. A response that ends with its connection does not keep it. */
void framing_connection(struct head *head);
/* Sets expects_continue. FAULT_NONE or FAULT_BAD_EXPECT: any expectation but one 100-continue. */
enum fault framing_expect(struct head *head);

/* RFC 6455 4.2.1: GET on HTTP/1.1 without a body, Connection: upgrade, Upgrade: websocket, version 13, a key of 16
   bytes. */
bool framing_asks_websocket(const struct head *head);
/* RFC 6455 4.1: a 101 with Connection: upgrade and Upgrade: websocket. The accept value is for whoever knows the
   key. */
bool framing_grants_websocket(const struct head *head);

#endif
