/*
 * A stream of bytes to a peer: TCP or a unix socket, or TLS over one; one may wrap another.
 *
 * All calls follow poll and wake. A transport is owned by whoever holds it; transport_free() closes at once. Reads take
 * pooled blocks of the buffer only when there is something to read, so an idle transport holds none.
 */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "base/addr.h"
#include "flow/buffer.h"
#include "loop/task.h"

#include <stdbool.h>

struct transport;

struct transport_ops {
    enum flow (*read)(struct transport *transport, struct buffer *into, size_t room, struct task *who);
    enum flow (*write)(struct transport *transport, struct buffer *from, struct task *who);
    void (*shut)(struct transport *transport);
    int (*descriptor)(struct transport *transport);
    bool (*holds_bytes)(struct transport *transport);      /* read from the socket, but not yet by us; NULL: never */
    const char *(*why)(const struct transport *transport); /* NULL: there is never more to say than `error` */
    void (*free)(struct transport *transport);
};

struct transport {
    const struct transport_ops *ops;
    struct ready *ready; /* of the descriptor below: for splicing and for watching */
    int error;           /* errno of the failure, 0 before one */
    bool is_aborted;     /* by transport_set_abort() */
    bool is_ending; /* at a write: our end follows in the same turn, and leaves in one packet with the last bytes */
};

/* Reads up to `room` bytes behind `into`. MORE: some came, there may be more. WAIT. END: the peer has ended its side
   (nothing came). FAIL: reset, or the end behind a failed write. `room` is above 0. */
static inline enum flow transport_read(struct transport *transport, struct buffer *into, size_t room, struct task *who)
{
    return transport->ops->read(transport, into, room, who);
}

/* Sends from the front of `from`. MORE: all of it was taken. WAIT: the rest stays in the buffer. FAIL: the peer is
   gone. */
static inline enum flow transport_write(struct transport *transport, struct buffer *from, struct task *who)
{
    return transport->ops->write(transport, from, who);
}

/* Ends our side (FIN) once everything written is sent; reading goes on. */
static inline void transport_shut(struct transport *transport)
{
    transport->ops->shut(transport);
}

/* The socket through which bytes may be moved by splice() and sendfile(), or -1 when bytes must pass through us. */
static inline int transport_descriptor(struct transport *transport)
{
    return transport->ops->descriptor(transport);
}

/* Why it has failed, in words for the log; NULL: nobody has said more than that it did. As long as it lives. */
static inline const char *transport_why(const struct transport *transport)
{
    return transport->ops->why != NULL ? transport->ops->why(transport) : NULL;
}

static inline void transport_free(struct transport *transport)
{
    if (transport != NULL)
        transport->ops->free(transport);
}

/* Without reading: neither bytes nor an end have come (for idle connections: either makes them unusable); the peer has
   ended its side or reset (for a client that leaves while it waits; bytes before the end may be unread still). A reset
   is remembered: the next read answers FAIL. */
bool transport_is_quiet(struct transport *transport);
bool transport_is_closed(struct transport *transport);
/* Something may be there to be read, so that nobody would be woken for it. */
bool transport_may_read(struct transport *transport);
/* Bytes in the kernel's queue that the peer has not acknowledged. A system call. */
uint64_t transport_unsent(struct transport *transport);
/* Has the peer reset the connection, or is it gone in both directions? Asks the kernel only after an edge that was not
   read yet: a reset that came in one event with bytes is hidden once these were read, until more is read. */
bool transport_is_reset(struct transport *transport);
/* The same for who reads no more for now, and must know. A system call. */
bool transport_is_reset_by_now(struct transport *transport);
/* The socket's own address; len 0 when it cannot be told. A system call. */
struct addr transport_local(struct transport *transport);
/* Has `who` woken by the next byte or end, without reading. What came before wakes nobody: ask the two above first. */
void transport_watch(struct transport *transport, struct task *who);
/* Forgets whom to wake, for reading and writing. */
void transport_unwatch(struct transport *transport);

/* A connected, non-blocking stream socket, now owned. `may_read`: bytes may be there already (a fresh accept). */
struct transport *tcp_new(int taken_fd, bool may_read);
/* Starts to connect; NULL with errno when it fails at once. Poll tcp_connected() until it is END or FAIL
   (transport->error). */
struct transport *tcp_connect(const struct addr *to);
enum flow tcp_connected(struct transport *transport, struct task *who);
/* For what wraps a tcp transport: as recv() and send(), but EAGAIN without a system call where it is known. */
ssize_t tcp_receive(struct transport *transport, char *at, size_t room);
ssize_t tcp_send(struct transport *transport, const char *at, size_t len);
/* Makes the coming transport_free() a reset (RST), so that the peer cannot mistake what it got for the whole. */
void transport_set_abort(struct transport *transport);

#endif
