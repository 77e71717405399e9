#include "process/keeper.h"

#include "base/clock.h"
#include "base/close.h"
#include "base/must.h"
#include "net/packets.h"
#include "process/channel.h"
#include "process/entry.h"
#include "process/keeper_make.h"
#include "process/keeper_pace.h"
#include "process/keeper_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINKS_MAX = 1024, HOLD_MS = 1, SLICE_MS = 50, NOTICE_EVERY_MS = MSEC_MINUTE };

/* linux/sched/types.h clashes with the sched.h of newer C libraries. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns, deadline_ns, period_ns;
};

struct keeper {
    struct keeper_store *store;
    struct pace pace;
    struct mono told; /* when it was last said that questions wait; us == 0: never */
    size_t link_count, turn;
    int nice; /* which it is to be from its first signature on; 0: as it is */
    int links[LINKS_MAX];
    bool is_full[LINKS_MAX]; /* of answers that were not taken */
    struct message message;
};

static void answer(const struct keeper *keeper, enum message_kind kind, struct str text)
{
    struct letter_to letter = {.kind = kind, .index = keeper->message.index, .text = text};
    channel_send(WORKER_CHANNEL, &letter);
}

/* From the supervisor */

static void tell_taken(const struct keeper *keeper, const struct key_id *id, const char *warning)
{
    char bytes[sizeof id->bytes + KEY_WHY_MAX];
    size_t len = strlen(warning);
    memcpy(bytes, id->bytes, sizeof id->bytes);
    memcpy(bytes + sizeof id->bytes, warning, len);
    answer(keeper, MESSAGE_KEY_TAKEN, str_from(bytes, sizeof id->bytes + len));
}

static void take_key(struct keeper *keeper)
{
    struct key_id id;
    char why[KEY_WHY_MAX];
    if (keeper_store_take(keeper->store, keeper->message.fd, &id, why))
        tell_taken(keeper, &id, why);
    else
        answer(keeper, MESSAGE_KEY_REFUSED, str_of(why));
}

static void tell_made(const struct keeper *keeper, struct str names, struct str pem)
{
    struct letter_to letter = {.kind = MESSAGE_MADE, .index = keeper->message.index, .text = pem};
    letter.number = keeper_store_good_seconds(keeper->store, names, clock_wall());
    channel_send(WORKER_CHANNEL, &letter);
}

static void make_certificate(struct keeper *keeper)
{
    const struct message *message = &keeper->message;
    struct str names = str_from(message->bytes, message->len);
    const unsigned char *digest = NULL;
    char why[KEY_WHY_MAX];
    struct text pem;
    if (message->number == MAKE_FOR_CHALLENGE) {
        digest = (const unsigned char *)message->bytes;
        names = str_skip(names, MAKE_DIGEST_LEN);
    }
    text_init(&pem);
    clock_update();
    bool is_made = message->len > MAKE_DIGEST_LEN || digest == NULL;
    if (!is_made || !keeper_store_make(keeper->store, names, digest, clock_wall(), &pem, why))
        answer(keeper, MESSAGE_KEY_REFUSED, is_made ? str_of(why) : STR("a challenge without a name"));
    else
        tell_made(keeper, names, text_str(&pem));
    text_fini(&pem);
}

static void take_link(struct keeper *keeper)
{
    if (keeper->link_count == LINKS_MAX || keeper->message.fd < 0)
        return;
    keeper->is_full[keeper->link_count] = false;
    keeper->links[keeper->link_count++] = keeper->message.fd;
    keeper->message.fd = -1;
}

static void set_pace(struct keeper *keeper)
{
    clock_update();
    pace_init(&keeper->pace, keeper->message.number, clock_mono());
}

static void forget_key(struct keeper *keeper)
{
    struct key_id id;
    if (keeper->message.len != sizeof id.bytes)
        return;
    memcpy(id.bytes, keeper->message.bytes, sizeof id.bytes);
    keeper_store_forget_key(keeper->store, &id);
}

/* False: the supervisor is gone. */
static bool read_channel(struct keeper *keeper)
{
    struct message *message = &keeper->message;
    enum received received;
    while ((received = channel_receive(WORKER_CHANNEL, false, message)) == RECEIVED_MESSAGE) {
        if (message->kind == MESSAGE_KEY)
            take_key(keeper);
        else if (message->kind == MESSAGE_MAKE)
            make_certificate(keeper);
        else if (message->kind == MESSAGE_LINK)
            take_link(keeper);
        else if (message->kind == MESSAGE_FORGET_KEY)
            forget_key(keeper);
        else if (message->kind == MESSAGE_PACE)
            set_pace(keeper);
        if (message->fd >= 0)
            close(message->fd);
    }
    return received == RECEIVED_NOTHING;
}

/* From the workers */

/* From the first question on, since keys that are given before are waited for. */
static void be_nice(struct keeper *keeper)
{
    if (keeper->nice != 0 && setpriority(PRIO_PROCESS, 0, keeper->nice) != 0)
        fprintf(stderr, "gatehouse: keeper: it runs as eagerly as the worker\n");
    keeper->nice = 0;
}

/* `most` questions, so that nobody who asks much keeps the others waiting for long. An answer wakes the worker, which
   costs as much as some signatures do: those that are soon made leave together. False: the line is to be closed. */
static bool serve_link(struct keeper *keeper, int link, int most)
{
    struct sign_question questions[PACKETS_MAX];
    struct sign_answer answers[PACKETS_MAX];
    int count = packets_receive(link, questions, sizeof questions[0], most);
    int made = 0;
    be_nice(keeper);
    clock_update();
    struct mono began = clock_mono();
    pace_spend(&keeper->pace, count > 0 ? count : 0);
    for (int i = 0; i < count; i++) {
        keeper_store_sign(keeper->store, &questions[i], &answers[made++]);
        clock_update();
        if (i + 1 < count && mono_since(began, clock_mono()) < HOLD_MS)
            continue;
        if (!packets_send(link, answers, sizeof answers[0], made))
            return false;
        made = 0;
        began = clock_mono();
    }
    return count >= 0;
}

/* Whoever takes no answers is asked nothing more until he does: to wait for him would be to wait with everybody. */
static bool has_room(int link)
{
    struct pollfd polled = {.fd = link, .events = POLLOUT};
    return poll(&polled, 1, 0) > 0;
}

static void drop_closed(struct keeper *keeper)
{
    size_t kept = 0;
    for (size_t i = 0; i < keeper->link_count; i++)
        if (keeper->links[i] >= 0) {
            keeper->is_full[kept] = keeper->is_full[i];
            keeper->links[kept++] = keeper->links[i];
        }
    keeper->link_count = kept;
}

/* Each time another one is the first, since the pace may leave nothing for the last. */
static void serve_links(struct keeper *keeper, const struct pollfd *polled, size_t count)
{
    keeper->turn++;
    for (size_t i = 0; i < count; i++) {
        size_t at = (keeper->turn + i) % count;
        int most = pace_allows(&keeper->pace, PACKETS_MAX, clock_mono());
        if (polled[at].revents == 0 || most == 0)
            continue;
        keeper->is_full[at] = !has_room(keeper->links[at]);
        if (keeper->is_full[at] || serve_link(keeper, keeper->links[at], most))
            continue;
        close(keeper->links[at]);
        keeper->links[at] = -1;
    }
    drop_closed(keeper);
}

static void tell_of_pace(struct keeper *keeper)
{
    if (keeper->told.us != 0 && mono_since(keeper->told, clock_mono()) < NOTICE_EVERY_MS)
        return;
    fprintf(stderr, "gatehouse: keeper: more than %llu signatures a second are asked for; handshakes wait\n",
            (unsigned long long)keeper->pace.per_second);
    keeper->told = clock_mono();
}

/* How long the pace makes all of them wait; 0: it does not. */
static msec hold(struct keeper *keeper, struct pollfd *polled, size_t count)
{
    clock_update();
    if (pace_allows(&keeper->pace, 1, clock_mono()) > 0)
        return 0;
    poll(polled, count, 0);
    for (size_t i = 0; i < count; i++)
        if (polled[i].revents & POLLIN) {
            tell_of_pace(keeper);
            break;
        }
    return pace_wait(&keeper->pace);
}

static void serve(struct keeper *keeper)
{
    static struct pollfd polled[LINKS_MAX + 1];
    bool is_wanted = true;
    while (is_wanted) {
        size_t count = keeper->link_count;
        struct pollfd *channel = &polled[count];
        for (size_t i = 0; i < count; i++)
            polled[i] = (struct pollfd){.fd = keeper->links[i], .events = keeper->is_full[i] ? POLLOUT : POLLIN};
        *channel = (struct pollfd){.fd = WORKER_CHANNEL, .events = POLLIN};
        msec held = hold(keeper, polled, count);
        int result = held > 0 ? poll(channel, 1, (int)held) : poll(polled, count + 1, -1);
        if (result < 0)
            continue;
        if (channel->revents != 0) /* first: whoever gives a key waits for the answer */
            is_wanted = read_channel(keeper);
        if (held == 0)
            serve_links(keeper, polled, count);
    }
}

/* The process */

/* A signature takes milliseconds, and what the worker has to do between two of them microseconds: it, and whoever else
   wakes, goes first. With a long slice of its own (Linux 6.12), one that has a shorter is not made to wait until a
   signature is done; before, this says nothing. And with a small share (KEEPER_NICENESS): a worker that has just had more
   than its own has to wait for the next tick of the scheduler, 4 ms; beside one that has little, that is soon made up
   for. (RSA-4096 without end on the worker's one processor: p99 of other traffic 0.9 ms, with a niceness of 5 4 ms.
   Where traffic takes all there is, a thirtieth is left for signatures.) An administrator who has chosen how all are
   scheduled has chosen. */
static void be_patient(struct keeper *keeper)
{
    struct scheduling scheduling = {.policy = SCHED_OTHER};
    if (syscall(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0U) == 0 && scheduling.policy != SCHED_OTHER)
        return;
    int nice = getpriority(PRIO_PROCESS, 0) + KEEPER_NICENESS;
    keeper->nice = nice != 0 ? nice : 1;
    scheduling.size = sizeof scheduling;
    scheduling.policy = SCHED_BATCH;
    scheduling.slice_ns = SLICE_MS * UINT64_C(1000000);
    syscall(SYS_sched_setattr, 0, &scheduling, 0U);
}

int keeper_main(void)
{
    struct keeper *keeper = must_calloc(1, sizeof *keeper);
    prctl(PR_SET_NAME, "gatehouse-key");
    entry_ignore_signals();
    be_patient(keeper);
    bool is_done = entry_pass(SANDBOX_KEEPER, &keeper->message);
    if (is_done) {
        keeper->store = keeper_store_new();
        serve(keeper);
        keeper_store_free(keeper->store);
    }
    free(keeper);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What the process says that probes a key. */
struct finding {
    bool is_fine;
    struct key_id id;
    char why[KEY_WHY_MAX];
};

static _Noreturn void probe(int fd, int into)
{
    struct finding finding = {.is_fine = false};
    struct keeper_store *store = keeper_store_new();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    finding.is_fine = keeper_store_take(store, fd, &finding.id, finding.why);
    _exit(write(into, &finding, sizeof finding) == sizeof finding ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool probe_key(struct opener *opener, const struct pair_paths *pair, struct key_id *ret,
                      char ret_why[KEY_WHY_MAX])
{
    struct finding finding = {.is_fine = false};
    int ends[2], fd = opener->open(opener, pair->key, OPEN_READ);
    bool is_ready = fd >= 0 && pipe2(ends, O_CLOEXEC) == 0;
    snprintf(ret_why, KEY_WHY_MAX, "%s", strerror(errno));
    if (!is_ready) {
        close_quietly(fd);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        probe(fd, ends[1]);
    close(fd);
    close(ends[1]);
    bool is_told = pid > 0 && read(ends[0], &finding, sizeof finding) == sizeof finding;
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (is_told)
        snprintf(ret_why, KEY_WHY_MAX, "%s", finding.why);
    *ret = finding.id;
    return is_told && finding.is_fine;
}

struct opener *probing_opener(void)
{
    static struct opener opener;
    opener = (struct opener){.open = opener_direct()->open, .take_key = probe_key};
    return &opener;
}
