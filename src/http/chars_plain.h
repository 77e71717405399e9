/*
 * The spans of http/chars.h for machines without SSE2. Included by chars.h only.
 */
#ifndef HTTP_CHARS_PLAIN_H
#define HTTP_CHARS_PLAIN_H

#include <string.h>

/* How many of the first bytes are CHAR_VALUE. */
static inline size_t span_of_value(const char *at, size_t len)
{
    return span_of(at, len, CHAR_VALUE);
}

/* How many of the first bytes are CHAR_TARGET. */
static inline size_t span_of_target(const char *at, size_t len)
{
    return span_of(at, len, CHAR_TARGET);
}

/* Whether all bytes are CHAR_TOKEN. */
static inline bool is_all_token(const char *at, size_t len)
{
    return span_of(at, len, CHAR_TOKEN) == len;
}

/* The first colon, or len. */
static inline size_t find_colon(const char *at, size_t len)
{
    const char *hit = memchr(at, ':', len);
    return hit ? (size_t)(hit - at) : len;
}

/* Bytes up to and with the first CRLF CRLF; 0 when there is none. */
static inline size_t find_head_end(const char *at, size_t len)
{
    const char *hit = len >= 4 ? memmem(at, len, "\r\n\r\n", 4) : NULL;
    return hit ? (size_t)(hit - at) + 4 : 0;
}

#endif
