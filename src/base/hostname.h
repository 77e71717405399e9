/*
 * Names of hosts. hostname_normal() is the one function by which every host name is read – Host, absolute-form,
 * CONNECT, SNI, configuration, lists – so that all of them compare as bytes.
 *
 * A dotted quad has the shape of a name and comes out as it is: call ip_parse() on the *result* (full-width digits have
 * become plain ones by then), and refuse it as an address if that fails and hostname_is_numeric_like() holds.
 */
#ifndef BASE_HOSTNAME_H
#define BASE_HOSTNAME_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

enum { HOSTNAME_MAX = 253, HOSTNAME_LABEL_MAX = 63 };

/* The normal form: lower case, A-labels, without one final dot; 1 to 253 bytes, labels of 1 to 63 letters, digits,
   hyphens and underscores. UTF-8 goes through UTS #46 (non-transitional); anything else, percent signs included, is
   refused. The result is a terminated copy in the arena. */
bool hostname_normal(struct arena *arena, struct str in, struct str *ret);

/* The last label is all digits, or 0x and hexadecimal digits (WHATWG URL, "ends in a number"): 127.1, 0x7f.1,
   2130706433, but also 127.0.0.1. Some resolvers and libraries read such names as addresses. */
bool hostname_is_numeric_like(struct str name);

/* Both in normal form: `host` is a subdomain of `domain`, at any depth; not `domain` itself. */
bool hostname_is_below(struct str host, struct str domain);

#endif
