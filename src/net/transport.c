#include "net/transport.h"

#include "base/calls.h"
#include "loop/ready.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

enum peeked { PEEKED_NOTHING, PEEKED_BYTES, PEEKED_END };

/* Asks the kernel only when an edge said that something has come, or the last read took exactly what it asked for. An
   error that is told here is not told again, so it is kept for the next read. */
static enum peeked peek(struct transport *transport)
{
    struct ready *ready = transport->ready;
    if (!ready->may_read)
        return ready->is_closed ? PEEKED_END : PEEKED_NOTHING;
    char byte;
    ssize_t got = call_recv(event_get_fd(&ready->event), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0)
        return PEEKED_BYTES;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (errno == EAGAIN && !ready->is_closed)
            ready->may_read = false;
        return PEEKED_NOTHING;
    }
    if (got < 0 && transport->error == 0)
        transport->error = errno;
    ready->is_closed = true;
    return PEEKED_END;
}

bool transport_is_quiet(struct transport *transport)
{
    if (transport->ops->holds_bytes != NULL && transport->ops->holds_bytes(transport))
        return false;
    return !transport->ready->is_closed && transport->error == 0 && peek(transport) == PEEKED_NOTHING;
}

bool transport_is_closed(struct transport *transport)
{
    return transport->ready->is_closed || transport->error != 0 || peek(transport) == PEEKED_END;
}

bool transport_may_read(struct transport *transport)
{
    return transport->ready->may_read ||
           (transport->ops->holds_bytes != NULL && transport->ops->holds_bytes(transport));
}

uint64_t transport_unsent(struct transport *transport)
{
    int bytes = 0;
    if (ioctl(event_get_fd(&transport->ready->event), SIOCOUTQ, &bytes) != 0 || bytes < 0)
        return 0;
    return (uint64_t)bytes;
}

bool transport_is_reset(struct transport *transport)
{
    if (transport->error != 0)
        return true;
    if (!transport->ready->may_read && !transport->ready->is_closed)
        return false;
    return transport_is_reset_by_now(transport);
}

bool transport_is_reset_by_now(struct transport *transport)
{
    struct pollfd state = {.fd = event_get_fd(&transport->ready->event)};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

struct addr transport_local(struct transport *transport)
{
    struct addr local = {.len = sizeof local.as};
    if (getsockname(event_get_fd(&transport->ready->event), &local.as.any, &local.len) != 0)
        return (struct addr){.len = 0};
    return addr_of_sockaddr(&local.as.any, local.len);
}

void transport_watch(struct transport *transport, struct task *who)
{
    transport->ready->reader = who;
}

void transport_unwatch(struct transport *transport)
{
    transport->ready->reader = transport->ready->writer = NULL;
}

void transport_set_abort(struct transport *transport)
{
    transport->is_aborted = true;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(event_get_fd(&transport->ready->event), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}
