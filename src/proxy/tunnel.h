/*
 * Bytes both ways, after a CONNECT or a websocket's 101. Its two pipes count them (flow/pipe.c); the exchange writes
 * them into the log. One side's end is passed on and the other direction goes on (half-close), until both have ended,
 * or nothing has moved for timeouts { tunnel-idle }.
 */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "flow/pipe.h"
#include "http/fault.h"
#include "loop/timer.h"

struct arena;
struct client_hello;
struct greeting;
struct hello_again;
struct stream;

struct tunnel {
    struct pipe up;            /* client to server; up.delivered bytes */
    struct greeting *greeting; /* while what goes up is held back until it was judged; else NULL */
    struct hello_again *again; /* behind a hello that was judged; else NULL */
    struct pipe down;          /* server to client; down.delivered bytes */
    bool up_ended;
    bool down_ended;
    uint64_t last_moved;
    struct mono last_moved_at;
    enum fault fault;  /* after FAIL */
    struct str detail; /* … in words; at == NULL: none */
};

void tunnel_init(struct tunnel *tunnel, struct stream *client, struct stream *server);
/* Before the first tunnel_run(): nothing goes up before it was judged what the client sends first. Borrowed. */
void tunnel_listen(struct tunnel *tunnel, struct greeting *greeting);
/* The first hello was judged, and may pass: another one that the server asks for has to be like it. Borrowed. */
void tunnel_expect(struct tunnel *tunnel, struct arena *arena, const struct client_hello *first, msec limit);
void tunnel_fini(struct tunnel *tunnel);
/* MORE: the greeting is known, is to be judged, and tunnel->greeting to be set to NULL; then call again. END: both
   sides have ended. FAIL: tunnel->fault. `timer` wakes `who` when the idle time may be over. */
enum flow tunnel_run(struct tunnel *tunnel, struct task *who, struct timer *timer, msec idle);

#endif
