/*
 * The middle of an exchange with a server: the request's body up, the answer's head and body down, both at once; or,
 * after a 101, bytes both ways (tunnel.h).
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "flow/pipe.h"
#include "http/stream.h"
#include "proxy/rate.h"

struct exchange;

enum relay_state { RELAY_HEAD, RELAY_BODY, RELAY_DONE };

struct relay {
    struct stream *server;
    enum relay_state state;                          /* of the answer */
    enum { UP_MOVING, UP_DONE, UP_BROKEN } up_state; /* broken: the server takes no more, but may have answered */
    struct pipe up;
    struct pipe down;
    struct rate upload;    /* the client's sending … */
    struct rate download;  /* … and taking */
    struct rate taking;    /* the server's taking … */
    struct rate answering; /* … and sending */
    struct mono asked;     /* since when the server owes an answer: the request was complete, or expects a 100 */
    unsigned interims;     /* 1xx that came */
    bool has_sent;         /* the request's head is on its way */
    bool is_upgrade;       /* the answer is a 101 */
    bool may_retry;        /* FAIL: no byte of an answer came over a connection that had been used before */
    enum fault fault;      /* after FAIL */
};

/* The request's head is queued on `server`. */
void relay_init(struct relay *relay, struct exchange *x, struct stream *server);
void relay_fini(struct relay *relay);

/* Of what a pipe has delivered to `by`: without what still lies in the kernel's queue. A system call; for slow
   peers. */
uint64_t relay_taken(const struct pipe *pipe, struct stream *by);

/* END: the whole answer is with the client (is_upgrade: only its head; go on as a tunnel). FAIL: relay->fault; whether
   the client can still be answered is exchange->answered. */
enum flow relay_run(struct relay *relay, struct exchange *x);

#endif
