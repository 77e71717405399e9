/*
 * Parts of a representation (RFC 9110 section 14): only the unit bytes.
 */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t first;
    uint64_t last; /* inclusive, below the size */
};

enum ranges {
    RANGES_WHOLE,        /* no range, not understood, malformed, too many, or overlapping: send the whole, 200 */
    RANGES_SOME,         /* 206 */
    RANGES_UNSATISFIABLE /* 416 with Content-Range: bytes *(slash)SIZE */
};

/* The value of a Range field against a representation of `size` bytes. At most `room` ranges are written (in the order
   asked, the unsatisfiable ones left out); a field with more members than that asks for the whole. More than two that
   overlap are taken for an attack (14.2) and ask for the whole too. */
enum ranges ranges_parse(struct str value, uint64_t size, struct range *into, size_t room, size_t *ret_count);

/* `bytes FIRST-LAST/SIZE` of a 206; *ret_size is UINT64_MAX for `*`. False for every other or inconsistent form. */
bool content_range_parse(struct str value, struct range *ret, uint64_t *ret_size);

static inline uint64_t range_length(const struct range *range)
{
    return range->last - range->first + 1;
}

#endif
