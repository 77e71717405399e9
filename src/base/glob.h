/*
 * Patterns of the configuration, compared with a whole value: `*` is any run of bytes, '/' included, `?` is one byte.
 *
 * A match takes at most length of pattern times length of text steps, whatever the pattern.
 */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/str.h"

#include <stdbool.h>

/* With the case as written. A final slash-star also covers the path without it: `/admin/` + `*` matches /admin, /admin/
   and all below. */
bool glob_match(struct str pattern, struct str text);
/* ASCII letters in either case, and without the rule for a final slash-star: for the values of fields. */
bool glob_match_nocase(struct str pattern, struct str text);
/* With the case as written, and without that rule, for names of RFC 4514: a backslash is one with the byte, or the two
   hexadecimal digits, behind it, on both sides. What is escaped in the text is matched by the very same, by a star, or,
   unless it is in digits, by `?`; and a wildcard that is escaped in the pattern matches itself. */
bool glob_match_escaped(struct str pattern, struct str text);

#endif
