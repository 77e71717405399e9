/*
 * A listening socket of this thread: accepts, and hands each connection to its owner.
 *
 * The supervisor opens the sockets (listen_open()), one for each thread where the address allows (SO_REUSEPORT), and
 * passes them. Accepting pauses while descriptors or memory are short (`may_accept` says so, or accept() itself), and
 * is tried again every 50 ms, and whenever the owner says that something has been given back.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/addr.h"
#include "loop/task.h"
#include "net/listen_conf.h"

#include <stdbool.h>

struct listener;

struct listener_ops {
    /* A new connection; the callee owns the descriptor (non-blocking, close-on-exec, TCP_NODELAY). */
    void (*accepted)(void *owner, int taken_fd, const struct addr *peer);
    /* May there be one more? */
    bool (*may_accept)(void *owner);
    /* Accepting pauses, although a connection waits; and it goes on. */
    void (*paused)(void *owner);
    void (*resumed)(void *owner);
};

/* `fd` is owned from now on. */
struct listener *listener_new(int taken_fd, const struct listener_ops *ops, void *owner);
/* Something that accepting may be pausing for is there again: it is tried in the next turn of the loop. */
void listener_retry(struct listener *listener);
/* Stops accepting; what is in the kernel's queue of this socket is accepted first, as far as it may be. */
void listener_free(struct listener *listener);

/* Opens a listening socket for one thread: probes with a plain bind first when `is_first`, so that a second instance
   gets "address in use". Returns the descriptor, or -1 with errno. A stale unix socket that nobody listens on is
   replaced. */
int listen_open(const struct listen_conf *conf, bool is_first);

#endif
