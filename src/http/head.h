/*
 * The head of a request or of a response, as parsed and as to be written: HTTP/1 and HTTP/2 fill and write the same
 * struct.
 *
 * A parsed head has passed every check of http/validate.c, so whoever reads it need not doubt it: one Host, one reading
 * of the framing, one authority, one canonical path. All text lives in the exchange's arena.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/addr.h"
#include "base/str.h"
#include "http/fields.h"

#include <stdbool.h>
#include <stdint.h>

enum method {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_CONNECT,
    METHOD_OPTIONS,
    METHOD_TRACE,
    METHOD_PATCH
};

enum target_form { TARGET_ORIGIN, TARGET_ABSOLUTE, TARGET_AUTHORITY, TARGET_ASTERISK };

/* RFC 9112 section 3. */
struct target {
    enum target_form form;
    struct str raw;    /* as it came */
    struct str scheme; /* absolute-form: "http" (lower case); else none */
    struct str
        path; /* canonical (http/path.h); "/" for an empty one in absolute-form; "*" for asterisk; none for CONNECT */
    struct str second_path; /* the decoded reading (http/path.h) when it differs from `path`; else at == NULL */
    struct str query;       /* without '?'; at == NULL when there is no '?' */
};

/* From the target or the Host field, by the one function that reads authorities (http/authority.h). */
struct authority {
    struct str host; /* normal form: lower case, A-labels, no final dot; an IPv6 address without its brackets */
    uint16_t port;   /* 0: none was given */
    struct ip ip;    /* what a strict dotted quad or a bracketed IPv6 address stands for; version 0: a name */
};

#define BODY_UNKNOWN UINT64_MAX

enum framing {
    FRAMING_NONE,    /* no body at all */
    FRAMING_LENGTH,  /* `length` bytes */
    FRAMING_CHUNKED, /* HTTP/1.1 chunked; in HTTP/2: until END_STREAM */
    FRAMING_CLOSE    /* a response that ends with its connection */
};

struct head {
    enum method method;
    struct str method_text;
    struct target target;
    struct authority authority;
    uint8_t minor;     /* HTTP/1.minor: 0 or 1 */
    uint16_t status;   /* responses */
    struct str reason; /* responses; may be empty */
    struct fields fields;
    enum framing framing;
    uint64_t length;       /* FRAMING_LENGTH: bytes; FRAMING_NONE: 0; else BODY_UNKNOWN */
    uint64_t declared;     /* response to HEAD, and 304: the Content-Length that goes with no body; else BODY_UNKNOWN */
    bool keep_alive;       /* what version and Connection say of the connection, before our own wishes */
    bool expects_continue; /* Expect: 100-continue on HTTP/1.1 */
    bool upgrades_websocket; /* a valid websocket upgrade is asked for (request) or granted (101) */
    bool host_differs; /* absolute-form: Host names something else than the target (RFC 9112 3.2.2: the target wins) */
};

/* Exact, case-sensitive. */
enum method method_of(struct str text);
/* RFC 9110 9.2.1 and 9.2.2. */
bool method_is_safe(enum method method);
bool method_is_idempotent(enum method method);
/* The registered reason phrase, or "" */
const char *status_reason(unsigned status);

#endif
