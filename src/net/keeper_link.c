#include "net/keeper_link.h"

#include "base/must.h"
#include "loop/helper.h"
#include "loop/loop.h"
#include "loop/ready.h"
#include "loop/timer.h"
#include "net/packets.h"

#include <errno.h>
#include <openssl/async.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RETRY_MS = 50 };

enum question_state { QUESTION_NEW, QUESTION_SENT, QUESTION_ANSWERED };

/* On the stack of the job that waits for it. */
struct pending {
    struct list link;
    enum question_state state;
    struct signer *signer;
    struct sign_question question;
    struct sign_answer *answer;
};

struct fetching;

struct keeper_link {
    struct opener *opener;
    struct list pending;
    uint32_t number;
    int fd; /* -1: none */
    struct ready ready;
    struct task task;
    struct timer timer; /* until the next attempt to get a line */
    struct fetching *fetching;
};

/* On the helper thread: a new line. */
struct fetching {
    struct helper_job job;
    struct opener *opener;
    struct keeper_link *link; /* NULL: the thread has ended meanwhile */
    int fd;
};

static _Thread_local struct keeper_link *current;
static _Thread_local struct signer *current_signer;

static void fetch(struct helper_job *job)
{
    struct fetching *fetching = container_of(job, struct fetching, job);
    fetching->fd = fetching->opener->link_keeper(fetching->opener);
}

static void fetched(struct helper_job *job)
{
    struct fetching *fetching = container_of(job, struct fetching, job);
    struct keeper_link *link = fetching->link;
    if (link == NULL) {
        if (fetching->fd >= 0)
            close(fetching->fd);
    } else {
        link->fetching = NULL;
        link->fd = fetching->fd;
        if (link->fd >= 0)
            ready_init(&link->ready, link->fd, true, true);
        else
            timer_set(&link->timer, RETRY_MS);
        task_wake(&link->task);
    }
    free(fetching);
}

static void begin_fetching(struct keeper_link *link)
{
    if (link->fetching != NULL || timer_is_set(&link->timer))
        return;
    struct fetching *fetching = must_calloc(1, sizeof *fetching);
    fetching->job = (struct helper_job){.work = fetch, .done = fetched};
    fetching->opener = link->opener;
    fetching->link = link;
    link->fetching = fetching;
    helper_give(&fetching->job);
}

/* The keeper is gone: what it has not answered is asked again. */
static void lose_line(struct keeper_link *link)
{
    ready_fini(&link->ready);
    close(link->fd);
    link->fd = -1;
    list_each(at, &link->pending) {
        struct pending *pending = container_of(at, struct pending, link);
        if (pending->state == QUESTION_SENT)
            pending->state = QUESTION_NEW;
    }
}

/* False: there is no line, or it takes no more for now. */
static bool send_question(struct keeper_link *link, struct pending *pending)
{
    if (link->fd < 0)
        return false;
    if (send(link->fd, &pending->question, sizeof pending->question, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            lose_line(link);
        else
            link->ready.may_write = false;
        return false;
    }
    pending->state = QUESTION_SENT;
    return true;
}

static void send_new(struct keeper_link *link)
{
    list_each(at, &link->pending) {
        struct pending *pending = container_of(at, struct pending, link);
        if (pending->state == QUESTION_NEW && !send_question(link, pending))
            break;
    }
    if (link->fd >= 0)
        link->ready.writer = &link->task;
    else if (!list_is_empty(&link->pending))
        begin_fetching(link);
}

/* False: no keeper says this. */
static bool take_answer(struct keeper_link *link, const struct sign_answer *answer)
{
    if (answer->len > SIGN_BYTES_MAX)
        return false;
    list_each(at, &link->pending) {
        struct pending *pending = container_of(at, struct pending, link);
        if (pending->state != QUESTION_SENT || pending->question.number != answer->number)
            continue;
        pending->state = QUESTION_ANSWERED;
        *pending->answer = *answer;
        task_wake(pending->signer->waiter);
        break;
    }
    return true; /* nobody waits any more for one that is not found */
}

static void read_answers(struct keeper_link *link)
{
    struct sign_answer answers[PACKETS_MAX];
    int count = PACKETS_MAX;
    while (link->fd >= 0 && count == PACKETS_MAX) {
        count = packets_receive(link->fd, answers, sizeof answers[0], PACKETS_MAX);
        bool is_sound = count >= 0;
        for (int i = 0; i < count && is_sound; i++)
            is_sound = take_answer(link, &answers[i]);
        if (!is_sound)
            lose_line(link);
    }
    if (link->fd < 0)
        return;
    link->ready.may_read = false;
    link->ready.reader = &link->task;
}

static void run(struct task *task)
{
    struct keeper_link *link = container_of(task, struct keeper_link, task);
    if (timer_is_due(&link->timer))
        timer_clear(&link->timer);
    read_answers(link);
    send_new(link);
}

void keeper_link_begin(struct opener *opener)
{
    must(current == NULL);
    current = must_calloc(1, sizeof *current);
    current->opener = opener;
    current->fd = -1;
    list_init(&current->pending);
    task_init(&current->task, run);
    timer_init(&current->timer, &current->task);
}

void keeper_link_end(void)
{
    must(list_is_empty(&current->pending));
    if (current->fetching != NULL)
        current->fetching->link = NULL;
    if (current->fd >= 0)
        lose_line(current);
    task_fini(&current->task);
    timer_fini(&current->timer);
    free(current);
    current = NULL;
}

void keeper_link_set_signer(struct signer *signer)
{
    current_signer = signer;
}

static const char *why_refused(const struct sign_answer *answer)
{
    return answer->is_unknown != 0 ? "the keeper does not have the key" : "the keeper refuses to sign";
}

WAITS_IN_JOB bool keeper_link_sign(const struct sign_question *question, struct sign_answer *ret)
{
    struct pending pending = {.signer = current_signer, .question = *question, .answer = ret};
    if (current == NULL || current_signer == NULL || ASYNC_get_current_job() == NULL)
        return false; /* to wait here would be to wait with everybody */
    if (current_signer->is_given_up)
        return false; /* a first question was, and this is another way to ask it */
    pending.question.number = ++current->number;
    list_init(&pending.link);
    list_push_back(&current->pending, &pending.link);
    send_new(current);
    while (pending.state != QUESTION_ANSWERED && !pending.signer->is_given_up)
        ASYNC_pause_job();
    list_remove(&pending.link);
    if (pending.state != QUESTION_ANSWERED)
        return false;
    pending.signer->why = ret->len == 0 ? why_refused(ret) : NULL;
    return ret->len > 0;
}
