#include "process/worker.h"

#include "admin/commands.h"
#include "base/arena.h"
#include "base/descriptors.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/object.h"
#include "base/rand.h"
#include "base/regex.h"
#include "flow/buffer.h"
#include "loop/loop.h"
#include "loop/ready.h"
#include "loop/timer.h"
#include "net/ticket_keys.h"
#include "net/tls_challenge.h"
#include "net/tls_ticket.h"
#include "observe/access_log.h"
#include "observe/notice.h"
#include "process/acme.h"
#include "process/channel.h"
#include "process/crew.h"
#include "process/entry.h"
#include "process/generation_build.h"
#include "process/machine.h"
#include "process/remote_opener.h"
#include "process/stapling.h"
#include "process/watchdog.h"
#include "process/worker_expiry.h"
#include "process/worker_load.h"
#include "process/worker_renewal.h"
#include "proxy/http_challenge.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOG_PATIENCE_MS = 2000, PSEUDONYM_LEN = 10, ANSWER_PATIENCE_S = 1, STAPLES_MS = 250 };

enum worker_state { WORKER_SERVING, WORKER_DRAINING, WORKER_ENDING };

struct worker {
    enum worker_state state;
    struct loop *loop;
    struct ready channel;
    struct task task;
    struct timer deadline; /* of a drain */
    struct timer staples;  /* when those of certificates that were renewed are asked for */
    struct worker_expiry expiry;
    unsigned threads;
    bool is_limited; /* in descriptors, by a configuration */
    struct crew *crew;
    struct generation *generation; /* one reference; NULL: none yet */
    struct load *load;             /* under way, or waiting to be adopted */
    struct worker_renewal *renewal;
    struct stapling *stapling;
    struct mono started;
    struct mono adopted;
    uint64_t machine_memory;
    struct order_state *orders; /* of certificates, as they were last told */
    size_t order_count;
    struct message message; /* the one being handled */
    char pseudonym[PSEUDONYM_LEN + 1];
};

static void tell(enum message_kind kind, unsigned number)
{
    struct letter_to letter = {.kind = kind, .number = number};
    channel_send(WORKER_CHANNEL,
                 &letter); /* one that cannot be sent has nobody to read it: the channel's end follows */
}

/* Ending */

static void stop(struct worker *worker)
{
    if (worker->state == WORKER_ENDING)
        return;
    worker->state = WORKER_ENDING;
    if (crew_is_running(worker->crew))
        crew_stop(worker->crew);
    else
        loop_stop(worker->loop);
}

static void drain(struct worker *worker)
{
    if (!crew_is_running(worker->crew)) {
        stop(worker);
        return;
    }
    if (worker->state != WORKER_SERVING)
        return;
    worker->state = WORKER_DRAINING;
    timer_set(&worker->deadline, worker->generation->timeouts->drain);
    crew_drain(worker->crew);
}

static void crew_ended(void *owner)
{
    struct worker *worker = owner;
    worker->state = WORKER_ENDING;
    loop_stop(worker->loop);
}

static void crew_adopted(void *owner, unsigned number)
{
    struct worker *worker = owner;
    if (worker->state != WORKER_ENDING)
        tell(MESSAGE_ADOPTED, number);
}

static const struct crew_ops crew_ops = {.adopted = crew_adopted, .ended = crew_ended};

/* Configurations */

static void forget_load(struct worker *worker)
{
    struct load *load = worker->load;
    worker->load = NULL;
    if (load != NULL && load->config == NULL)
        load->worker = NULL; /* under way: it frees itself */
    else
        load_free(load);
}

void load_done(struct load *load)
{
    channel_send_text(WORKER_CHANNEL, text_str(&load->told));
    tell(load->config != NULL ? MESSAGE_LOADED : MESSAGE_FAILED, load->number);
    if (load->config == NULL) {
        load->worker->load = NULL;
        load_free(load);
    }
}

static struct config *current_config(const struct worker *worker)
{
    return worker->generation != NULL ? (struct config *)(uintptr_t)generation_config(worker->generation) : NULL;
}

static void begin_load(struct worker *worker, struct message *message)
{
    forget_load(worker);
    worker->load = load_new(worker, message->number, str_from(message->bytes, message->len), current_config(worker));
}

static struct load *loaded(struct worker *worker)
{
    return worker->load != NULL && worker->load->config != NULL ? worker->load : NULL;
}

static void take_listener(struct worker *worker, struct message *message)
{
    struct load *load = loaded(worker);
    if (load == NULL)
        return;
    struct given *given = must_calloc(1, sizeof *given);
    *given = (struct given){.next = load->given, .thread = message->index, .addr = message->addr, .fd = message->fd};
    message->fd = -1;
    load->given = given;
}

static void take_log(struct worker *worker, struct message *message)
{
    struct load *load = loaded(worker);
    if (load == NULL || message->index >= load->config->log_count || load->logs[message->index] >= 0)
        return;
    load->logs[message->index] = message->fd;
    message->fd = -1;
}

/* What is open besides connections: for each thread its epoll, bell, listeners and a look-up's sockets; channel,
   standard streams, logs. */
static unsigned fixed_descriptors(const struct worker *worker)
{
    size_t for_thread = worker->generation->gate_count + 4;
    return (unsigned)(16 + worker->threads * for_thread + generation_config(worker->generation)->log_count);
}

static void set_limits(struct worker *worker)
{
    const struct limits *limits = worker->generation->limits;
    memory_set_limit(limits->memory != 0 ? (size_t)limits->memory : (size_t)(worker->machine_memory / 4));
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0)
        return;
    rlim_t most = descriptors.rlim_max, before = descriptors.rlim_cur;
    if (limits->descriptors != 0 && limits->descriptors < most)
        most = (rlim_t)limits->descriptors;
    descriptors.rlim_cur = most;
    if (worker->is_limited && most < before)
        descriptors.rlim_cur = before; /* what is open stays so, and has to be served: only accepting pauses */
    setrlimit(RLIMIT_NOFILE, &descriptors);
    worker->is_limited = true;
    descriptors_set(most < INT_MAX / 2 ? (unsigned)most : INT_MAX / 2, fixed_descriptors(worker));
}

/* All certificates are looked at, which takes its time: so it is done once for many that are renewed together. */
static void set_staples(struct worker *worker)
{
    timer_clear(&worker->staples);
    stapling_set(worker->stapling, current_config(worker));
}

static void adopt(struct worker *worker, unsigned number)
{
    struct load *load = loaded(worker);
    if (load == NULL || load->number != number || worker->state != WORKER_SERVING)
        return;
    struct generation *old = worker->generation;
    struct logs *logs = logs_new(load->config->logs, load->config->log_count, load->logs,
                                 old != NULL ? old->logs : NULL);
    free(load->logs);
    load->logs = NULL;
    worker->generation = generation_build(load->config, logs, number);
    load->config = NULL;
    worker->adopted = clock_mono();
    worker_expiry_loaded(&worker->expiry);
    set_staples(worker);
    set_limits(worker);
    crew_adopt(worker->crew, worker->generation, load->given);
    load->given = NULL;
    worker->load = NULL;
    load_free(load);
    if (old != NULL)
        generation_unref(old);
}

void worker_renewal_done(struct worker_renewal *renewal)
{
    struct worker *worker = renewal->worker;
    worker->renewal = NULL;
    if (renewal->is_done && !timer_is_set(&worker->staples))
        timer_set(&worker->staples, STAPLES_MS);
    channel_send_text(WORKER_CHANNEL, text_str(&renewal->told));
    tell(renewal->is_done ? MESSAGE_LOADED : MESSAGE_FAILED, renewal->number);
    worker_renewal_free(renewal);
}

static void renew(struct worker *worker, struct message *message)
{
    if (worker->generation == NULL || worker->renewal != NULL) /* neither is ever asked */
        tell(MESSAGE_FAILED, message->number);
    else
        worker->renewal = worker_renewal_new(worker, message->number, message->index, current_config(worker));
}

static void reopen(struct worker *worker, struct message *message)
{
    if (worker->generation == NULL || message->index >= logs_count(worker->generation->logs) || message->fd < 0)
        return;
    logs_reopen(worker->generation->logs, message->index, message->fd);
    message->fd = -1;
}

/* Commands */

static void answer(int fd, bool is_ok, struct str text)
{
    struct timeval patience = {.tv_sec = ANSWER_PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    struct str head = is_ok ? STR("ok\n") : STR("no\n");
    if (send(fd, head.at, head.len, MSG_NOSIGNAL) != (ssize_t)head.len)
        return;
    while (text.len > 0) {
        ssize_t sent = send(fd, text.at, text.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text = str_skip(text, (size_t)sent);
    }
}

static void command(struct worker *worker, const struct message *message)
{
    struct mono now = clock_mono();
    struct admin_view view = {.supervisor = getppid(), .worker = getpid(), .threads = worker->threads};
    view.uptime = mono_since(worker->started, now);
    view.generation_age = worker->generation != NULL ? mono_since(worker->adopted, now) : 0;
    view.is_draining = worker->state != WORKER_SERVING;
    view.generation = worker->generation;
    if (worker->generation != NULL) {
        const struct config *config = current_config(worker);
        view.log_confs = config->logs;
        view.log_count = config->log_count;
        view.tls_servers = (const struct tls_server_conf *const *)config->tls_servers;
        view.tls_server_count = config->tls_server_count;
        view.pools = (const struct pool_conf *const *)config->pools;
        view.pool_count = config->pool_count;
    }
    view.orders = worker->orders;
    view.order_count = worker->order_count;
    crew_count(worker->crew, &view.counts);
    struct text text;
    text_init(&text);
    bool is_ok = admin_run(&view, str_from(message->bytes, message->len), &text);
    answer(message->fd, is_ok, text_str(&text));
    text_fini(&text);
}

/* Certificates that are ordered */

static void count_orders(struct worker *worker, struct message *message)
{
    enum { ORDERS_MAX = 100000 };
    if (message->number > ORDERS_MAX)
        return;
    free(worker->orders);
    worker->order_count = message->number;
    worker->orders = must_calloc(message->number + 1, sizeof *worker->orders);
}

static void take_order(struct worker *worker, struct message *message)
{
    if (message->index >= worker->order_count || message->len != sizeof *worker->orders)
        return;
    struct order_state *order = &worker->orders[message->index];
    memcpy(order, message->bytes, sizeof *order);
    order->name[sizeof order->name - 1] = '\0';
    order->error[sizeof order->error - 1] = '\0';
}

static bool set_challenge(const struct message *message)
{
    struct str rest = str_from(message->bytes, message->len), name, token, authorization;
    if (!str_cut(&rest, '\n', &name))
        return false;
    if (message->index == CHALLENGE_TLS_ALPN)
        return tls_challenge_set(message->number, name, rest.at != NULL ? rest.at : "");
    if (!str_cut(&rest, '\n', &token) || !str_cut(&rest, '\n', &authorization))
        return false;
    http_challenge_set(message->number, name, token, authorization);
    return true;
}

static void take_challenge(struct worker *worker, struct message *message)
{
    (void)worker;
    struct letter_to answer = {.kind = MESSAGE_CHALLENGE_SET, .number = message->number};
    answer.index = set_challenge(message) ? 0 : 1;
    channel_send(WORKER_CHANNEL, &answer);
}

static void forget_challenge(struct worker *worker, struct message *message)
{
    (void)worker;
    http_challenge_over(message->number);
    tls_challenge_over(message->number);
}

/* Messages */

static void do_adopt(struct worker *worker, struct message *message)
{
    adopt(worker, message->number);
}

static void do_discard(struct worker *worker, struct message *message)
{
    (void)message;
    forget_load(worker);
}

static void do_command(struct worker *worker, struct message *message)
{
    if (message->fd >= 0)
        command(worker, message);
}

static void take_tickets(struct worker *worker, struct message *message)
{
    struct ticket_keys keys;
    (void)worker;
    if (message->len == sizeof keys) {
        memcpy(&keys, message->bytes, sizeof keys);
        tls_ticket_set_keys(&keys);
    }
    explicit_bzero(&keys, sizeof keys);
    explicit_bzero(message->bytes, message->len);
}

static void do_drain(struct worker *worker, struct message *message)
{
    (void)message;
    drain(worker);
}

static void do_stop(struct worker *worker, struct message *message)
{
    (void)message;
    stop(worker);
}

/* A descriptor that the row's function keeps is taken out of the message; else it is closed. */
static const struct message_row {
    enum message_kind kind;
    void (*act)(struct worker *worker, struct message *message);
} message_rows[] = {
    {MESSAGE_LOAD, begin_load},
    {MESSAGE_LISTEN, take_listener},
    {MESSAGE_LOG, take_log},
    {MESSAGE_ADOPT, do_adopt},
    {MESSAGE_DISCARD, do_discard},
    {MESSAGE_REOPEN, reopen},
    {MESSAGE_COMMAND, do_command},
    {MESSAGE_DRAIN, do_drain},
    {MESSAGE_STOP, do_stop},
    {MESSAGE_ORDER, take_order},
    {MESSAGE_ORDER_COUNT, count_orders},
    {MESSAGE_CHALLENGE, take_challenge},
    {MESSAGE_CHALLENGE_OVER, forget_challenge},
    {MESSAGE_RENEW, renew},
    {MESSAGE_TICKETS, take_tickets},
};

static void handle(struct worker *worker, struct message *message)
{
    for (size_t i = 0; i < lengthof(message_rows); i++)
        if (message_rows[i].kind == message->kind)
            message_rows[i].act(worker, message);
    if (message->fd >= 0)
        close(message->fd);
}

static void tell_expiry(struct worker *worker)
{
    struct text text;
    text_init(&text);
    worker_expiry_tell(&worker->expiry, current_config(worker), wall_seconds(clock_wall()), &text);
    fputs(text.len > 0 ? text.at : "", stderr);
    text_fini(&text);
}

static void run(struct task *task)
{
    struct worker *worker = container_of(task, struct worker, task);
    if (timer_is_due(&worker->deadline)) {
        timer_clear(&worker->deadline);
        stop(worker);
    }
    if (timer_is_due(&worker->staples))
        set_staples(worker);
    if (worker->generation != NULL)
        tell_expiry(worker);
    for (;;) {
        enum received received = channel_receive(WORKER_CHANNEL, false, &worker->message);
        if (received == RECEIVED_END) { /* the supervisor is gone */
            worker->channel.reader = NULL;
            stop(worker);
            return;
        }
        if (received == RECEIVED_NOTHING)
            return;
        handle(worker, &worker->message);
    }
}

/* The process */

static void make_pseudonym(struct worker *worker)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < PSEUDONYM_LEN; i++)
        worker->pseudonym[i] = letters[rand_below(sizeof letters - 1)];
    hub_set_pseudonym(str_from(worker->pseudonym, PSEUDONYM_LEN));
}

/* What the sandbox would not let comes before it. */
static bool prepare(struct worker *worker)
{
    entry_ignore_signals();
    worker->machine_memory = machine_memory();
    watchdog_prepare();
    bool is_done = entry_pass(SANDBOX_WORKER, &worker->message);
    worker->threads = worker->message.number;
    return is_done;
}

static void begin(struct worker *worker)
{
    worker->loop = loop_new();
    worker->started = clock_mono();
    make_pseudonym(worker);
    task_init(&worker->task, run);
    timer_init(&worker->deadline, &worker->task);
    timer_init(&worker->staples, &worker->task);
    worker_expiry_init(&worker->expiry, &worker->task);
    ready_init(&worker->channel, WORKER_CHANNEL, true, true);
    worker->channel.reader = &worker->task;
    worker->stapling = stapling_new(remote_opener());
    notice_begin(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    worker->crew = crew_new(worker->threads, remote_opener(), &crew_ops, worker);
    task_wake(&worker->task);
}

static void end(struct worker *worker)
{
    forget_load(worker);
    worker_renewal_abandon(worker->renewal);
    stapling_free(worker->stapling);
    helper_shutdown();
    ready_fini(&worker->channel);
    timer_fini(&worker->deadline);
    timer_fini(&worker->staples);
    worker_expiry_fini(&worker->expiry);
    task_fini(&worker->task);
    crew_free(worker->crew);
    if (worker->generation != NULL)
        generation_unref(worker->generation);
    free(worker->orders);
    notice_end();
    logs_shutdown(LOG_PATIENCE_MS);
    loop_free(worker->loop);
    regex_thread_done();
    buffer_thread_done();
    arena_thread_done();
    memory_thread_done();
    object_thread_done();
}

/* Everything was freed: a count that is not 0 is a bug, and told. */
static bool nothing_is_left(void)
{
    struct text left;
    text_init(&left);
    object_report(&left);
    if (left.len > 0)
        fprintf(stderr, "gatehouse: worker: objects that were not freed: %s\n", left.at);
    bool is_clean = left.len == 0;
    text_fini(&left);
    return is_clean;
}

int worker_main(void)
{
    struct worker *worker = must_calloc(1, sizeof *worker);
    prctl(PR_SET_NAME, "gatehouse"); /* it was started as /proc/self/exe */
    if (!prepare(worker)) {
        free(worker);
        return EXIT_FAILURE;
    }
    begin(worker);
    loop_run(worker->loop);
    end(worker);
    free(worker);
    return nothing_is_left() ? EXIT_SUCCESS : EXIT_FAILURE;
}
