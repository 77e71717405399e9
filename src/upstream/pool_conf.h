/*
 * A `pool` block, or the pool in short that `to ADDRESS...` makes; plain.
 */
#ifndef UPSTREAM_POOL_CONF_H
#define UPSTREAM_POOL_CONF_H

#include "base/addr.h"
#include "base/word.h"
#include "net/proxy_header_conf.h"
#include "net/tls_conf.h"

#include <stdint.h>

struct server_conf {
    struct word address; /* as written */
    struct str host;     /* a name to resolve, normal form; at == NULL: `addr` is the address */
    uint16_t port;
    bool has_port;              /* it was written */
    bool is_https;              /* https:// was written */
    struct addr addr;           /* numeric or unix */
    struct str text;            /* "HOST:PORT", what logs show */
    unsigned weight;            /* 1 to 1000, default 1 */
    bool is_down;               /* `down`: never used */
    bool is_backup;             /* used only when no other can be */
    unsigned max_connections;   /* over all threads; 0: no limit */
    const struct tls_conf *tls; /* NULL: spoken to in clear */
};

enum balance { BALANCE_ROUND_ROBIN };

struct pool_conf {
    struct word name; /* of a pool in short: the block's name and the addresses, for messages and logs */
    struct server_conf *servers;
    size_t server_count;
    enum balance balance;
    enum proxy_header_version proxy_header; /* in front of each connection */
    unsigned connections;                   /* idle ones kept to each server, per thread; default 256 */
    struct tls_conf *tls;                   /* NULL: none of its servers is spoken to by TLS */
    size_t index;                           /* of the pool in its configuration */
};

/* What it shows to servers; NULL: nothing. */
static inline const struct certificate_conf *pool_certificate(const struct pool_conf *pool)
{
    bool has_one = pool->tls != NULL && pool->tls->certificate.certificate_path != NULL;
    return has_one ? &pool->tls->certificate : NULL;
}

#endif
