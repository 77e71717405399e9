#include "net/tls_arrival.h"

#include "base/must.h"
#include "loop/timer.h"
#include "net/tls.h"

#include <stdlib.h>

struct tls_arrival {
    struct transport *transport;
    const struct tls_arrival_owner *ops;
    void *owner;
    struct task task;
    struct timer timer;
};

/* Everything but the transport. */
static void destroy(struct tls_arrival *arrival)
{
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
    return !tls_has_heard(arrival->transport) && transport_is_quiet(arrival->transport);
}

static void run(struct task *task)
{
    struct tls_arrival *arrival = container_of(task, struct tls_arrival, task);
    struct tls_arrival over = *arrival;
    enum flow flow = tls_connected(over.transport, task);
    if (flow == FLOW_WAIT && !timer_is_due(&arrival->timer))
        return;
    if (flow == FLOW_END) {
        transport_unwatch(over.transport);
        destroy(arrival);
        over.ops->arrived(over.owner, over.transport);
        return;
    }
    const char *why = flow == FLOW_WAIT ? "it was not done in time" : tls_why(over.transport);
    const struct tls_seen *seen = tls_seen(over.transport);
    over.ops->failed(over.owner, seen != NULL ? seen->name : STR_NONE, tls_has_heard(over.transport) ? why : NULL);
    tls_arrival_free(arrival);
}

struct tls_arrival *tls_arrival_new(struct transport *taken, msec patience, const struct tls_arrival_owner *ops,
                                    void *owner)
{
    struct tls_arrival *arrival = must_calloc(1, sizeof *arrival);
    arrival->transport = taken;
    arrival->ops = ops;
    arrival->owner = owner;
    task_init(&arrival->task, run);
    timer_init(&arrival->timer, &arrival->task);
    timer_set(&arrival->timer, patience);
    task_wake(&arrival->task);
    return arrival;
}
