/*
 * THE function that reads an authority: of Host, of an absolute-form or CONNECT target, of :authority, of a server name
 * in TLS.
 *
 * host [":" port], where the host is a name in the sense of base/hostname.h, a strict dotted quad, or an IPv6 address
 * in brackets. Refused: an empty host, user information, percent-encoding, anything that is not ASCII, a port that is
 * not 1 to 65535 in at most five digits, zones and future address formats, and names that some resolver reads as an
 * address though they are no dotted quad (127.1, 0x7f.1, 2130706433, 0177.0.0.1).
 */
#ifndef HTTP_AUTHORITY_H
#define HTTP_AUTHORITY_H

#include "base/arena.h"
#include "base/str.h"
#include "http/head.h"

#include <stdbool.h>

enum authority_use {
    AUTHORITY_HOST,    /* Host, absolute-form, :authority: port optional; `example.org:` means none (RFC 3986 3.2.3) */
    AUTHORITY_CONNECT, /* the port is a must (RFC 9110 9.3.6) */
    AUTHORITY_NAME     /* no port: a server name in TLS, a list's entry */
};

/* On failure *ret is untouched. The host's text lives in the arena. */
bool authority_parse(struct arena *arena, struct str text, enum authority_use use, struct authority *ret);

/* Same host and same port, where no port stands for `default_port`. */
bool authority_same(const struct authority *a, const struct authority *b, uint16_t default_port);

/* `host` or `host:port`, IPv6 in brackets; the port is left out when it is 0 or `default_port`. */
struct str authority_text(struct arena *arena, const struct authority *authority, uint16_t default_port);

#endif
