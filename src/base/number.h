/*
 * Numbers from text, strictly, and arithmetic that notices when it overflows: for every size that a peer or a file
 * gives.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 to 19 decimal digits and nothing else (no sign, no space); false also when the number is above `max`. */
bool number_parse_u64(struct str text, uint64_t max, uint64_t *ret);
/* 1 to `max_digits` (at most 16) hexadecimal digits of either case and nothing else, not even 0x. */
bool number_parse_hex(struct str text, size_t max_digits, uint64_t *ret);

enum { NUMBER_TEXT_MAX = 20 }; /* digits of the longest number */

/* Writes the decimal digits, without a terminator; returns what is behind the last. */
char *number_write(char *at, uint64_t number);

/* False, and *ret untouched, when the result does not fit. */
static inline bool number_add_size(size_t a, size_t b, size_t *ret)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret = sum;
    return true;
}

static inline bool number_mul_size(size_t a, size_t b, size_t *ret)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

static inline bool number_add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret = sum;
    return true;
}

static inline bool number_mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

#endif
