/*
 * Conditional requests (RFC 9110 section 13), judged from the validators of what would be sent.
 */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include "base/clock.h"
#include "base/str.h"
#include "http/fields.h"
#include "http/head.h"

#include <stdbool.h>

struct validators {
    struct str etag; /* as in the field, `"x"` or `W/"x"`; at == NULL: none */
    bool has_modified;
    struct wall modified; /* to the second */
    bool is_missing;      /* there is no representation at all: If-Match: * fails, If-None-Match: * holds */
};

/* Of a stored or received response's fields: ETag (when it is well formed) and Last-Modified. */
struct validators validators_of(const struct fields *response);

enum precondition {
    PRECONDITION_HOLDS,        /* go on */
    PRECONDITION_NOT_MODIFIED, /* 304 */
    PRECONDITION_FAILED        /* 412 */
};

/* In the order of RFC 9110 13.2.2. If-Range is not looked at. */
enum precondition conditional_judge(enum method method, const struct fields *request, const struct validators *have);

/* If-Range (13.1.5): whether a Range field may be acted on; true when there is no If-Range. */
bool conditional_allows_range(const struct fields *request, const struct validators *have);

bool etag_is_valid(struct str etag);
/* RFC 9110 8.8.3.2. */
bool etag_matches_strong(struct str a, struct str b);
bool etag_matches_weak(struct str a, struct str b);

#endif
