#include "net/tls_arrival.h"

#include "base/must.h"
#include "loop/ready.h"
#include "loop/timer.h"
#include "net/tls.h"

#include <stdlib.h>

struct tls_arrival {
    struct transport *transport; /* tcp; from the first byte on TLS over it (has_begun) */
    bool has_begun;
    struct buffer rest; /* was read before; empty once it has begun */
    struct mono accepted;
    const struct tls_arrival_owner *ops;
    void *owner;
    struct task task;
    struct timer timer;
};

/* Everything but the transport. */
static void destroy(struct tls_arrival *arrival)
{
    buffer_clear(&arrival->rest);
    task_fini(&arrival->task);
    timer_fini(&arrival->timer);
    free(arrival);
}

void tls_arrival_free(struct tls_arrival *arrival)
{
    transport_free(arrival->transport);
    destroy(arrival);
}

bool tls_arrival_is_silent(const struct tls_arrival *arrival)
{
    return !arrival->has_begun && arrival->rest.len == 0 && transport_is_quiet(arrival->transport);
}

static void fail(struct tls_arrival *arrival, const char *why)
{
    struct str name = arrival->has_begun ? tls_asked_name(arrival->transport) : STR_NONE;
    bool has_heard = arrival->has_begun && tls_has_heard(arrival->transport);
    arrival->ops->failed(arrival->owner, name, has_heard ? why : NULL);
    tls_arrival_free(arrival);
}

/* MORE: something has come. */
static enum flow hear(struct tls_arrival *arrival)
{
    if (arrival->rest.len > 0)
        return FLOW_MORE;
    return transport_read(arrival->transport, &arrival->rest, BLOCK_SIZE, &arrival->task);
}

/* As all methods that are registered do (RFC 9110 16.1), and no record of TLS. */
static bool is_in_clear(const struct tls_arrival *arrival)
{
    char first = *buffer_front(&arrival->rest).at;
    return first >= 'A' && first <= 'Z';
}

static void give_in_clear(struct tls_arrival *arrival)
{
    struct tls_arrival over = *arrival;
    buffer_init(&over.rest);
    buffer_move(&over.rest, &arrival->rest, arrival->rest.len);
    transport_unwatch(over.transport);
    destroy(arrival);
    over.ops->in_clear(over.owner, over.transport, &over.rest, mono_since(over.accepted, clock_mono()));
}

/* A handshake holds a hundred times as much memory as a connection, which is not for who says nothing. False: there is
   nothing to go on with, now or ever. */
static bool begin(struct tls_arrival *arrival)
{
    enum flow flow = hear(arrival);
    if (flow == FLOW_WAIT && !timer_is_due(&arrival->timer))
        return false;
    if (flow != FLOW_MORE) {
        fail(arrival, NULL);
        return false;
    }
    if (is_in_clear(arrival)) {
        give_in_clear(arrival);
        return false;
    }
    arrival->transport = tls_accept(arrival->transport, arrival->ops->gate(arrival->owner), &arrival->rest);
    arrival->has_begun = true;
    return true;
}

/* While the keeper is waited for nobody reads, and whoever has ended cannot say what is still missing. */
static bool has_left(struct transport *transport)
{
    return transport->ready->is_closed || transport_is_reset_by_now(transport);
}

static void run(struct task *task)
{
    struct tls_arrival *arrival = container_of(task, struct tls_arrival, task);
    if (!arrival->has_begun && !begin(arrival))
        return;
    enum flow flow = tls_connected(arrival->transport, task);
    bool is_gone = flow == FLOW_WAIT && has_left(arrival->transport);
    if (flow == FLOW_WAIT && !is_gone && !timer_is_due(&arrival->timer))
        return;
    if (flow != FLOW_END) {
        fail(arrival, is_gone             ? "the client has gone"
                      : flow == FLOW_WAIT ? "it was not done in time"
                                          : tls_why(arrival->transport));
        return;
    }
    struct tls_arrival over = *arrival;
    transport_unwatch(over.transport);
    destroy(arrival);
    over.ops->arrived(over.owner, over.transport);
}

struct tls_arrival *tls_arrival_new(struct transport *taken, struct buffer *rest, msec waited, msec patience,
                                    const struct tls_arrival_owner *ops, void *owner)
{
    struct tls_arrival *arrival = must_calloc(1, sizeof *arrival);
    arrival->transport = taken;
    buffer_move(&arrival->rest, rest, rest->len);
    arrival->accepted = mono_after(clock_mono(), -waited);
    arrival->ops = ops;
    arrival->owner = owner;
    task_init(&arrival->task, run);
    timer_init(&arrival->timer, &arrival->task);
    timer_set(&arrival->timer, patience);
    task_wake(&arrival->task);
    return arrival;
}
