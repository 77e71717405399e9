#include "process/watchdog.h"

#include "base/must.h"
#include "loop/loop.h"

#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 250, BITE_MS = 2000, FRAMES_MAX = 48 };

struct watched {
    const struct loop *loop; /* NULL: free */
    pthread_t thread;
    clockid_t clock;
    uint64_t turn;    /* the one under way when it was last looked at */
    int64_t began_ms; /* its CPU time then */
};

struct watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool is_ending;
    unsigned room;
    struct watched watched[];
};

static void print_stack(int number)
{
    static const char head[] = "gatehouse: the stack of the thread that aborts:\n";
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    if (write(STDERR_FILENO, head, sizeof head - 1) > 0)
        backtrace_symbols_fd(frames, count, STDERR_FILENO);
    signal(number, SIG_DFL);
    raise(number);
}

void watchdog_prepare(void)
{
    void *frame;
    backtrace(&frame, 1); /* loads what it needs */
    struct sigaction action = {.sa_handler = print_stack, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGABRT, &action, NULL);
}

static int64_t cpu_ms(clockid_t clock)
{
    struct timespec used;
    if (clock_gettime(clock, &used) != 0)
        return -1;
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void bite(unsigned number, const struct watched *watched, int64_t used_ms)
{
    fprintf(stderr, "gatehouse: watchdog: thread %u has used %.1f s of CPU time in one turn of its loop\n", number,
            (double)used_ms / 1000);
    pthread_kill(watched->thread, SIGABRT);
}

static void look(unsigned number, struct watched *watched)
{
    uint64_t turn = loop_turns(watched->loop);
    int64_t now = cpu_ms(watched->clock);
    if (now < 0)
        return;
    if (turn != watched->turn || loop_is_waiting(watched->loop)) {
        watched->turn = turn;
        watched->began_ms = now;
    } else if (now - watched->began_ms >= BITE_MS) {
        bite(number, watched, now - watched->began_ms);
    }
}

static void *watch(void *arg)
{
    struct watchdog *watchdog = arg;
    pthread_setname_np(pthread_self(), "watchdog");
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->is_ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&watchdog->news, &watchdog->lock, &until);
        for (unsigned i = 0; i < watchdog->room && !watchdog->is_ending; i++)
            if (watchdog->watched[i].loop != NULL)
                look(i, &watchdog->watched[i]);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

struct watchdog *watchdog_new(unsigned room)
{
    struct watchdog *watchdog = must_calloc(1, sizeof *watchdog + room * sizeof watchdog->watched[0]);
    watchdog->room = room;
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->news, &attributes);
    pthread_condattr_destroy(&attributes);
    must(pthread_create(&watchdog->thread, NULL, watch, watchdog) == 0);
    return watchdog;
}

void watchdog_add(struct watchdog *watchdog, unsigned number, pthread_t thread, const struct loop *loop)
{
    must(number < watchdog->room);
    struct watched watched = {.loop = loop, .thread = thread, .turn = loop_turns(loop)};
    must(pthread_getcpuclockid(thread, &watched.clock) == 0);
    watched.began_ms = cpu_ms(watched.clock);
    pthread_mutex_lock(&watchdog->lock);
    watchdog->watched[number] = watched;
    pthread_mutex_unlock(&watchdog->lock);
}

void watchdog_remove(struct watchdog *watchdog, unsigned number)
{
    pthread_mutex_lock(&watchdog->lock);
    watchdog->watched[number].loop = NULL;
    pthread_mutex_unlock(&watchdog->lock);
}

void watchdog_free(struct watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_ending = true;
    pthread_cond_signal(&watchdog->news);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->news);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}
