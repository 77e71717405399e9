/*
 * UTF-8, strictly (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MARK "\xef\xbb\xbf" /* a byte order mark (U+FEFF), which some editors put in front of a text */

/* The length (1 to 4) of the character that the text begins with; 0 when it begins with none. */
size_t utf8_read(struct str text, uint32_t *ret_code);
bool utf8_is_valid(struct str text);

#endif
