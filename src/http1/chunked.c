#include "http1/chunked.h"

#include "base/must.h"
#include "http/chars.h"

#include <string.h>

enum { SIZE_DIGITS = 16 };

enum state {
    AT_SIZE,
    IN_SIZE,
    EXTENSION_NAME_START, /* behind ';' */
    EXTENSION_NAME,
    EXTENSION_VALUE_START, /* behind '=' */
    EXTENSION_TOKEN,
    EXTENSION_QUOTED,
    EXTENSION_ESCAPED, /* behind a backslash in quotes */
    EXTENSION_END,     /* behind the closing quote */
    SIZE_LF,
    IN_DATA,
    DATA_CR,
    DATA_LF,
    IN_TRAILERS,
    FINISHED,
    REFUSED
};

void chunked_init(struct chunked_parser *parser, struct arena *arena, const struct limits *limits)
{
    *parser = (struct chunked_parser){.line_max = limits->chunk_line, .overhead_max = limits->chunk_overhead};
    fields_init(&parser->trailers, arena);
    head_parser_init_trailers(&parser->trailer_parser, arena, &parser->trailers, limits);
}

void chunked_skip(struct chunked_parser *parser, uint64_t n)
{
    must(n <= parser->remaining && (n == 0 || parser->state == IN_DATA));
    parser->remaining -= n;
    if (parser->state == IN_DATA && parser->remaining == 0)
        parser->state = DATA_CR;
}

/* Where an extension, or the line, goes on after something that is complete: RFC 9112 7.1.1 without its bad white
   space. */
static enum state after_part(char c)
{
    return c == ';' ? EXTENSION_NAME_START : c == '\r' ? SIZE_LF : REFUSED;
}

/* A zero in front, or a digit of a size; the size must stay a positive int64_t. */
static enum state take_digit(struct chunked_parser *parser, char c)
{
    int digit = char_hex(c);
    if (digit < 0)
        return parser->digits > 0 ? after_part(c) : REFUSED;
    if (parser->digits == SIZE_DIGITS || parser->remaining > (uint64_t)INT64_MAX >> 4)
        return REFUSED;
    if (parser->digits > 0 && parser->remaining == 0)
        parser->overhead++;
    parser->digits++;
    parser->remaining = parser->remaining << 4 | (uint64_t)digit;
    return IN_SIZE;
}

static enum state take_extension(const struct chunked_parser *parser, char c)
{
    switch ((enum state)parser->state) {
    case EXTENSION_NAME_START:
        return char_is(c, CHAR_TOKEN) ? EXTENSION_NAME : REFUSED;
    case EXTENSION_NAME:
        return char_is(c, CHAR_TOKEN) ? EXTENSION_NAME : c == '=' ? EXTENSION_VALUE_START : after_part(c);
    case EXTENSION_VALUE_START:
        return c == '"' ? EXTENSION_QUOTED : char_is(c, CHAR_TOKEN) ? EXTENSION_TOKEN : REFUSED;
    case EXTENSION_TOKEN:
        return char_is(c, CHAR_TOKEN) ? EXTENSION_TOKEN : after_part(c);
    case EXTENSION_QUOTED:
        return c == '"'                  ? EXTENSION_END
               : c == '\\'               ? EXTENSION_ESCAPED
               : char_is(c, CHAR_QUOTED) ? EXTENSION_QUOTED
                                         : REFUSED;
    case EXTENSION_ESCAPED:
        return char_is(c, CHAR_VALUE) ? EXTENSION_QUOTED : REFUSED;
    default:
        return after_part(c);
    }
}

/* One byte of framing; false when it is refused. */
static bool take_framing(struct chunked_parser *parser, char c)
{
    enum state next = REFUSED;
    if (parser->state == DATA_CR) {
        next = c == '\r' ? DATA_LF : REFUSED;
    } else if (parser->state == DATA_LF) {
        next = c == '\n' ? AT_SIZE : REFUSED;
        parser->line = parser->digits = 0;
    } else if (++parser->line > parser->line_max + 2) { /* its CRLF is not counted */
        return false;
    } else if (parser->state == SIZE_LF) {
        next = c != '\n' ? REFUSED : parser->remaining > 0 ? IN_DATA : IN_TRAILERS;
    } else if (parser->state <= IN_SIZE) {
        next = take_digit(parser, c);
    } else {
        next = take_extension(parser, c);
    }
    if (parser->state > IN_SIZE && parser->state < SIZE_LF)
        parser->overhead++;
    if (next == REFUSED || parser->overhead > parser->overhead_max)
        return false;
    parser->state = (uint8_t)next;
    return true;
}

static enum chunked take_trailers(struct chunked_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
    switch (head_parse(&parser->trailer_parser, bytes, len, ret_used)) {
    case PARSE_DONE:
        parser->state = FINISHED;
        return CHUNKED_DONE;
    case PARSE_MORE:
        return CHUNKED_MORE;
    default:
        return CHUNKED_BAD;
    }
}

enum chunked chunked_next(struct chunked_parser *parser, const char *bytes, size_t len, size_t *ret_used,
                          struct str *ret_data)
{
    size_t used = 0;
    *ret_data = STR_NONE;
    *ret_used = 0;
    must(parser->state != FINISHED);
    for (; used < len && parser->state != IN_DATA && parser->state != IN_TRAILERS; used++)
        if (!take_framing(parser, bytes[used]))
            return CHUNKED_BAD;
    *ret_used = used;
    if (used == len)
        return CHUNKED_MORE;
    if (parser->state == IN_TRAILERS) {
        enum chunked result = take_trailers(parser, bytes + used, len - used, ret_used);
        *ret_used += used;
        return result;
    }
    size_t span = len - used < parser->remaining ? len - used : (size_t)parser->remaining;
    *ret_data = str_from(bytes + used, span);
    *ret_used = used + span;
    chunked_skip(parser, span);
    return CHUNKED_DATA;
}
