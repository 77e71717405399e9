#include "loop/loop.h"

#include "base/clock.h"
#include "base/must.h"
#include "loop/wheel.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
    struct event_base *base;
    struct list woken; /* tasks */
    struct list turn;  /* those of this turn that have not run yet */
    struct list late;  /* those of this turn that have yielded */
    bool is_late;      /* the yielded ones are being run */
    struct wheel wheel;
    struct event tick;
    struct mono tick_at; /* what `tick` is armed for; us == 0: not armed */
    int bell;            /* eventfd: rung when a letter falls into an empty mailbox */
    struct event bell_event;
    _Atomic(struct letter *) letters; /* newest first */
    atomic_bool stopped;
    _Atomic uint64_t turns;
    atomic_bool is_waiting;
};

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
    must(current != NULL);
    return current;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

enum {
    LOOK_TASKS = 8, /* how often the clock is looked at … */
    TURN_MS = 100   /* … and for how long tasks are run in one turn */
};

/* Tasks */

void task_init(struct task *task, void (*run)(struct task *task))
{
    list_init(&task->link);
    task->run = run;
}

void task_fini(struct task *task)
{
    list_remove(&task->link);
}

void task_wake(struct task *task)
{
    if (task != NULL && list_is_empty(&task->link))
        list_push_back(&current->woken, &task->link);
}

bool task_yield(struct task *task)
{
    if (current->is_late || (list_is_empty(&current->turn) && list_is_empty(&current->late)))
        return false;
    list_remove(&task->link);
    list_push_back(&current->late, &task->link);
    return true;
}

/* Tasks are popped one by one, since running one may take another out. False: they take long (a crowd that makes us
   work), and the rest has to wait for the next turn, so that no turn looks like one that hangs (process/watchdog.h). */
static bool run_list(struct list *tasks, struct mono began)
{
    struct list *link;
    for (unsigned count = 1; (link = list_pop_front(tasks)) != NULL; count++) {
        struct task *task = container_of(link, struct task, link);
        task->run(task);
        if (count % LOOK_TASKS == 0) {
            clock_update();
            if (mono_since(began, clock_mono()) >= TURN_MS)
                return false;
        }
    }
    return true;
}

/* Only what was woken before: a task that wakes itself is run after the network was looked at again. */
static void run_woken(struct loop *loop)
{
    struct mono began = clock_mono();
    struct list rest;
    list_take_all(&loop->turn, &loop->woken);
    if (run_list(&loop->turn, began)) {
        loop->is_late = true;
        run_list(&loop->late, began);
        loop->is_late = false;
    }
    list_init(&rest);
    list_take_all(&rest, &loop->turn);
    list_take_all(&rest, &loop->late);
    list_take_all(&rest, &loop->woken);
    list_take_all(&loop->woken, &rest);
}

/* Timers */

void timer_init(struct timer *timer, struct task *task)
{
    list_init(&timer->link);
    timer->due.us = 0;
    timer->tick = 0;
    timer->task = task;
}

void timer_fini(struct timer *timer)
{
    list_remove(&timer->link);
    timer->due.us = 0;
}

void timer_set(struct timer *timer, msec span)
{
    timer->due = mono_after(clock_mono(), span);
    bool is_linked = !list_is_empty(&timer->link);
    if (!is_linked || timer->tick > (uint64_t)timer->due.us / (WHEEL_TICK_MS * 1000) + 1)
        wheel_add(&current->wheel, timer);
}

void timer_clear(struct timer *timer)
{
    timer->due.us = 0;
}

bool timer_is_set(const struct timer *timer)
{
    return timer->due.us != 0;
}

bool timer_is_due(const struct timer *timer)
{
    return timer->due.us != 0 && timer->due.us <= clock_mono().us;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct loop *loop = arg;
    loop->tick_at.us = 0;
}

/* One libevent timer for the whole wheel, armed anew only when the next work comes earlier than it was armed for. */
static void arm_tick(struct loop *loop)
{
    struct mono now = clock_mono();
    msec wait = wheel_next(&loop->wheel, now);
    if (wait < 0)
        return;
    struct mono at = mono_after(now, wait);
    if (loop->tick_at.us != 0 && loop->tick_at.us <= at.us)
        return;
    loop->tick_at = at;
    struct timeval span = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
    event_add(&loop->tick, &span);
}

/* Letters */

void loop_post(struct loop *loop, struct letter *letter)
{
    struct letter *head = atomic_load_explicit(&loop->letters, memory_order_relaxed);
    do
        letter->next = head;
    while (!atomic_compare_exchange_weak_explicit(&loop->letters, &head, letter, memory_order_release,
                                                  memory_order_relaxed));
    /* From here on the letter is the receiver's; only the first of a batch rings. */
    uint64_t one = 1;
    if (head == NULL)
        must(write(loop->bell, &one, sizeof one) == sizeof one);
}

static void deliver_letters(struct loop *loop)
{
    struct letter *newest = atomic_exchange_explicit(&loop->letters, NULL, memory_order_acquire);
    struct letter *oldest = NULL;
    while (newest != NULL) {
        struct letter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct letter *letter = oldest;
        oldest = letter->next;
        letter->deliver(letter);
    }
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    uint64_t count;
    if (read(fd, &count, sizeof count) == sizeof count)
        deliver_letters(arg);
}

/* The loop */

struct loop *loop_new(void)
{
    must(current == NULL);
    struct loop *loop = must_calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    must(config != NULL);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    must(loop->base != NULL);
    list_init(&loop->woken);
    list_init(&loop->turn);
    list_init(&loop->late);
    clock_update();
    wheel_init(&loop->wheel, clock_mono());
    event_assign(&loop->tick, loop->base, -1, 0, on_tick, loop);
    loop->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(loop->bell >= 0);
    event_assign(&loop->bell_event, loop->base, loop->bell, EV_READ | EV_PERSIST, on_bell, loop);
    event_add(&loop->bell_event, NULL);
    current = loop;
    return loop;
}

void loop_free(struct loop *loop)
{
    must(loop == current);
    deliver_letters(loop);
    run_woken(loop);
    event_del(&loop->tick);
    event_del(&loop->bell_event);
    close(loop->bell);
    event_base_free(loop->base);
    free(loop);
    current = NULL;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->stopped, memory_order_relaxed)) {
        bool has_work = !list_is_empty(&loop->woken);
        if (!has_work)
            arm_tick(loop);
        atomic_store_explicit(&loop->is_waiting, true, memory_order_relaxed);
        event_base_loop(loop->base, has_work ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
        atomic_store_explicit(&loop->is_waiting, false, memory_order_relaxed);
        atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
        clock_update();
        wheel_advance(&loop->wheel, clock_mono());
        run_woken(loop);
    }
    atomic_store(&loop->stopped, false);
}

static void deliver_nothing(struct letter *letter)
{
    free(letter);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopped, true);
    struct letter *wake = must_alloc(sizeof *wake);
    wake->deliver = deliver_nothing;
    loop_post(loop, wake);
}

uint64_t loop_turns(const struct loop *loop)
{
    return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}

bool loop_is_waiting(const struct loop *loop)
{
    return atomic_load_explicit(&loop->is_waiting, memory_order_relaxed);
}
