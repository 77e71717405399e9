/*
 * The target of a request (RFC 9112 section 3.2): which of the four forms it has, as its method allows, and its parts.
 *
 *   CONNECT        authority-form only
 *   OPTIONS        `*`, besides the others
 *   all others     origin-form, or absolute-form with the scheme http
 *
 * Refused: '#', other schemes, user information, controls, bytes from 0x80 on.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "base/arena.h"
#include "base/str.h"
#include "http/head.h"

#include <stdbool.h>

/* Fills *ret, path canonical. *ret_authority is the text between `//` and the path (absolute-form), the whole
   (authority-form), or none. On failure nothing is touched. */
bool target_parse(struct arena *arena, struct str raw, enum method method, struct target *ret,
                  struct str *ret_authority);

/* `path` and `?query`, as forwarded. */
struct str target_uri(struct arena *arena, const struct target *target);

#endif
