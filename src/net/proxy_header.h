/*
 * The header of the PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): in front of everything else on
 * a connection, TLS included, it names the client that the peer, itself a proxy, speaks for.
 *
 * Pure. Reading is strict, and bounded: a header has one meaning or is refused. Who may send one is the caller's
 * business, since whoever may is believed.
 */
#ifndef NET_PROXY_HEADER_H
#define NET_PROXY_HEADER_H

#include "base/addr.h"
#include "base/str.h"
#include "net/proxy_header_conf.h"

#include <stddef.h>
#include <stdint.h>

/* source.version 0: nobody is named (UNKNOWN, LOCAL, another family than TCP's), and the peer speaks for itself. */
struct proxy_header {
    struct ip source;      /* the client … */
    struct ip destination; /* … and what it connected to */
    uint16_t source_port;
    uint16_t destination_port;
};

enum {
    PROXY_HEADER_MAX = 16 + 4096, /* bytes that one may have, what is passed over included */
    PROXY_HEADER_WRITTEN_MAX = 108
};

enum proxy_header_result { PROXY_HEADER_MORE, PROXY_HEADER_DONE, PROXY_HEADER_BAD };

/* `bytes` are all that have come so far. DONE: the first *ret_used of them were the header. MORE: it may yet become
   one. */
enum proxy_header_result proxy_header_read(struct str bytes, struct proxy_header *ret, size_t *ret_used);

/* Returns the length. Without both addresses the header says that it names nobody; where only one is of IPv4, it is
   written as IPv6. */
size_t proxy_header_write(const struct proxy_header *header, enum proxy_header_version version,
                          char into[PROXY_HEADER_WRITTEN_MAX]);

#endif
