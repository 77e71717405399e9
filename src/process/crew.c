#include "process/crew.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/object.h"
#include "base/regex.h"
#include "flow/buffer.h"
#include "flow/kernel_pipe.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "process/watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EMPTY_LOOK_MS = 20 }; /* how often a draining thread looks whether it is empty */

struct member {
    unsigned number;
    struct crew *crew;
    pthread_t id;
    struct loop *loop; /* both under the crew's lock: NULL before and after */
    struct hub *hub;
    struct hub_counts last; /* what it had counted at its end */
    struct adoption *first;
    struct task look;
    struct timer timer;
    struct letter end;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t started;
    struct loop *home;
    struct opener *opener;
    const struct crew_ops *ops;
    void *owner;
    struct watchdog *watchdog;
    unsigned count;
    unsigned running;
    unsigned waiting_for; /* threads that have not yet adopted the newest generation */
    struct member members[];
};

/* A letter to a member, and back as the news that it was done. */
struct adoption {
    struct letter letter;
    struct member *member;
    struct generation *generation; /* counted; handed to the hub's own count by hub_adopt() */
    unsigned number;
    struct given *given;
};

void given_free(struct given *given)
{
    while (given != NULL) {
        struct given *next = given->next;
        if (given->fd >= 0)
            close(given->fd);
        free(given);
        given = next;
    }
}

/* On a member's thread */

static bool has_gate(const struct generation *generation, const struct addr *addr)
{
    for (size_t i = 0; i < generation->gate_count; i++)
        if (addr_eq(&generation->gates[i].listen->addr, addr))
            return true;
    return false;
}

static void take_sockets(struct member *member, struct adoption *adoption)
{
    for (struct given *given = adoption->given; given != NULL; given = given->next) {
        if (!has_gate(adoption->generation, &given->addr) || hub_is_listening(member->hub, &given->addr))
            continue;
        hub_listen(member->hub, &given->addr, given->fd);
        given->fd = -1;
    }
}

static void came_back(struct letter *letter);

static void tell_adopted(struct adoption *adoption)
{
    adoption->letter.deliver = came_back;
    loop_post(adoption->member->crew->home, &adoption->letter);
}

static void adopt_next(struct letter *letter)
{
    struct adoption *adoption = container_of(letter, struct adoption, letter);
    if (adoption->member->hub != NULL) { /* else it came when the thread was about to end */
        hub_adopt(adoption->member->hub, adoption->generation);
        take_sockets(adoption->member, adoption);
    }
    tell_adopted(adoption);
}

static void look_if_empty(struct task *task)
{
    struct member *member = container_of(task, struct member, look);
    if (hub_is_empty(member->hub))
        loop_stop(member->loop);
    else
        timer_set(&member->timer, EMPTY_LOOK_MS);
}

struct order {
    struct letter letter;
    struct member *member;
};

static void drain_member(struct letter *letter)
{
    struct order *order = container_of(letter, struct order, letter);
    if (order->member->hub != NULL) {
        hub_drain(order->member->hub);
        task_wake(&order->member->look);
    }
    free(order);
}

static void begin(struct member *member)
{
    struct adoption *first = member->first;
    struct loop *loop = loop_new();
    struct hub *hub = hub_new(first->generation, member->crew->opener);
    task_init(&member->look, look_if_empty);
    timer_init(&member->timer, &member->look);
    watchdog_add(member->crew->watchdog, member->number, pthread_self(), loop);
    pthread_mutex_lock(&member->crew->lock);
    member->loop = loop;
    member->hub = hub;
    pthread_cond_signal(&member->crew->started);
    pthread_mutex_unlock(&member->crew->lock);
    take_sockets(member, first);
    tell_adopted(first);
}

static void said_end(struct letter *letter);

static void end(struct member *member)
{
    watchdog_remove(member->crew->watchdog, member->number);
    task_fini(&member->look);
    timer_fini(&member->timer);
    struct hub *hub = member->hub;
    struct loop *loop = member->loop;
    pthread_mutex_lock(&member->crew->lock);
    hub_count(hub, &member->last);
    member->hub = NULL;
    member->loop = NULL; /* no more letters */
    pthread_mutex_unlock(&member->crew->lock);
    hub_free(hub);
    loop_free(loop); /* those that came are delivered, and find no hub */
    kernel_pipe_thread_done();
    buffer_thread_done();
    regex_thread_done();
    arena_thread_done();
    memory_thread_done();
    object_thread_done();
    member->end.deliver = said_end;
    loop_post(member->crew->home, &member->end);
}

static void *serve(void *arg)
{
    struct member *member = arg;
    char name[16];
    snprintf(name, sizeof name, "traffic %u", member->number % 1000);
    pthread_setname_np(pthread_self(), name);
    begin(member);
    loop_run(member->loop);
    end(member);
    return NULL;
}

/* On the main thread */

static void came_back(struct letter *letter)
{
    struct adoption *adoption = container_of(letter, struct adoption, letter);
    struct crew *crew = adoption->member->crew;
    unsigned number = adoption->number;
    given_free(adoption->given);
    generation_unref(adoption->generation);
    free(adoption);
    if (--crew->waiting_for == 0)
        crew->ops->adopted(crew->owner, number);
}

static void said_end(struct letter *letter)
{
    struct member *member = container_of(letter, struct member, end);
    struct crew *crew = member->crew;
    pthread_join(member->id, NULL);
    if (--crew->running == 0)
        crew->ops->ended(crew->owner);
}

struct crew *crew_new(unsigned threads, struct opener *opener, const struct crew_ops *ops, void *owner)
{
    struct crew *crew = must_calloc(1, sizeof *crew + threads * sizeof crew->members[0]);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->started, NULL);
    crew->home = loop_current();
    crew->opener = opener;
    crew->ops = ops;
    crew->owner = owner;
    crew->count = threads;
    for (unsigned i = 0; i < threads; i++)
        crew->members[i] = (struct member){.number = i, .crew = crew};
    return crew;
}

void crew_free(struct crew *crew)
{
    if (crew == NULL)
        return;
    must(crew->running == 0);
    if (crew->watchdog != NULL)
        watchdog_free(crew->watchdog);
    pthread_cond_destroy(&crew->started);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

static void start(struct crew *crew)
{
    crew->watchdog = watchdog_new(crew->count);
    for (; crew->running < crew->count; crew->running++) {
        struct member *member = &crew->members[crew->running];
        must(pthread_create(&member->id, NULL, serve, member) == 0);
    }
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->count; i++)
        while (crew->members[i].hub == NULL)
            pthread_cond_wait(&crew->started, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}

/* Takes those of a thread out of the chain. */
static struct given *given_of(struct given **chain, unsigned thread)
{
    struct given *found = NULL;
    for (struct given **at = chain; *at != NULL;) {
        struct given *given = *at;
        if (given->thread != thread) {
            at = &given->next;
            continue;
        }
        *at = given->next;
        given->next = found;
        found = given;
    }
    return found;
}

/* False: the thread has ended, or is about to. */
static bool post(struct member *member, struct letter *letter)
{
    pthread_mutex_lock(&member->crew->lock);
    bool is_there = member->loop != NULL;
    if (is_there)
        loop_post(member->loop, letter);
    pthread_mutex_unlock(&member->crew->lock);
    return is_there;
}

void crew_adopt(struct crew *crew, struct generation *generation, struct given *taken)
{
    must(crew->waiting_for == 0);
    crew->waiting_for = crew->count;
    bool is_first = crew->running == 0;
    for (unsigned i = 0; i < crew->count; i++) {
        struct member *member = &crew->members[i];
        struct adoption *adoption = must_calloc(1, sizeof *adoption);
        adoption->letter.deliver = adopt_next;
        adoption->member = member;
        adoption->generation = generation_ref(generation);
        adoption->number = generation->number;
        adoption->given = given_of(&taken, i);
        if (is_first)
            member->first = adoption;
        else if (!post(member, &adoption->letter))
            came_back(&adoption->letter);
    }
    given_free(taken);
    if (is_first)
        start(crew);
}

void crew_drain(struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++) {
        struct order *order = must_calloc(1, sizeof *order);
        order->letter.deliver = drain_member;
        order->member = &crew->members[i];
        if (!post(order->member, &order->letter))
            free(order);
    }
}

void crew_stop(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->count; i++)
        if (crew->members[i].loop != NULL)
            loop_stop(crew->members[i].loop);
    pthread_mutex_unlock(&crew->lock);
}

bool crew_is_running(const struct crew *crew)
{
    return crew->running > 0;
}

static void add_counts(struct hub_counts *sum, const struct hub_counts *one)
{
    sum->connections_accepted += one->connections_accepted;
    sum->connections_refused += one->connections_refused;
    sum->connections_open += one->connections_open;
    sum->headers_refused += one->headers_refused;
    sum->handshakes_failed += one->handshakes_failed;
    sum->requests += one->requests;
    for (size_t i = 0; i < lengthof(sum->answers); i++)
        sum->answers[i] += one->answers[i];
    sum->bytes_in += one->bytes_in;
    sum->bytes_out += one->bytes_out;
    sum->tunnels_open += one->tunnels_open;
    sum->upstream_connects += one->upstream_connects;
    sum->upstream_reuses += one->upstream_reuses;
    sum->upstream_idle += one->upstream_idle;
    sum->upstream_failures += one->upstream_failures;
    sum->accept_pauses += one->accept_pauses;
}

void crew_count(struct crew *crew, struct hub_counts *ret)
{
    *ret = (struct hub_counts){0};
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->count; i++) {
        struct hub_counts one = crew->members[i].last;
        if (crew->members[i].hub != NULL)
            hub_count(crew->members[i].hub, &one);
        add_counts(ret, &one);
    }
    pthread_mutex_unlock(&crew->lock);
}
