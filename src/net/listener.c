#include "net/listener.h"

#include "base/must.h"
#include "base/object.h"
#include "loop/loop.h"
#include "loop/timer.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <unistd.h>

struct listener {
    const struct listener_ops *ops;
    void *owner;
    struct event event; /* level-triggered: what is left in the queue is told again */
    struct task task;
    struct timer pause;
    uint64_t full_turn; /* of the loop, in which the last batch was full */
    unsigned batch;
    int fd;
    bool is_accepting;
};

enum {
    BATCH_MAX = 16, /* connections a turn, so that new ones do not starve the old */
    PAUSE_MS = 50,
    DRAIN_MAX = 16 * 1024,
};

enum accepted { ACCEPTED_ONE, ACCEPTED_NONE, ACCEPTED_TROUBLE };

/* A connection's own troubles (aborted before it was accepted; on Linux also what its network had to say) concern that
   one only. */
static bool is_passing(int error)
{
    static const int passing[] = {EINTR,     ECONNABORTED, EPROTO,       ENETDOWN,   ENOPROTOOPT,
                                  EHOSTDOWN, ENONET,       EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH};
    for (size_t i = 0; i < lengthof(passing); i++)
        if (passing[i] == error)
            return true;
    return false;
}

static enum accepted accept_one(struct listener *listener)
{
    struct addr from = {.len = sizeof from.as};
    int fd = accept4(listener->fd, &from.as.any, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        struct addr peer = addr_of_sockaddr(&from.as.any, from.len);
        listener->ops->accepted(listener->owner, fd, &peer);
        return ACCEPTED_ONE;
    }
    if (errno == EAGAIN)
        return ACCEPTED_NONE;
    return is_passing(errno) ? ACCEPTED_ONE : ACCEPTED_TROUBLE;
}

/* Out of descriptors or memory: the socket stays readable, so watching it would spin. The owner may end the pause at
   once. */
static void pause_accepting(struct listener *listener)
{
    event_del(&listener->event);
    timer_set(&listener->pause, PAUSE_MS);
    listener->ops->paused(listener->owner);
}

static void resume(struct listener *listener)
{
    timer_clear(&listener->pause);
    event_add(&listener->event, NULL);
    listener->ops->resumed(listener->owner);
}

void listener_retry(struct listener *listener)
{
    if (timer_is_set(&listener->pause))
        resume(listener);
}

static enum accepted accept_if_allowed(struct listener *listener)
{
    return listener->ops->may_accept(listener->owner) ? accept_one(listener) : ACCEPTED_TROUBLE;
}

/* Usually one connection waits, and a second accept() would be spent on hearing EAGAIN. So a batch is one, and doubles
   only when the queue proves longer, which is when the event is there again in the very next turn. Of the first of a
   batch it is certain that it waits: trouble with a later one is told when it has become the first. */
static void accept_batch(struct listener *listener)
{
    uint64_t turn = loop_turns(loop_current());
    if (turn != listener->full_turn + 1)
        listener->batch = 1;
    else if (listener->batch < BATCH_MAX)
        listener->batch *= 2;
    for (unsigned i = 0; i < listener->batch; i++) {
        enum accepted accepted = accept_if_allowed(listener);
        if (accepted == ACCEPTED_TROUBLE && i == 0)
            pause_accepting(listener);
        if (accepted != ACCEPTED_ONE)
            return;
    }
    listener->full_turn = turn;
}

static void run(struct task *task)
{
    struct listener *listener = container_of(task, struct listener, task);
    if (timer_is_set(&listener->pause)) {
        if (!timer_is_due(&listener->pause))
            return;
        resume(listener);
    }
    listener->is_accepting = true;
    accept_batch(listener);
    listener->is_accepting = false;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct listener *listener = arg;
    task_wake(&listener->task);
}

struct listener *listener_new(int taken_fd, const struct listener_ops *ops, void *owner)
{
    struct listener *listener = must_calloc(1, sizeof *listener);
    object_count_up(OBJECT_LISTENER);
    listener->ops = ops;
    listener->owner = owner;
    listener->fd = taken_fd;
    listener->batch = 1;
    task_init(&listener->task, run);
    timer_init(&listener->pause, &listener->task);
    evutil_make_socket_nonblocking(taken_fd);
    event_assign(&listener->event, loop_base(loop_current()), taken_fd, EV_READ | EV_PERSIST, on_ready, listener);
    must(event_add(&listener->event, NULL) == 0);
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    must(!listener->is_accepting);
    if (timer_is_set(&listener->pause))
        resume(listener);
    event_del(&listener->event);
    for (unsigned i = 0; i < DRAIN_MAX && accept_if_allowed(listener) == ACCEPTED_ONE; i++)
        ;
    timer_fini(&listener->pause);
    task_fini(&listener->task);
    close(listener->fd);
    object_count_down(OBJECT_LISTENER);
    free(listener);
}
