/* The bytes are counted by the two pipes (flow/pipe.c: moved, delivered); exchange.c takes them into the log. */
#include "proxy/tunnel.h"

#include "http/stream.h"
#include "proxy/greeting.h"
#include "proxy/hello_again.h"

void tunnel_init(struct tunnel *tunnel, struct stream *client, struct stream *server)
{
    *tunnel = (struct tunnel){.last_moved_at = clock_mono()};
    pipe_init(&tunnel->up, client->ops->tunnel_source(client), server->ops->tunnel_sink(server));
    pipe_init(&tunnel->down, server->ops->tunnel_source(server), client->ops->tunnel_sink(client));
}

void tunnel_listen(struct tunnel *tunnel, struct greeting *greeting)
{
    tunnel->greeting = greeting;
}

void tunnel_expect(struct tunnel *tunnel, struct arena *arena, const struct client_hello *first, msec limit)
{
    struct pipe *up = &tunnel->up, *down = &tunnel->down;
    tunnel->again = arena_new(arena, struct hello_again);
    hello_again_init(tunnel->again, arena, first, &up->buffer, up->source, down->source, limit);
    up->source = &tunnel->again->up;
    up->moved = up->buffer.len;
    down->source = &tunnel->again->down;
}

void tunnel_fini(struct tunnel *tunnel)
{
    if (tunnel->again != NULL)
        hello_again_fini(tunnel->again);
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

static enum flow hear_greeting(struct tunnel *tunnel, struct task *who)
{
    struct pipe *up = &tunnel->up;
    enum flow flow = greeting_run(tunnel->greeting, up->source, &up->buffer, who);
    up->moved = up->buffer.len;
    return flow;
}

/* The client is in the midst of one, or was asked for another. */
static bool owes_hello(const struct tunnel *tunnel)
{
    if (tunnel->again != NULL)
        return tunnel->again->state == HELLO_AGAIN_HELLO;
    return tunnel->greeting != NULL && greeting_has_begun(tunnel->greeting);
}

/* Is some time over? Looks at most as often as the timer fires, so that a busy tunnel pays nothing. */
static enum fault find_late(struct tunnel *tunnel, struct timer *timer, msec idle)
{
    uint64_t moved = tunnel->up.delivered + tunnel->down.delivered;
    if (moved != tunnel->last_moved) {
        tunnel->last_moved = moved;
        tunnel->last_moved_at = clock_mono();
    }
    if (timer_is_set(timer) && !timer_is_due(timer))
        return FAULT_NONE;
    msec left = idle - mono_since(tunnel->last_moved_at, clock_mono());
    if (left <= 0)
        return FAULT_TUNNEL_IDLE;
    if (owes_hello(tunnel)) {
        msec rest = tunnel->again != NULL ? hello_again_time_left(tunnel->again) : greeting_time_left(tunnel->greeting);
        if (rest <= 0)
            return FAULT_CLIENT_SLOW_HELLO;
        left = rest < left ? rest : left;
    }
    timer_set(timer, left);
    return FAULT_NONE;
}

static bool run_up(struct tunnel *tunnel, struct task *who)
{
    if (tunnel->greeting == NULL)
        return run_direction(&tunnel->up, &tunnel->up_ended, who);
    return hear_greeting(tunnel, who) != FLOW_FAIL;
}

/* Who takes no more may have said something before it was reset, and that still goes to the other: up runs whatever
   became of down, and down once more when up has failed. The timer is set anew when a hello is owed, since the time for
   that is short. */
static bool run_both(struct tunnel *tunnel, struct task *who, struct timer *timer)
{
    bool was_owed = owes_hello(tunnel);
    bool is_down_fine = run_direction(&tunnel->down, &tunnel->down_ended, who);
    bool is_up_fine = run_up(tunnel, who);
    if (owes_hello(tunnel) && !was_owed)
        timer_clear(timer);
    if (is_down_fine && !is_up_fine)
        run_direction(&tunnel->down, &tunnel->down_ended, who);
    return is_down_fine && is_up_fine;
}

static enum flow fail(struct tunnel *tunnel)
{
    tunnel->fault = FAULT_CLIENT_GONE;
    if (tunnel->again != NULL && tunnel->again->state == HELLO_AGAIN_DENIED) {
        tunnel->fault = FAULT_TUNNEL_DENIED;
        tunnel->detail = hello_again_why(tunnel->again);
    }
    return FLOW_FAIL;
}

/* The client first gets what there is for it, its answer at the beginning: what was sent to it just now need not be
   asked whether it is still there (net/tcp.c). */
enum flow tunnel_run(struct tunnel *tunnel, struct task *who, struct timer *timer, msec idle)
{
    if (!run_both(tunnel, who, timer))
        return fail(tunnel);
    if (tunnel->greeting != NULL && greeting_is_known(tunnel->greeting))
        return FLOW_MORE;
    if (tunnel->up_ended && tunnel->down_ended)
        return FLOW_END;
    tunnel->fault = find_late(tunnel, timer, idle);
    return tunnel->fault == FAULT_NONE ? FLOW_WAIT : FLOW_FAIL;
}
