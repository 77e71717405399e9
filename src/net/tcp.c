#include "net/transport.h"

#include "base/calls.h"
#include "base/close.h"
#include "base/must.h"
#include "base/object.h"
#include "loop/ready.h"
#include "net/tcp_options.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct tcp {
    struct transport transport;
    struct ready ready;
    int fd;
    bool is_connecting;
    bool was_short; /* the last read took all there was, so far as one can know */
};

enum { READ_PIECES = 5, WRITE_PIECES = 32 };

static const struct transport_ops tcp_ops;

static struct tcp *tcp_of(struct transport *transport)
{
    must(transport != NULL && transport->ops == &tcp_ops);
    return container_of(transport, struct tcp, transport);
}

/* Reading goes on after a failed write: what the peer said before it left may be there still, and is followed by FAIL,
   not END. */
static enum flow fail(struct transport *transport, int error)
{
    if (transport->error == 0)
        transport->error = error;
    transport->ready->is_closed = transport->ready->may_read = true;
    return FLOW_FAIL;
}

/* Apart, as is send_pieces(): an array on the stack is cleared at each call, and most bytes come and go in one
   piece. */
static __attribute__((noinline)) ssize_t receive_pieces(int fd, struct buffer *into, size_t room, size_t *ret_asked)
{
    struct iovec iov[READ_PIECES];
    int count = buffer_room_iov(into, room, iov, READ_PIECES);
    *ret_asked = 0;
    for (int i = 0; i < count; i++)
        *ret_asked += iov[i].iov_len;
    return readv(fd, iov, count);
}

static ssize_t receive(int fd, struct buffer *into, size_t room, size_t *ret_asked)
{
    for (;;) {
        size_t contiguous;
        char *at = buffer_room(into, 1, &contiguous);
        *ret_asked = room;
        ssize_t got = contiguous >= room ? call_recv(fd, at, room, 0) : receive_pieces(fd, into, room, ret_asked);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

static bool may_receive(struct tcp *tcp)
{
    bool may = tcp->ready.may_read || tcp->was_short;
    tcp->was_short = false;
    return may;
}

static void note_received(struct tcp *tcp, ssize_t got, size_t asked)
{
    tcp->was_short = got > 0 && (size_t)got < asked && !tcp->ready.is_closed;
    if (tcp->was_short || (got < 0 && errno == EAGAIN))
        tcp->ready.may_read = false;
}

/* A short read means that nothing is left, so no call is spent on hearing EAGAIN; but not once a FIN was seen, which
   can come in one event with the last bytes and is never told again. A reset can come so too, and libevent does not
   tell it from bytes: so whoever needs more than a short read gave is let through once, and waits only after EAGAIN.
   What came whole (most heads, small bodies) needs no more. */
static enum flow read_some(struct transport *transport, struct buffer *into, size_t room, struct task *who)
{
    struct tcp *tcp = tcp_of(transport);
    struct ready *ready = &tcp->ready;
    must(room > 0);
    if (!may_receive(tcp)) {
        ready->reader = who;
        return FLOW_WAIT;
    }
    size_t asked;
    ssize_t got = receive(tcp->fd, into, room, &asked);
    int error = errno;
    note_received(tcp, got, asked);
    buffer_fill(into, got > 0 ? (size_t)got : 0);
    if (got < 0 && error == EAGAIN) {
        ready->reader = who;
        return FLOW_WAIT;
    }
    ready->reader = NULL;
    if (got < 0)
        return fail(transport, error);
    if (got == 0)
        return transport->error == 0 ? FLOW_END : FLOW_FAIL;
    return FLOW_MORE;
}

static __attribute__((noinline)) ssize_t send_pieces(int fd, const struct buffer *from, int flags, size_t *ret_offered)
{
    struct iovec iov[WRITE_PIECES];
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)buffer_iov(from, iov, WRITE_PIECES)};
    *ret_offered = 0;
    for (size_t i = 0; i < message.msg_iovlen; i++)
        *ret_offered += iov[i].iov_len;
    return sendmsg(fd, &message, flags);
}

static ssize_t send_some(int fd, const struct buffer *from, int flags, size_t *ret_offered)
{
    struct str front = buffer_front(from);
    for (;;) {
        *ret_offered = front.len;
        ssize_t sent = front.len == from->len ? call_send(fd, front.at, front.len, flags)
                                              : send_pieces(fd, from, flags, ret_offered);
        if (sent >= 0 || errno != EINTR)
            return sent;
    }
}

/* After a short write the kernel's buffer is full and it has noted that it owes an edge, as after EAGAIN. */
static enum flow write_some(struct transport *transport, struct buffer *from, struct task *who)
{
    struct tcp *tcp = tcp_of(transport);
    struct ready *ready = &tcp->ready;
    int flags = MSG_NOSIGNAL | (transport->is_ending ? MSG_MORE : 0);
    while (from->len > 0 && ready->may_write) {
        size_t offered;
        ssize_t sent = send_some(tcp->fd, from, flags, &offered);
        if (sent < 0 && errno != EAGAIN)
            return fail(transport, errno);
        if (sent > 0) {
            buffer_drop(from, (size_t)sent);
            tcp->was_short = false; /* nothing can be sent on a connection that was reset */
        }
        ready->may_write = sent >= 0 && (size_t)sent == offered;
    }
    ready->writer = from->len > 0 ? who : NULL;
    return from->len > 0 ? FLOW_WAIT : FLOW_MORE;
}

ssize_t tcp_receive(struct transport *transport, char *at, size_t room)
{
    struct tcp *tcp = tcp_of(transport);
    ssize_t got = -1;
    errno = EAGAIN;
    if (!may_receive(tcp))
        return -1;
    do
        got = call_recv(tcp->fd, at, room, 0);
    while (got < 0 && errno == EINTR);
    note_received(tcp, got, room);
    return got;
}

ssize_t tcp_send(struct transport *transport, const char *at, size_t len)
{
    struct tcp *tcp = tcp_of(transport);
    ssize_t sent;
    errno = EAGAIN;
    if (!tcp->ready.may_write)
        return -1;
    do
        sent = call_send(tcp->fd, at, len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent > 0)
        tcp->was_short = false;
    if (sent < 0 ? errno == EAGAIN : (size_t)sent < len)
        tcp->ready.may_write = false;
    return sent;
}

static void shut(struct transport *transport)
{
    shutdown(tcp_of(transport)->fd, SHUT_WR);
}

static int descriptor(struct transport *transport)
{
    return tcp_of(transport)->fd;
}

static void free_tcp(struct transport *transport)
{
    struct tcp *tcp = tcp_of(transport);
    ready_fini(&tcp->ready);
    close(tcp->fd);
    object_count_down(OBJECT_TRANSPORT);
    free(tcp);
}

static struct tcp *tcp_over(int taken_fd)
{
    struct tcp *tcp = must_alloc(sizeof *tcp);
    object_count_up(OBJECT_TRANSPORT);
    tcp->transport = (struct transport){.ops = &tcp_ops, .ready = &tcp->ready};
    tcp->fd = taken_fd;
    tcp->is_connecting = tcp->was_short = false;
    return tcp;
}

struct transport *tcp_new(int taken_fd, bool may_read)
{
    struct tcp *tcp = tcp_over(taken_fd);
    ready_init(&tcp->ready, taken_fd, may_read, true);
    return &tcp->transport;
}

struct transport *tcp_connect(const struct addr *to)
{
    must(to->len > 0);
    int fd = socket(to->as.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    tcp_set_options(fd, to);
    bool is_connected = connect(fd, &to->as.any, to->len) == 0;
    if (!is_connected && errno != EINPROGRESS && errno != EINTR) {
        close_quietly(fd);
        return NULL;
    }
    struct tcp *tcp = tcp_over(fd);
    tcp->is_connecting = !is_connected;
    ready_init(&tcp->ready, fd, false, is_connected);
    return &tcp->transport;
}

enum flow tcp_connected(struct transport *transport, struct task *who)
{
    struct tcp *tcp = tcp_of(transport);
    struct ready *ready = &tcp->ready;
    if (!tcp->is_connecting)
        return transport->error == 0 ? FLOW_END : FLOW_FAIL;
    if (!ready->may_write && !ready->is_closed) {
        ready->writer = who;
        return FLOW_WAIT;
    }
    tcp->is_connecting = tcp->was_short = false;
    ready->writer = NULL;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0)
        return fail(transport, error);
    ready->may_write = true;
    return FLOW_END;
}

static const struct transport_ops tcp_ops = {
    .read = read_some,
    .write = write_some,
    .shut = shut,
    .descriptor = descriptor,
    .free = free_tcp,
};
