#include "net/tls_arrival.h"

#include "base/must.h"
#include "loop/timer.h"
#include "net/tls.h"
#include "net/tls_seen.h"

#include <stdlib.h>

struct tls_arrival {
    struct transport *transport; /* tcp; from the first byte on TLS over it (has_begun) */
    bool has_begun;
    struct buffer rest; /* was read before; empty once it has begun */
    const struct tls_gate *gate;
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

/* A handshake holds a hundred times as much memory as a connection, which is not for who says nothing. */
static enum flow begin(struct tls_arrival *arrival)
{
    if (tls_arrival_is_silent(arrival)) {
        transport_watch(arrival->transport, &arrival->task);
        return FLOW_WAIT;
    }
    arrival->transport = tls_accept(arrival->transport, arrival->gate, &arrival->rest);
    arrival->has_begun = true;
    return FLOW_MORE;
}

static void fail(struct tls_arrival *arrival, const char *why)
{
    const struct tls_seen *seen = arrival->has_begun ? tls_seen(arrival->transport) : NULL;
    bool has_heard = arrival->has_begun && tls_has_heard(arrival->transport);
    arrival->ops->failed(arrival->owner, seen != NULL ? seen->name : STR_NONE, has_heard ? why : NULL);
    tls_arrival_free(arrival);
}

static void run(struct task *task)
{
    struct tls_arrival *arrival = container_of(task, struct tls_arrival, task);
    enum flow flow = arrival->has_begun ? FLOW_MORE : begin(arrival);
    if (flow == FLOW_MORE)
        flow = tls_connected(arrival->transport, task);
    if (flow == FLOW_WAIT && !timer_is_due(&arrival->timer))
        return;
    if (flow != FLOW_END) {
        fail(arrival, flow == FLOW_WAIT ? "it was not done in time" : tls_why(arrival->transport));
        return;
    }
    struct tls_arrival over = *arrival;
    transport_unwatch(over.transport);
    destroy(arrival);
    over.ops->arrived(over.owner, over.transport);
}

struct tls_arrival *tls_arrival_new(struct transport *taken, struct buffer *rest, const struct tls_gate *gate,
                                    msec patience, const struct tls_arrival_owner *ops, void *owner)
{
    struct tls_arrival *arrival = must_calloc(1, sizeof *arrival);
    arrival->transport = taken;
    buffer_move(&arrival->rest, rest, rest->len);
    arrival->gate = gate;
    arrival->ops = ops;
    arrival->owner = owner;
    task_init(&arrival->task, run);
    timer_init(&arrival->timer, &arrival->task);
    timer_set(&arrival->timer, patience);
    task_wake(&arrival->task);
    return arrival;
}
