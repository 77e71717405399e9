/*
 * The head of an HTTP/1 message, read as its bytes come (RFC 9112 sections 2 to 5), by one machine for requests,
 * responses and trailers.
 *
 * Every byte may arrive alone; the outcome is the same however they are split. The first byte that cannot belong to a
 * valid head refuses it: bare LF, bare CR, NUL, an obsolete line fold, a space before a colon, bytes of TLS or of the
 * preface of HTTP/2 are told at once, not at the end of the head. When the last line is there, http/validate.h judges
 * the whole.
 *
 * Text is copied into the arena: at once when the whole head has come, else line by line. Nothing of the input is kept.
 */
#ifndef HTTP1_PARSE_H
#define HTTP1_PARSE_H

#include "base/arena.h"
#include "http/fault.h"
#include "http/head.h"
#include "http/limits_conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parse { PARSE_MORE, PARSE_DONE, PARSE_BAD };

enum head_kind { HEAD_REQUEST, HEAD_RESPONSE, HEAD_TRAILERS };

/* Embedded; nothing to free. Only `fault` is for others to read. */
struct head_parser {
    struct arena *arena;
    struct head *head;     /* NULL for trailers */
    struct fields *fields; /* the head's, or where the trailers go */
    enum head_kind kind;
    enum method of_request; /* a response's */
    enum fault fault;       /* after PARSE_BAD */
    uint8_t state;
    uint8_t matched;     /* bytes of the version, or digits of the status, that have come */
    uint8_t empty_lines; /* before a request line */
    uint32_t line_max;   /* limits: of the first line, one field line, the whole, how many fields */
    uint32_t field_max;
    uint32_t size_max;
    uint32_t count_max;
    uint32_t size; /* bytes of lines that are complete */
    char *text;    /* in the arena: the line under way, and the lines copied with it */
    uint32_t text_len;
    uint32_t text_room;
    uint32_t at;    /* offsets into `text`: the next byte to look at, */
    uint32_t line;  /* the first of the line, */
    uint32_t token; /* the first of the token, */
    uint32_t value; /* the first of the value */
    uint32_t name_len;
};

/* `into` is cleared and its fields live in the arena. `limits` is read here only. */
void head_parser_init_request(struct head_parser *parser, struct arena *arena, struct head *into,
                              const struct limits *limits);
/* `of_request` is the method of the request that is answered: it decides whether there is a body. Interim answers are
   heads like others (framing NONE): parse again after one. A 101 is only accepted as the grant of a websocket; whether
   one was asked for is for the caller to compare. */
void head_parser_init_response(struct head_parser *parser, struct arena *arena, struct head *into,
                               const struct limits *limits, enum method of_request);
/* Field lines up to and with the empty line, within limits->trailer_size and trailer_count. `into` must be
   initialised. */
void head_parser_init_trailers(struct head_parser *parser, struct arena *arena, struct fields *into,
                               const struct limits *limits);

/* Takes what belongs to the head: *ret_used bytes, all of them while MORE, up to the empty line when DONE. After DONE
   and BAD the parser must be initialised again. BAD: parser->fault says why. */
enum parse head_parse(struct head_parser *parser, const char *bytes, size_t len, size_t *ret_used);

/* A byte of the message has come (the empty lines that are allowed before a request line do not count). */
bool head_parser_has_begun(const struct head_parser *parser);

#endif
