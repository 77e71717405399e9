#define CARES_NO_DEPRECATED /* newer versions call ares_query() old */
#include "net/resolver_channel.h"

#include "base/must.h"
#include "base/text.h"
#include "loop/loop.h"
#include "loop/timer.h"

#include <ares.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>

enum { TRIES = 3 };

struct resolver_channel {
    ares_channel ares;
    msec attempt;
    struct text servers; /* as c-ares takes them; empty: none yet */
    struct list sockets;
    struct list again; /* questions that were cancelled, to be asked anew */
    struct task task;
    struct timer timer;
    bool is_changing;
};

/* A socket of c-ares's. */
struct watched {
    struct list link;
    struct event event;
    struct resolver_channel *channel;
    ares_socket_t fd;
    short wanted;
    short came; /* since it was last processed */
};

static void arm_timer(struct resolver_channel *channel)
{
    struct timeval wait, *known = ares_timeout(channel->ares, NULL, &wait);
    if (known == NULL)
        timer_clear(&channel->timer);
    else
        timer_set(&channel->timer, (msec)known->tv_sec * 1000 + (known->tv_usec + 999) / 1000);
}

/* Sockets */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct watched *watched = arg;
    watched->came |= what & (EV_READ | EV_WRITE);
    task_wake(&watched->channel->task);
}

static struct watched *find_watched(struct resolver_channel *channel, ares_socket_t fd)
{
    list_each(link, &channel->sockets) {
        struct watched *watched = container_of(link, struct watched, link);
        if (watched->fd == fd)
            return watched;
    }
    return NULL;
}

static void unwatch(struct watched *watched)
{
    event_del(&watched->event);
    list_remove(&watched->link);
    free(watched);
}

static struct watched *watch(struct resolver_channel *channel, ares_socket_t fd)
{
    struct watched *watched = must_calloc(1, sizeof *watched);
    watched->channel = channel;
    watched->fd = fd;
    event_assign(&watched->event, loop_base(loop_current()), fd, EV_PERSIST, on_event, watched);
    list_push_back(&channel->sockets, &watched->link);
    return watched;
}

/* c-ares says what it wants to hear about a socket; nothing any more just before it closes it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver_channel *channel = arg;
    struct watched *watched = find_watched(channel, fd);
    short wanted = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    if (wanted == 0) {
        if (watched != NULL)
            unwatch(watched);
        return;
    }
    if (watched == NULL)
        watched = watch(channel, fd);
    if (watched->wanted == wanted)
        return;
    if (watched->wanted != 0)
        event_del(&watched->event);
    watched->wanted = wanted;
    event_assign(&watched->event, loop_base(loop_current()), fd, (short)(wanted | EV_PERSIST), on_event, watched);
    must(event_add(&watched->event, NULL) == 0);
}

static struct watched *find_ready(struct resolver_channel *channel)
{
    list_each(link, &channel->sockets) {
        struct watched *watched = container_of(link, struct watched, link);
        if (watched->came != 0)
            return watched;
    }
    return NULL;
}

/* Processing a socket can close it and others, so each time they are looked through anew. */
static void run(struct task *task)
{
    struct resolver_channel *channel = container_of(task, struct resolver_channel, task);
    struct watched *watched;
    while ((watched = find_ready(channel)) != NULL) {
        short came = watched->came;
        ares_socket_t fd = watched->fd;
        watched->came = 0;
        ares_process_fd(channel->ares, came & EV_READ ? fd : ARES_SOCKET_BAD, came & EV_WRITE ? fd : ARES_SOCKET_BAD);
    }
    if (timer_is_due(&channel->timer))
        ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer(channel);
}

/* Questions */

static enum question_result result_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return QUESTION_YES;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        return QUESTION_NO;
    case ARES_ETIMEOUT:
        return QUESTION_TIMEOUT;
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return QUESTION_DROPPED;
    default:
        return QUESTION_FAILED;
    }
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    (void)timeouts;
    struct question *question = arg;
    if (status == ARES_ECANCELLED && question->channel->is_changing) {
        list_push_back(&question->channel->again, &question->link);
        return;
    }
    enum question_result result = result_of(status);
    struct dns_answer answer = {.count = 0};
    if (result == QUESTION_YES || result == QUESTION_NO) {
        struct str message = str_from((const char *)bytes, bytes == NULL || len < 0 ? 0 : (size_t)len);
        bool is_read = dns_answer_parse(message, str_of(question->name), question->type, &answer);
        if (!is_read && result == QUESTION_YES)
            result = QUESTION_FAILED;
        else
            result = answer.count > 0 && result == QUESTION_YES ? QUESTION_YES : QUESTION_NO;
    }
    question->answered(question, result, result == QUESTION_YES || result == QUESTION_NO ? &answer : NULL);
}

static void ask(struct resolver_channel *channel, struct question *question)
{
    ares_query(channel->ares, question->name, 1 /* IN */, question->type, on_answer, question);
}

void resolver_channel_ask(struct resolver_channel *channel, struct question *question)
{
    list_init(&question->link);
    question->channel = channel;
    ask(channel, question);
    arm_timer(channel);
}

/* c-ares takes neither other servers nor another time while it waits for answers. */
static void take_back(struct resolver_channel *channel)
{
    channel->is_changing = true;
    ares_cancel(channel->ares);
    channel->is_changing = false;
}

static void ask_again(struct resolver_channel *channel)
{
    if (channel->servers.len > 0)
        ares_set_servers_ports_csv(channel->ares, channel->servers.at);
    struct list again;
    list_init(&again);
    list_take_all(&again, &channel->again);
    struct list *link;
    while ((link = list_pop_front(&again)) != NULL)
        ask(channel, container_of(link, struct question, link));
    arm_timer(channel);
}

void resolver_channel_set_servers(struct resolver_channel *channel, const struct addr *servers, size_t count)
{
    text_clear(&channel->servers);
    for (size_t i = 0; i < count; i++) {
        char one[ADDR_TEXT_MAX];
        addr_text(&servers[i], one);
        text_printf(&channel->servers, "%s%s", i > 0 ? "," : "", one);
    }
    take_back(channel);
    ask_again(channel);
}

static void begin_library(void)
{
    must(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
}

/* Everything it would look for in resolv.conf, the environment and the host's name is given, so that it opens no file:
   servers, domains, sort list, ndots, tries and time, and to ask DNS only. */
static void open_ares(struct resolver_channel *channel)
{
    static char dns_only[] = "b";
    struct in_addr nobody = {.s_addr = htonl(INADDR_LOOPBACK)}; /* until the servers are set */
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = (int)channel->attempt,
        .tries = TRIES,
        .ndots = 1,
        .servers = &nobody,
        .nservers = 1,
        .lookups = dns_only,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = channel,
    };
    int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_SERVERS |
                ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | ARES_OPT_NOROTATE | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    given |= ARES_OPT_QUERY_CACHE; /* of size 0: the cache is ours */
#endif
    must(ares_init_options(&channel->ares, &options, given) == ARES_SUCCESS);
}

void resolver_channel_set_attempt(struct resolver_channel *channel, msec attempt)
{
    if (channel->attempt == attempt)
        return;
    channel->attempt = attempt;
    take_back(channel);
    ares_destroy(channel->ares);
    open_ares(channel);
    ask_again(channel);
}

struct resolver_channel *resolver_channel_new(msec attempt)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin_library);
    struct resolver_channel *channel = must_calloc(1, sizeof *channel);
    list_init(&channel->sockets);
    list_init(&channel->again);
    text_init(&channel->servers);
    channel->attempt = attempt;
    task_init(&channel->task, run);
    timer_init(&channel->timer, &channel->task);
    open_ares(channel);
    return channel;
}

void resolver_channel_free(struct resolver_channel *channel)
{
    if (channel == NULL)
        return;
    ares_destroy(channel->ares);
    must(list_is_empty(&channel->sockets));
    timer_fini(&channel->timer);
    task_fini(&channel->task);
    text_fini(&channel->servers);
    free(channel);
}
