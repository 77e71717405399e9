/*
 * The one path that rules, cache key and origin see (RFC 3986 sections 5.2.4 and 6.2.2).
 *
 * Canonical form: unreserved characters decoded, other escapes with upper-case digits, characters that no URI may hold
 * escaped, dot segments (encoded ones too) removed. Reserved characters keep the form they came in, and so do doubled
 * slashes (an origin may mean them: /web/http://example.org/). An encoded slash or backslash stays exactly as written.
 *
 * Some origins read more into a path than RFC 3986 does. What they may read is the second reading: encoded slashes and
 * backslashes decoded to '/', `..;x` and `.;x` taken for dot segments, runs of slashes merged, dot segments removed.
 * Rules and route are run on both; if they decide differently, the answer is 400 (FAULT_AMBIGUOUS_PATH).
 */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

/* `raw` begins with '/' and has no '?'. False: an invalid escape, an encoded NUL, a raw backslash, a control, or no
   leading slash. *ret_second has at == NULL when the second reading is the canonical path itself. Idempotent: a
   canonical path is its own canonical form. What is canonical already is borrowed from `raw`, not copied. */
bool path_canonical(struct arena *arena, struct str raw, struct str *ret_canonical, struct str *ret_second);

#endif
