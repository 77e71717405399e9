/*
 * The spans of http/chars.h, sixteen bytes at a time. Included by chars.h only.
 */
#ifndef HTTP_CHARS_SSE2_H
#define HTTP_CHARS_SSE2_H

#include <emmintrin.h>
#include <string.h>

static inline __m128i load_16(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* The first and the last eight of 8 to 16 bytes; they may overlap. */
static inline __m128i load_ends(const char *at, size_t len)
{
    __m128i first = _mm_loadl_epi64((const __m128i *)(const void *)at);
    __m128i last = _mm_loadl_epi64((const __m128i *)(const void *)(at + len - 8));
    return _mm_unpacklo_epi64(first, last);
}

/* A bit for each byte that is not CHAR_VALUE: below 0x20 but HTAB, or DEL. */
static inline unsigned not_value(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

/* A bit for each byte that is not CHAR_TARGET: outside of 0x21 to 0x7e, or '#'. */
static inline unsigned not_target(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x20)), bytes);
    __m128i high = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(0x7f)), bytes);
    __m128i hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, high), hash));
}

/* Whole blocks first. What is left is looked at with one that overlaps what is known to be right: so its first hit
   counts. */
static inline size_t span_by(const char *at, size_t len, unsigned (*wrong_in)(__m128i bytes), enum char_class which)
{
    if (len < 8)
        return span_of(at, len, which);
    size_t n = 0;
    for (; n + 16 <= len; n += 16) {
        unsigned wrong = wrong_in(load_16(at + n));
        if (wrong != 0)
            return n + (size_t)__builtin_ctz(wrong);
    }
    unsigned wrong = wrong_in(len >= 16 ? load_16(at + len - 16) : load_ends(at, len));
    if (wrong == 0)
        return len;
    size_t first = (size_t)__builtin_ctz(wrong);
    return len < 16 && first < 8 ? first : len + first - 16;
}

/* How many of the first bytes are CHAR_VALUE. */
static inline size_t span_of_value(const char *at, size_t len)
{
    return span_by(at, len, not_value, CHAR_VALUE);
}

/* How many of the first bytes are CHAR_TARGET. */
static inline size_t span_of_target(const char *at, size_t len)
{
    return span_by(at, len, not_target, CHAR_TARGET);
}

/* A bit for each byte that is no letter, digit or hyphen; other token characters are rare. */
static inline unsigned not_usual_name(__m128i bytes)
{
    __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)),
                                   _mm_cmplt_epi8(lower, _mm_set1_epi8('z' + 1)));
    __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)),
                                  _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    __m128i hyphen = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), hyphen)) ^ 0xffff;
}

/* Whether all bytes are CHAR_TOKEN. */
static inline bool is_all_token(const char *at, size_t len)
{
    size_t n = 0;
    while (n + 16 <= len && not_usual_name(load_16(at + n)) == 0)
        n += 16;
    if (len >= 8 && len < 16 && not_usual_name(load_ends(at, len)) == 0)
        return true;
    return span_of(at + n, len - n, CHAR_TOKEN) == len - n;
}

/* The first colon, or len; for names, which are short. */
static inline size_t find_colon(const char *at, size_t len)
{
    size_t n = 0;
    for (; n + 16 <= len; n += 16) {
        unsigned hits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load_16(at + n), _mm_set1_epi8(':')));
        if (hits != 0)
            return n + (size_t)__builtin_ctz(hits);
    }
    const char *hit = memchr(at + n, ':', len - n);
    return hit ? (size_t)(hit - at) : len;
}

/* Bytes up to and with the first CRLF CRLF; 0 when there is none. Looks for two CR at a distance of two, which is
   rare. */
static inline size_t find_head_end(const char *at, size_t len)
{
    enum { BLOCK = 18 }; /* 16 places, and the CR behind the last */
    if (len < BLOCK + 1) {
        const char *hit = len >= 4 ? memmem(at, len, "\r\n\r\n", 4) : NULL;
        return hit ? (size_t)(hit - at) + 4 : 0;
    }
    for (size_t n = 0;; n += 16) {
        if (n + BLOCK + 1 > len)
            n = len - BLOCK - 1; /* overlaps the block before */
        __m128i cr = _mm_set1_epi8('\r');
        __m128i pair = _mm_and_si128(_mm_cmpeq_epi8(load_16(at + n), cr), _mm_cmpeq_epi8(load_16(at + n + 2), cr));
        for (int hits = _mm_movemask_epi8(pair); hits != 0; hits &= hits - 1) {
            size_t hit = n + (size_t)__builtin_ctz((unsigned)hits);
            if (memcmp(at + hit, "\r\n\r\n", 4) == 0)
                return hit + 4;
        }
        if (n + BLOCK + 1 == len)
            return 0;
    }
}

#endif
