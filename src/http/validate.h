/*
 * What has to be true of a head as a whole, whichever version of HTTP brought it. A head that passes has one target,
 * one authority, one framing, and its members are set.
 */
#ifndef HTTP_VALIDATE_H
#define HTTP_VALIDATE_H

#include "base/arena.h"
#include "http/fault.h"
#include "http/head.h"

/* A request with method, method_text, target.raw, minor and fields set (HTTP/2: minor 1, and :authority as a field Host in
   front): fills the rest. FAULT_NONE, or what to answer; then the connection is to be closed. */
enum fault validate_request(struct arena *arena, struct head *head);

/* A response with status, reason, minor and fields set: fills the rest. FAULT_NONE or FAULT_SERVER_INVALID. */
enum fault validate_response(struct head *head, enum method of_request);

#endif
