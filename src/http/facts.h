/*
 * The flat record of what is known of an exchange. Conditions, variables, log formats, `test`, `explain` and the lint
 * read only this, so none of them needs an exchange to work on.
 *
 * Facts become known in phases; a member is set from its phase on. A str that cannot be known (the path of a tunnel)
 * has at == NULL, which a condition reads as *unknown*.
 */
#ifndef HTTP_FACTS_H
#define HTTP_FACTS_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/str.h"
#include "http/fault.h"
#include "http/head.h"

#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_CONNECT, PHASE_REQUEST, PHASE_DIAL, PHASE_RESPONSE, PHASE_DONE };

/* The time that a test or `explain --at` gives: what the clock of a condition's own zone shows, whatever that zone
   is. */
struct facts_clock {
    bool is_given;     /* false: a condition that asks is unknown */
    struct date local; /* its weekday too */
    bool was_asked;    /* set by a condition that asked */
};

struct facts {
    enum phase phase; /* the latest that is known */

    /* PHASE_CONNECT */
    struct ip client; /* version 0: a unix socket's peer */
    uint16_t client_port;
    struct str listener;   /* text of the address that was connected to */
    struct str block_kind; /* "reverse" or "forward" */
    struct str block;      /* the block's name */
    struct wall started;
    struct facts_clock *clock; /* NULL: the time is `started` */
    struct str request_id;
    bool has_hello; /* the ClientHello was read, without decrypting; of a forward block's tunnel once it is open */
    struct str client_certificate; /* subject of the one that was shown and verified (RFC 4514); at == NULL: none was */
    struct str tls_name;           /* … the host that it names, normal form; at == NULL: none */

    /* PHASE_REQUEST */
    enum method method;
    struct str method_text;
    struct str scheme;                   /* "http", "https"; "tunnel" for CONNECT */
    struct str host;                     /* normal form; at == NULL: none was given (HTTP/1.0) */
    struct ip host_ip;                   /* what it stands for; version 0: a name, or none */
    uint16_t port;                       /* destination's (forward) or the URL's (reverse), default filled in */
    struct str path;                     /* canonical; at == NULL for a tunnel */
    struct str asked_path;               /* as it was before any rewrite: what logs show */
    struct str query;                    /* without '?'; at == NULL: no '?' */
    const struct fields *request_fields; /* NULL: none are known */
    struct str user;                     /* at == NULL: nobody */
    uint8_t minor;                       /* HTTP/1.minor of the request */

    /* PHASE_DIAL */
    struct ip destination; /* version 0: not yet, or never (a parent resolves) */

    /* PHASE_RESPONSE */
    uint16_t status; /* what the client gets */
    const struct fields *response_fields;
    uint64_t response_size; /* declared length, or BODY_UNKNOWN */

    /* after a verdict */
    struct str rule; /* its name, or FILE:LINE, or default, no-route, ports … */
    struct str reason;
    struct str matched; /* "LIST FILE:LINE", when a list decided */

    /* PHASE_DONE: what the log tells besides */
    struct str verdict; /* "allow", "deny", "redirect", "respond" or none */
    struct str route;   /* the glob, reverse only */
    struct str pool;
    struct str server;        /* text of the address that served it, or was tried last; never sent to clients */
    uint64_t bytes_in;        /* from the client: body, or tunnel's bytes */
    uint64_t bytes_out;       /* to the client: body, or tunnel's bytes */
    uint64_t wire_out;        /* to the client, head included */
    msec duration;            /* first byte of the request to the last of the answer */
    msec upstream_time;       /* request sent to head of the answer; -1: none */
    uint16_t upstream_status; /* 0: none */
    unsigned tries;           /* servers tried */
    bool reused;              /* the upstream connection was an idle one */
    enum fault fault;
    struct str fault_detail; /* in words, for the log only: "certificate has expired" */
};

#endif
