/*
 * A `forward` block; plain, immutable.
 */
#ifndef FORWARD_FORWARD_CONF_H
#define FORWARD_FORWARD_CONF_H

#include "acl/rule_conf.h"
#include "http/limits_conf.h"
#include "net/listen_conf.h"
#include "net/tls_conf.h"
#include "proxy/error_page_conf.h"

struct port_range {
    uint16_t from;
    uint16_t to; /* inclusive */
};

struct port_ranges {
    const struct port_range *at;
    size_t count;
};

enum { TUNNEL_CHECK_PORT = 443 };
enum tunnel_policy { TUNNEL_ALLOW, TUNNEL_DENY };

/* What the first bytes in a tunnel to TUNNEL_CHECK_PORT may be. */
struct tunnel_check_conf {
    enum tunnel_policy mismatch; /* a ClientHello that names another host */
    enum tunnel_policy no_name;
    enum tunnel_policy not_tls;
    enum tunnel_policy ech;
};

struct forward_conf {
    struct word name;
    struct str place_text;
    struct listen_conf *listens;
    size_t listen_count;
    const struct tls_server_conf *tls; /* of its listeners with `tls`; NULL: it has no certificate */
    struct rules rules;
    struct port_ranges ports;        /* default 80 443 1025-65535 */
    struct port_ranges tunnel_ports; /* default 443 */
    struct tunnel_check_conf tunnel_check;
    bool deny_private;              /* default on */
    struct cidr_set private_except; /* `deny-private except CIDR...` */
    bool conceal;                   /* default on */
    struct error_pages error_pages;
    struct limits limits;
    struct timeouts timeouts;
};

#endif
