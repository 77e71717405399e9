#include "loop/ready.h"

#include "base/must.h"
#include "loop/loop.h"

#include <event2/event.h>

static void on_edge(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct ready *ready = arg;
    if (what & EV_CLOSED)
        ready->is_closed = true;
    if (what & (EV_READ | EV_CLOSED)) {
        ready->may_read = true;
        task_wake(ready->reader);
    }
    if (what & EV_WRITE && !ready->may_write) {
        ready->may_write = true;
        task_wake(ready->writer);
    }
}

void ready_init(struct ready *ready, int fd, bool may_read, bool may_write)
{
    *ready = (struct ready){.may_read = may_read, .may_write = may_write};
    event_assign(&ready->event, loop_base(loop_current()), fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                 on_edge, ready);
    must(event_add(&ready->event, NULL) == 0);
}

void ready_fini(struct ready *ready)
{
    event_del(&ready->event);
    ready->reader = ready->writer = NULL;
}
