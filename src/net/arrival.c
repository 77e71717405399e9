#include "net/arrival.h"

#include "base/must.h"
#include "loop/timer.h"

#include <stdlib.h>

struct arrival {
    uint32_t magic;
    struct transport *transport;
    struct buffer in;
    const struct arrival_owner *ops;
    void *owner;
    struct task task;
    struct timer timer;
    struct mono began;
};

enum { ARRIVAL_MAGIC = 0x41525256, LAST_CHANCE_MS = 1000 };

_Static_assert((int)PROXY_HEADER_MAX < (int)BLOCK_SIZE, "a header is read in one piece");

/* Everything but the transport and what was read. */
static void destroy(struct arrival *arrival)
{
    task_fini(&arrival->task);
    timer_fini(&arrival->timer);
    arrival->magic = 0;
    free(arrival);
}

void arrival_free(struct arrival *arrival)
{
    must_be(arrival, ARRIVAL_MAGIC);
    buffer_clear(&arrival->in);
    transport_free(arrival->transport);
    destroy(arrival);
}

bool arrival_is_silent(const struct arrival *arrival)
{
    must_be(arrival, ARRIVAL_MAGIC);
    return arrival->in.len == 0 && transport_is_quiet(arrival->transport);
}

static void fail(struct arrival *arrival, const char *why)
{
    const struct arrival_owner *ops = arrival->ops;
    void *owner = arrival->owner;
    bool is_silent = arrival->in.len == 0;
    arrival_free(arrival);
    ops->failed(owner, is_silent ? NULL : why);
}

static void succeed(struct arrival *arrival, const struct proxy_header *header, size_t used)
{
    struct arrival over = *arrival;
    transport_unwatch(over.transport);
    buffer_drop(&over.in, used);
    destroy(arrival);
    over.ops->arrived(over.owner, over.transport, &over.in, header, mono_since(over.began, clock_mono()));
}

/* The buffer is one block, so all that came stands in one piece. */
static enum proxy_header_result look(struct arrival *arrival, struct proxy_header *ret, size_t *ret_used)
{
    struct str all = buffer_front(&arrival->in);
    must(all.len == arrival->in.len);
    return proxy_header_read(all, ret, ret_used);
}

static void run(struct task *task)
{
    struct arrival *arrival = container_of(task, struct arrival, task);
    struct proxy_header header;
    size_t used = 0;
    const char *why;
    for (;;) {
        size_t before = arrival->in.len;
        enum flow flow = transport_read(arrival->transport, &arrival->in, BLOCK_SIZE - before, task);
        if (flow == FLOW_WAIT && arrival->in.len == before && !timer_is_due(&arrival->timer))
            return;
        why = flow == FLOW_WAIT ? "it was not whole in time" : "the connection was closed within it";
        if (flow == FLOW_END || flow == FLOW_FAIL || arrival->in.len == before)
            break;
        enum proxy_header_result result = look(arrival, &header, &used);
        why = "what was sent is none";
        if (result == PROXY_HEADER_BAD)
            break;
        if (result == PROXY_HEADER_DONE) {
            succeed(arrival, &header, used);
            return;
        }
    }
    fail(arrival, why);
}

struct arrival *arrival_new(struct transport *taken, msec patience, const struct arrival_owner *ops, void *owner)
{
    struct arrival *arrival = must_calloc(1, sizeof *arrival);
    arrival->magic = ARRIVAL_MAGIC;
    arrival->transport = taken;
    arrival->ops = ops;
    arrival->owner = owner;
    arrival->began = clock_mono();
    task_init(&arrival->task, run);
    timer_init(&arrival->timer, &arrival->task);
    timer_set(&arrival->timer, patience);
    task_wake(&arrival->task);
    return arrival;
}

void arrival_drain(struct arrival *arrival)
{
    must_be(arrival, ARRIVAL_MAGIC);
    if (mono_since(clock_mono(), arrival->timer.due) > LAST_CHANCE_MS)
        timer_set(&arrival->timer, LAST_CHANCE_MS);
}
