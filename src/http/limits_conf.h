/*
 * Limits and time-outs of traffic, plain: what `limits { … }` and `timeouts { … }` fill. Each reverse, forward and
 * route block has its own copy, inherited from the enclosing block where it does not say otherwise. Defaults are those
 * of the table in docs (conf/directives.c holds them).
 */
#ifndef HTTP_LIMITS_CONF_H
#define HTTP_LIMITS_CONF_H

#include "base/clock.h"

#include <stdint.h>

struct limits {
    /* of a head */
    uint64_t uri_size;     /* bytes of the request line: 414 */
    uint64_t header_size;  /* bytes of a whole head: 431 */
    uint64_t field_size;   /* bytes of one field line: 431 */
    uint64_t header_count; /* fields: 431 */
    /* of a body */
    uint64_t body_size;      /* bytes of a request's body, UINT64_MAX: none: 413 */
    uint64_t chunk_line;     /* bytes of one chunk-size line */
    uint64_t chunk_overhead; /* bytes of chunk framing beyond the data, allowance */
    uint64_t trailer_size;   /* bytes */
    uint64_t trailer_count;
    uint64_t min_rate; /* bytes per second, of bodies in either direction, after `rate_grace` */
    /* of the process; only at top level */
    uint64_t memory;                 /* bytes; 0: a quarter of the machine's or cgroup's */
    uint64_t descriptors;            /* 0: as the system allows */
    uint64_t connections;            /* of clients; 0: no fixed number */
    uint64_t connections_per_client; /* 0: none */
    uint64_t signatures;             /* a second, of the keeper; 0: as many as are asked for */
};

/* The defaults of a message's head and framing, for an initializer: of what no configuration speaks of. A test compares
   them with the table. */
#define LIMITS_OF_MESSAGES                                                                                             \
    .uri_size = 8192, .header_size = 32768, .field_size = 16384, .header_count = 100, .chunk_line = 256,               \
    .chunk_overhead = 16384, .trailer_size = 8192, .trailer_count = 20

struct timeouts {
    msec client_header; /* accept (or first byte of a later request) to full head */
    msec tls_handshake; /* accept to the end of a client's TLS handshake; first byte to last of a tunnel's greeting */
    msec client_body;   /* without a byte of a request's body */
    msec client_idle;   /* kept alive, between requests */
    msec client_write;  /* a client that takes nothing of the answer */
    msec rate_grace;    /* before `min_rate` counts */
    msec connect;       /* each attempt to connect to a server */
    msec server_tls;    /* the TLS handshake with a server */
    msec response;      /* request sent to first byte of the answer */
    msec response_gap;  /* without a byte inside the answer */
    msec upstream_idle; /* idle connections to servers */
    msec tunnel_idle;
    msec drain;     /* SIGTERM to the end of exchanges under way */
    msec hard_stop; /* SIGTERM to the end, whatever is under way */
};

#endif
