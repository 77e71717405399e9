/*
 * A `listen` line; plain.
 */
#ifndef NET_LISTEN_CONF_H
#define NET_LISTEN_CONF_H

#include "base/addr.h"
#include "base/word.h"

struct listen_conf {
    struct word address; /* as written */
    struct addr addr;
    bool is_tls;                     /* `tls` */
    bool is_dual;                    /* `:port` or `port`: all interfaces, IPv4 and IPv6 ([::] without IPV6_V6ONLY) */
    bool is_passthrough;             /* TLS, which is passed through without decrypting */
    struct cidr_set *forwarded_from; /* `forwarded from CIDR...`; NULL: the field is ignored */
    struct cidr_set *proxied_from;   /* `proxy-protocol from CIDR...`: their connections begin with a PROXY header */
    struct str from_text;            /* either as written, to hold two listens of one address together */
};

#endif
