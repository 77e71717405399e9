/*
 * A borrowed piece of text: pointer and length, passed by value, never freed through, not terminated.
 *
 * Who hands out a str says how long its bytes live (mostly: as long as the arena of an exchange or of a configuration).
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf's "%.*s". */
#define STR_ARGS(s) (int)(s).len, (s).at

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline struct str str_from(const char *at, size_t len)
{
    return (struct str){at, len};
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* The part from `from` (clamped) on. */
static inline struct str str_skip(struct str s, size_t from)
{
    if (s.len == 0) /* no arithmetic on NULL */
        return s;
    return from >= s.len ? (struct str){s.at + s.len, 0} : (struct str){s.at + from, s.len - from};
}

static inline struct str str_head(struct str s, size_t len)
{
    return (struct str){s.at, len < s.len ? len : s.len};
}

/* ASCII only: bytes from 0x80 on compare as they are. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Byte order, the shorter first at equal bytes: less than, equal to, greater than 0. */
int str_compare(struct str a, struct str b);

/* Index of the first (last) `c`, or s.len when there is none. */
size_t str_find(struct str s, char c);
size_t str_find_last(struct str s, char c);
/* Index of the first occurrence of `needle`, or s.len. */
size_t str_find_str(struct str s, struct str needle);

/* Without leading and trailing spaces and tabs (RFC 9110's OWS). */
struct str str_trim(struct str s);

/* Cuts the text up to the first `c` off `*rest` (which then starts behind `c`); the whole rest when there is no `c`,
   leaving `*rest` with at == NULL. False when `*rest` was used up before (at == NULL). */
bool str_cut(struct str *rest, char c, struct str *ret_piece);

static inline char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool char_is_alpha(char c)
{
    return char_lower(c) >= 'a' && char_lower(c) <= 'z';
}

/* 0 to 15, or -1. */
int char_hex(char c);

#endif
