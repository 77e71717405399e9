/*
 * One request and its answer, from the parsed head to the line in the log: a table of steps (exchange.c). Each step
 * answers with the step to go on with, or WAIT; so where an exchange is, and for how long, can always be told.
 *
 * Lives in its stream's arena. Owned by its stream; holds the generation of the configuration it began with.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "acl/verdict.h"
#include "http/facts.h"
#include "http/stream.h"
#include "loop/task.h"
#include "loop/timer.h"
#include "net/dial.h"
#include "proxy/mode.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"

#include <stdbool.h>

struct hub;
struct generation;
struct gate;
struct reach;
struct upstream;
struct file_body;
struct proxy_header;
struct tls_seen;
struct tls_server_conf;

/* In the order in which they mostly happen; the table in exchange.c has a row for each. */
enum step {
    STEP_IDENTIFY, /* facts of the request, which block */
    STEP_CHOOSE,   /* rules, route: the plan */
    STEP_DIAL,     /* a connection to a server */
    STEP_SEND,     /* the request's head, as it leaves */
    STEP_RELAY,    /* bodies and the answer */
    STEP_TUNNEL,   /* bytes both ways */
    STEP_FILE,     /* a file is the answer */
    STEP_REPLY,    /* an answer of our own */
    STEP_DELIVER,  /* … on its way */
    STEP_LOG,      /* the line in the log; the end */
    STEP_COUNT,
    STEP_WAIT /* stay, and be woken */
};

struct exchange {
    uint32_t magic;
    struct stream_user user;
    struct hub *hub;
    struct generation *generation; /* counted */
    const struct gate *gate;
    const struct mode *mode;
    const void *block;      /* the gate's: for the mode's identify() */
    const void *block_conf; /* the mode's: the block that was found (struct reverse_conf, struct forward_conf) */
    void *mode_state;       /* the mode's own, between its calls */
    struct stream *client;
    struct arena *arena;             /* the client stream's */
    const struct proxy_header *told; /* the caller's */
    const struct tls_seen *seen;     /* likewise */
    struct facts facts;
    struct verdict verdict;
    struct plan plan;
    struct task task;
    struct timer timer; /* of the step that waits */
    enum step step;
    struct mono started;
    struct dial_policy dial_policy;
    struct reach *reach;       /* STEP_DIAL */
    struct upstream *upstream; /* the connection to the server, while it is ours */
    struct relay relay;        /* STEP_RELAY */
    struct tunnel tunnel;      /* STEP_TUNNEL */
    struct pipe delivery;      /* STEP_DELIVER: the body of a reply or of a file */
    struct rate reading;       /* … and how the client takes it */
    struct file_body *file;    /* STEP_FILE */
    uint64_t request_bytes;    /* of the body, or up the tunnel */
    uint64_t answer_bytes;
    bool is_retry; /* the reused connection proved dead: a fresh one, once */
    bool answered; /* the head of the final answer has been queued */
    enum stream_end client_end;
};

/* Who asks. */
struct caller {
    struct ip ip; /* version 0 behind a unix socket */
    uint16_t port;
    const struct proxy_header *told; /* by the proxy in front; NULL: nothing. Lives as long as its connection */
    const struct tls_seen *seen;     /* what its TLS handshake has told; NULL: there was none. Lives as long */
};

/* Starts on a stream whose head was received, or refused (stream->fault is set); `gate` is one of `generation`. */
void exchange_begin(struct hub *hub, struct stream *client, const struct caller *caller, struct generation *generation,
                    const struct gate *gate);

/* For modes: ends the plan with the error page of a fault. */
void plan_fault(struct exchange *x, enum fault fault);
/* … of a request whose host no block has, or that names none. */
void plan_unserved(struct exchange *x);
/* … of one whose client was greeted under other rules on its certificates than those of the block that was found, whose
   settings of TLS are `tls`: it had no name, or a reload has changed them since. False: it was not. */
bool plan_other_rules(struct exchange *x, const struct tls_server_conf *tls);

#endif
