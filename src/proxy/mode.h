/*
 * All in which reverse and forward differ. A mode works on the exchange's facts and plan; it never touches a
 * connection.
 */
#ifndef PROXY_MODE_H
#define PROXY_MODE_H

#include "acl/verdict.h"
#include "base/addr.h"
#include "http/facts.h"
#include "http/limits_conf.h"
#include "proxy/error_page_conf.h"
#include "upstream/pool_conf.h"

#include <stdbool.h>

struct client_hello;
struct exchange;
struct head;

/* What is to be done with a request. */
enum plan_kind {
    PLAN_FAULT,  /* answer with the error page of `fault` */
    PLAN_REPLY,  /* answer with `status`, `location`, `body` */
    PLAN_POOL,   /* one of a pool's servers */
    PLAN_NAME,   /* the host of the request (forward) */
    PLAN_PASS,   /* a connection of TLS: bytes both ways to one of a pool's servers */
    PLAN_TUNNEL, /* CONNECT: bytes both ways to the host of the request */
    PLAN_FILES   /* files below a folder */
};

struct plan {
    enum plan_kind kind;
    enum fault fault;
    uint16_t status;             /* PLAN_REPLY */
    struct str location;         /* PLAN_REPLY: none when at == NULL */
    struct str body;             /* PLAN_REPLY */
    struct str media_type;       /* PLAN_REPLY: none when at == NULL */
    const struct fields *fields; /* PLAN_REPLY: more fields of the answer; NULL: none */
    bool wants_page;             /* PLAN_REPLY: the error page of the status is the body */
    bool is_denied; /* PLAN_REPLY by a deny: an error page of the status may replace the body, and CONNECT closes */
    bool has_page;  /* … but the rule brought its own */
    const struct pool_conf *pool;
    int files_fd;    /* PLAN_FILES: folder, borrowed */
    struct str host; /* PLAN_NAME, PLAN_TUNNEL: normal form */
    uint16_t port;
    struct ip literal; /* … when the host is an address: version != 0 */
    const struct limits *limits;
    const struct timeouts *timeouts;
    const struct error_pages *error_pages;
    bool looks_inside; /* PLAN_TUNNEL: heard() judges what the client sends first */
    bool conceal;
    bool allow_websocket;
    const struct log_conf *const *logs; /* which logs get a line … */
    size_t log_count;
    bool log_decided; /* … when a `log` rule has said so; else all */
};

struct mode {
    const char *name; /* "reverse", "forward" */
    /* The request's head is known: fills the facts of PHASE_REQUEST, finds the block, and sets limits and time-outs in
       the plan. May set a PLAN_FAULT (421, 405 …); then choose() is not called. `block` is the gate's. Of a stream with a
       fault it is called only when that speaks no HTTP. */
    void (*identify)(struct exchange *x, const void *block);
    /* Runs the rules and sets the plan. */
    void (*choose)(struct exchange *x);
    /* May this address be dialled for the exchange? Asked for each at the moment of dialling, and before a connection
       to it is used again. Never waits and changes nothing but the mode's own notes; what it asks the kernel
       (modes/forward/own_listener.h) is answered at once. NULL: all. */
    bool (*may_dial)(struct exchange *x, const struct ip *ip, uint16_t port);
    /* The address is known and connected (or every one was denied: ip == NULL): makes the verdict final. */
    void (*dialled)(struct exchange *x, const struct ip *ip);
    /* In an open tunnel the client's first bytes are known, and nothing of them has gone on: `hello` is no longer MORE.
       False: the tunnel ends; the facts say why. */
    bool (*heard)(struct exchange *x, const struct client_hello *hello);
    /* `out` holds the client's head without hop-by-hop fields, the target and host as they are to be sent; the mode
       adds, removes, conceals, and applies the rules' request fields. */
    void (*edit_request)(struct exchange *x, struct head *out);
    /* Likewise the answer's head on its way to the client: `out` holds the server's without hop-by-hop fields, or our
       own. May turn the answer into a denial (response conditions): returns false then, with the plan set to the
       reply. */
    bool (*edit_response)(struct exchange *x, struct head *out, bool is_ours);
    /* After the head of that side was edited: may a trailer of that name, which gatehouse does not know, follow? Not
       where a field of it would have been dropped or replaced. */
    bool (*passes_trailer)(const struct exchange *x, enum rule_side side, struct str name);
};

extern const struct mode reverse_mode;
extern const struct mode passthrough_mode;
extern const struct mode forward_mode;

#endif
