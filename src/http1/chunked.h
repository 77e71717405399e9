/*
 * The chunked transfer coding, decoded as its bytes come (RFC 9112 section 7.1), without copying: data is handed out as
 * spans of the input.
 *
 * Strict: CRLF only, 1 to 16 hexadecimal digits, extensions by their grammar without bad white space and then dropped,
 * trailers by the grammar of field lines. The first wrong byte refuses.
 *
 * A chunk of one byte is legal, so the minimal framing of a chunk is not held against the sender; what goes beyond it
 * (extensions, leading zeros) may not exceed limits->chunk_overhead in one body, and no line limits->chunk_line.
 */
#ifndef HTTP1_CHUNKED_H
#define HTTP1_CHUNKED_H

#include "base/arena.h"
#include "base/str.h"
#include "http/fields.h"
#include "http/limits_conf.h"
#include "http1/parse.h"

#include <stddef.h>
#include <stdint.h>

enum chunked {
    CHUNKED_MORE, /* all of the input was taken; the body goes on */
    CHUNKED_DATA, /* *ret_data is a span of the input, at least one byte; call again with what follows *ret_used */
    CHUNKED_DONE, /* the body is over, trailers included; what follows *ret_used belongs to the next message */
    CHUNKED_BAD   /* the connection is of no use any more */
};

struct chunked_parser {
    uint64_t remaining;     /* bytes of the present chunk's data that are still to come */
    struct fields trailers; /* after DONE: whatever came; to be dropped unless announced and harmless; never merged */
    uint64_t line_max;      /* limits */
    uint64_t overhead_max;
    uint64_t line;     /* bytes of the present chunk line */
    uint64_t overhead; /* bytes beyond the minimal framing, in the whole body */
    uint8_t state;
    uint8_t digits;
    struct head_parser trailer_parser;
};

/* `limits` is read here only. Memory of the arena is taken for trailers alone: a small multiple of
   limits->trailer_size. */
void chunked_init(struct chunked_parser *parser, struct arena *arena, const struct limits *limits);

/* Outputs are set in every case; the spans live as long as the input. Data comes with whatever framing stood before it:
   *ret_used counts both. */
enum chunked chunked_next(struct chunked_parser *parser, const char *bytes, size_t len, size_t *ret_used,
                          struct str *ret_data);

/* How much of the present chunk's data is still to come: it may be moved elsewhere (spliced) and then told with
   chunked_skip(), n at most chunked_remaining(). */
static inline uint64_t chunked_remaining(const struct chunked_parser *parser)
{
    return parser->remaining;
}
void chunked_skip(struct chunked_parser *parser, uint64_t n);

#endif
