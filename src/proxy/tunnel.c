#include "proxy/tunnel.h"

#include "http/stream.h"

void tunnel_init(struct tunnel *tunnel, struct stream *client, struct stream *server)
{
    *tunnel = (struct tunnel){.last_moved_at = clock_mono()};
    pipe_init(&tunnel->up, client->ops->tunnel_source(client), server->ops->tunnel_sink(server));
    pipe_init(&tunnel->down, server->ops->tunnel_source(server), client->ops->tunnel_sink(client));
}

void tunnel_fini(struct tunnel *tunnel)
{
    pipe_fini(&tunnel->up);
    pipe_fini(&tunnel->down);
}

/* Runs one direction; false when it has failed. */
static bool run_direction(struct pipe *pipe, bool *ended, struct task *who)
{
    if (*ended)
        return true;
    enum flow flow = pipe_run(pipe, who);
    if (flow == FLOW_MORE)
        task_wake(who);
    *ended = flow == FLOW_END;
    return flow != FLOW_FAIL;
}

/* Is the idle time over? Looks at most as often as the timer fires, so that a busy tunnel pays nothing. */
static bool is_idle(struct tunnel *tunnel, struct timer *timer, msec idle)
{
    uint64_t moved = tunnel->up.delivered + tunnel->down.delivered;
    if (moved != tunnel->last_moved) {
        tunnel->last_moved = moved;
        tunnel->last_moved_at = clock_mono();
    }
    if (timer_is_set(timer) && !timer_is_due(timer))
        return false;
    msec quiet = mono_since(tunnel->last_moved_at, clock_mono());
    if (quiet >= idle)
        return true;
    timer_set(timer, idle - quiet);
    return false;
}

enum flow tunnel_run(struct tunnel *tunnel, struct task *who, struct timer *timer, msec idle)
{
    if (!run_direction(&tunnel->up, &tunnel->up_ended, who) ||
        !run_direction(&tunnel->down, &tunnel->down_ended, who)) {
        tunnel->fault = FAULT_CLIENT_GONE;
        return FLOW_FAIL;
    }
    if (tunnel->up_ended && tunnel->down_ended)
        return FLOW_END;
    if (is_idle(tunnel, timer, idle)) {
        tunnel->fault = FAULT_TUNNEL_IDLE;
        return FLOW_FAIL;
    }
    return FLOW_WAIT;
}
