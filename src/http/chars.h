/*
 * Which bytes may stand where in a message (RFC 9110 section 5, RFC 9112 section 3.2, RFC 3986): one table of classes,
 * and the spans that are looked for on the path of every request.
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum char_class {
    CHAR_TOKEN = 1,      /* tchar */
    CHAR_VALUE = 2,      /* of a field's value or a reason: HTAB, SP, VCHAR, obs-text */
    CHAR_TARGET = 4,     /* of a target: VCHAR but '#'. Browsers send more than RFC 3986 allows: | ^ ` { } " < > */
    CHAR_UNRESERVED = 8, /* RFC 3986 2.3 */
    CHAR_PATH = 16,      /* what stands for itself in a path: unreserved, sub-delims, ':', '@' and '/' */
    CHAR_HOST = 32,      /* of a host name or dotted quad in ASCII */
    CHAR_QUOTED = 64,    /* inside a quoted string, but for '"' and '\' */
    CHAR_ETAG = 128,     /* etagc: VCHAR but '"', obs-text */
    CHAR_LABEL = 256     /* of a host name's label in normal form, but for underscores: lower case, digits, hyphen */
};

extern const uint16_t char_classes[256];

static inline bool char_is(char c, enum char_class which)
{
    return (char_classes[(unsigned char)c] & which) != 0;
}

/* How many of the first bytes are of the class. */
static inline size_t span_of(const char *at, size_t len, enum char_class which)
{
    size_t n = 0;
    while (n < len && char_is(at[n], which))
        n++;
    return n;
}

#ifdef __SSE2__
#include "http/chars_sse2.h"
#else
#include "http/chars_plain.h"
#endif

#endif
