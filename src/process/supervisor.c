#include "process/supervisor_private.h"

#include "base/arena.h"
#include "base/must.h"
#include "base/text.h"
#include "conf/loader.h"
#include "process/log_open.h"
#include "process/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EARLY_MS = 1000,      /* a worker that lives shorter has died early */
    DELAY_FIRST_MS = 100, /* before the third worker in a row that died early; doubled from then on */
    DELAY_MAX_MS = 10000,
    STOP_PATIENCE_MS = 5000, /* for a worker that was told to stop at once */
    POLL_MAX = 2 + CONTROL_POLL_MAX + 2 * CHILDREN_MAX,
    POLL_MS_MAX = MSEC_HOUR
};

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ending */

static void tell_all(struct supervisor *supervisor, enum message_kind kind)
{
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid != 0) {
            supervisor->children[i].is_leaving = true;
            child_tell(&supervisor->children[i], kind);
        }
}

/* Nothing new comes in: the sockets are closed, a change under way is given up. */
static void begin_end(struct supervisor *supervisor, enum supervisor_state state)
{
    bool is_first = supervisor->state == SUPERVISOR_RUNNING;
    supervisor->state = state;
    supervisor->restart_at_ms = 0;
    supervisor->reload_wanted = false;
    if (!is_first)
        return;
    notify("STOPPING=1\nSTATUS=%s", state == SUPERVISOR_DRAINING ? "draining" : "stopping");
    if (supervisor->change.kind != CHANGE_NONE) {
        int status = supervisor->status;
        text_add_cstr(&supervisor->change.told, "gatehouse: ended while it was loading\n");
        change_failed(supervisor);
        supervisor->status = status; /* to be told to end is no failure */
    }
    ordering_end(supervisor);
    sockets_free(supervisor->sockets, NULL);
    supervisor->sockets = NULL;
}

void supervisor_drain(struct supervisor *supervisor)
{
    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    begin_end(supervisor, SUPERVISOR_DRAINING);
    if (supervisor->state == SUPERVISOR_STOPPING) /* it had not even started */
        return;
    msec hard_stop = supervisor->edition != NULL ? supervisor->edition->config->timeouts.hard_stop : 0;
    supervisor->end_at_ms = now_ms() + hard_stop;
    tell_all(supervisor, MESSAGE_DRAIN);
}

void supervisor_stop(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_STOPPING)
        return;
    begin_end(supervisor, SUPERVISOR_STOPPING);
    supervisor->end_at_ms = now_ms() + STOP_PATIENCE_MS;
    tell_all(supervisor, MESSAGE_STOP);
}

static void kill_all(struct supervisor *supervisor)
{
    supervisor->end_at_ms = 0;
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid != 0)
            kill(supervisor->children[i].pid, SIGKILL);
}

/* Workers that die */

static void say_death(const struct child *child, int status)
{
    if (WIFSIGNALED(status))
        fprintf(stderr, "gatehouse: worker %ld was ended by signal %d (%s)\n", (long)child->pid, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "gatehouse: worker %ld ended with status %d\n", (long)child->pid, WEXITSTATUS(status));
}

static void plan_restart(struct supervisor *supervisor, const struct child *child)
{
    int64_t now = now_ms();
    supervisor->early_deaths = now - child->born_ms < EARLY_MS ? supervisor->early_deaths + 1 : 0;
    int64_t delay = 0;
    for (unsigned i = 2; i <= supervisor->early_deaths && delay < DELAY_MAX_MS; i++)
        delay = delay == 0 ? DELAY_FIRST_MS : delay * 2;
    supervisor->restart_at_ms = now + (delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS);
}

void supervisor_lost(struct supervisor *supervisor, struct child *child, int status)
{
    bool is_clean = child->is_leaving && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_clean)
        say_death(child, status);
    if (!is_clean && child->is_leaving && supervisor->end_at_ms != 0)
        supervisor->status = EXIT_FAILURE; /* it was to end well */
    bool is_missed = !child->is_leaving && (supervisor->serving == child || supervisor->serving == NULL);
    if (supervisor->serving == child)
        supervisor->serving = NULL;
    if (supervisor->change.child == child) {
        bool reload_wanted = supervisor->reload_wanted;
        supervisor->change.child = NULL; /* there is nobody to tell */
        text_add_cstr(&supervisor->change.told, "gatehouse: the worker died while it was loading\n");
        change_failed(supervisor);
        supervisor->reload_wanted = reload_wanted; /* the text is not to blame */
    }
    if (is_missed && supervisor->state == SUPERVISOR_RUNNING && supervisor->has_started &&
        supervisor->change.kind == CHANGE_NONE)
        plan_restart(supervisor, child);
}

/* What comes from outside */

static void ask_reload(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_RUNNING && supervisor->has_started)
        supervisor->reload_wanted = true;
}

static void reopen_logs(struct supervisor *supervisor)
{
    if (supervisor->serving == NULL || supervisor->edition == NULL)
        return;
    struct diag diag;
    diag_init(&diag);
    const struct config *config = supervisor->edition->config;
    int *logs = logs_open(config, &diag);
    logs_pass(config, logs, supervisor->serving->channel, MESSAGE_REOPEN);
    logs_close(config, logs);
    diag_print(&diag);
    diag_fini(&diag);
}

static void end_by_signal(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_RUNNING)
        supervisor_drain(supervisor);
    else
        supervisor_stop(supervisor);
}

/* An nginx administrator's reflex; its default action would end everything. */
static void refuse_upgrade(struct supervisor *supervisor)
{
    (void)supervisor;
    fprintf(stderr, "gatehouse: SIGUSR2 is ignored: there is no upgrade in place yet\n");
}

static const struct signal_row {
    int number;
    void (*act)(struct supervisor *supervisor);
} signal_rows[] = {
    {SIGHUP, ask_reload},   {SIGTERM, end_by_signal}, {SIGINT, end_by_signal},
    {SIGUSR1, reopen_logs}, {SIGCHLD, children_reap}, {SIGUSR2, refuse_upgrade},
};

static void read_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof info) == sizeof info)
        for (size_t i = 0; i < lengthof(signal_rows); i++)
            if (signal_rows[i].number == (int)info.ssi_signo)
                signal_rows[i].act(supervisor);
}

static void command_reload(struct supervisor *supervisor, struct client *client)
{
    if (supervisor->state != SUPERVISOR_RUNNING || !supervisor->has_started) {
        client_answer(client, false, STR("gatehouse is starting or ending\n"));
        return;
    }
    client->state = CLIENT_QUEUED;
    ask_reload(supervisor);
}

static void command_drain(struct supervisor *supervisor, struct client *client)
{
    client_say(client, STR("ok\ndraining\n"));
    client->state = CLIENT_WAITING; /* the end of the process ends the answer */
    supervisor_drain(supervisor);
}

static void command_stop(struct supervisor *supervisor, struct client *client)
{
    client_say(client, STR("ok\nstopping\n"));
    client->state = CLIENT_WAITING;
    supervisor_stop(supervisor);
}

static const struct command_row {
    const char *name;
    void (*act)(struct supervisor *supervisor, struct client *client);
} command_rows[] = {{"reload", command_reload}, {"drain", command_drain}, {"stop", command_stop}};

/* To the worker: its own table says what there is. One that stands still holds up nobody else. */
static void pass_on(struct supervisor *supervisor, struct client *client)
{
    struct letter_to letter = {
        .kind = MESSAGE_COMMAND, .text = str_of(client->line), .with_fd = true, .fd = client->fd, .at_once = true};
    if (supervisor->serving == NULL)
        client_answer(client, false, STR("there is no worker at the moment; one is being started\n"));
    else if (!channel_send(supervisor->serving->channel, &letter))
        client_answer(client, false, STR("the worker does not answer\n"));
    else
        client_close(client);
}

static void serve_client(struct supervisor *supervisor, struct client *client)
{
    for (size_t i = 0; i < lengthof(command_rows); i++)
        if (str_eq(str_trim(str_of(client->line)), str_of(command_rows[i].name))) {
            command_rows[i].act(supervisor, client);
            return;
        }
    pass_on(supervisor, client);
}

static void serve_clients(struct supervisor *supervisor)
{
    control_read(&supervisor->control, now_ms());
    for (size_t i = 0; i < lengthof(supervisor->control.clients); i++) {
        struct client *client = &supervisor->control.clients[i];
        if (client->fd >= 0 && client->state == CLIENT_ASKING)
            serve_client(supervisor, client);
    }
}

/* The loop */

static void sooner(int64_t *wait, int64_t at, int64_t now)
{
    if (at == 0)
        return;
    int64_t left = at > now ? at - now : 0;
    if (*wait < 0 || left < *wait)
        *wait = left;
}

static int patience(const struct supervisor *supervisor)
{
    int64_t now = now_ms();
    int64_t wait = -1;
    if (supervisor->change.kind == CHANGE_NONE) {
        sooner(&wait, supervisor->reload_wanted || supervisor->remake_wanted ? now : supervisor->restart_at_ms, now);
        sooner(&wait, renewal_due_ms(supervisor), now);
        sooner(&wait, supervisor->remake_at_ms, now);
    }
    sooner(&wait, supervisor->change.until_ms, now);
    sooner(&wait, supervisor->end_at_ms, now);
    sooner(&wait, ticket_keys_due(&supervisor->tickets), now);
    sooner(&wait, supervisor->keeping.aide.revive_at_ms, now);
    sooner(&wait, keeping_due_ms(&supervisor->keeping), now);
    sooner(&wait, supervisor->keeping.pace_at_ms, now);
    sooner(&wait, supervisor->ordering.aide.revive_at_ms, now);
    for (size_t i = 0; i < lengthof(supervisor->control.clients); i++) {
        const struct client *client = &supervisor->control.clients[i];
        if (client->fd >= 0 && client->state == CLIENT_READING)
            sooner(&wait, client->until_ms, now);
    }
    return wait < POLL_MS_MAX ? (int)wait : POLL_MS_MAX;
}

static void wait_for_news(struct supervisor *supervisor)
{
    struct pollfd fds[POLL_MAX];
    size_t count = 0;
    fds[count++] = (struct pollfd){.fd = supervisor->signals, .events = POLLIN};
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid != 0) {
            fds[count++] = (struct pollfd){.fd = supervisor->children[i].channel, .events = POLLIN};
            fds[count++] = (struct pollfd){.fd = supervisor->children[i].files, .events = POLLIN};
        }
    if (supervisor->ordering.aide.pid != 0)
        fds[count++] = (struct pollfd){.fd = supervisor->ordering.aide.channel, .events = POLLIN};
    count += control_poll_fds(&supervisor->control, fds + count);
    poll(fds, count, patience(supervisor));
}

/* One at a time, and a reload before a restart: it brings a worker too. */
static void do_what_is_due(struct supervisor *supervisor)
{
    int64_t now = now_ms();
    children_turn_tickets(supervisor);
    if (supervisor->end_at_ms != 0 && now >= supervisor->end_at_ms)
        kill_all(supervisor);
    if (supervisor->keeping.aide.revive_at_ms != 0 && now >= supervisor->keeping.aide.revive_at_ms)
        keeping_revive(supervisor);
    if (supervisor->keeping.pace_at_ms != 0 && now >= supervisor->keeping.pace_at_ms)
        keeping_set_pace(supervisor);
    keeping_forget_retired(supervisor, now);
    change_look(supervisor, now);
    keeping_remake_old(supervisor, now);
    if (supervisor->state != SUPERVISOR_RUNNING)
        supervisor->remake_wanted = false;
    if (supervisor->state == SUPERVISOR_RUNNING && supervisor->ordering.aide.revive_at_ms != 0 &&
        now >= supervisor->ordering.aide.revive_at_ms)
        ordering_adopt(supervisor);
    if (supervisor->state != SUPERVISOR_RUNNING || supervisor->change.kind != CHANGE_NONE)
        return;
    if (supervisor->reload_wanted)
        change_reload(supervisor);
    else if (supervisor->remake_wanted)
        change_remake(supervisor);
    else if (supervisor->restart_at_ms != 0 && now >= supervisor->restart_at_ms)
        change_restart(supervisor);
    else
        renewal_look(supervisor);
}

static void run(struct supervisor *supervisor)
{
    while (supervisor->state == SUPERVISOR_RUNNING || !children_are_gone(supervisor)) {
        wait_for_news(supervisor);
        for (size_t i = 0; i < lengthof(supervisor->children); i++)
            if (supervisor->children[i].pid != 0)
                child_read(supervisor, &supervisor->children[i]);
        ordering_read(supervisor);
        read_signals(supervisor); /* after it: a worker that says that it serves has begun */
        serve_clients(supervisor);
        do_what_is_due(supervisor);
    }
}

/* They stay blocked to the end of the process: one that comes when everything is done has nothing left to change, least
   of all the exit status. */
static bool catch_signals(struct supervisor *supervisor)
{
    sigset_t caught;
    sigemptyset(&caught);
    for (size_t i = 0; i < lengthof(signal_rows); i++)
        sigaddset(&caught, signal_rows[i].number);
    sigprocmask(SIG_BLOCK, &caught, NULL);
    signal(SIGPIPE, SIG_IGN);
    supervisor->signals = signalfd(-1, &caught, SFD_NONBLOCK | SFD_CLOEXEC);
    return supervisor->signals >= 0;
}

/* As many descriptors as we may have, for us and for the workers. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The first three are what they should be, so that no socket ever gets their numbers. */
static void hold_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* To the worker, whose user has another home, or none. */
static void tell_state_folder(void)
{
    char *path = state_default_path();
    if (path != NULL)
        setenv(STATE_VARIABLE, path, 1);
    free(path);
}

static void finish(struct supervisor *supervisor)
{
    ordering_end(supervisor);
    keeping_end(supervisor);
    control_close(&supervisor->control.socket);
    for (size_t i = 0; i < lengthof(supervisor->control.clients); i++)
        client_close(&supervisor->control.clients[i]);
    edition_unref(supervisor->edition);
    close(supervisor->signals);
    arena_thread_done();
}

int supervisor_run(const struct supervisor_options *options)
{
    struct supervisor *supervisor = must_calloc(1, sizeof *supervisor);
    supervisor->options = options;
    supervisor->change.control.fd = -1;
    control_init(&supervisor->control);
    hold_standard_streams();
    raise_descriptors();
    if (!catch_signals(supervisor)) {
        perror("gatehouse: signals");
        free(supervisor);
        return EXIT_FAILURE;
    }
    tell_state_folder();
    children_turn_tickets(supervisor);
    change_start(supervisor);
    run(supervisor);
    finish(supervisor);
    int status = supervisor->status;
    explicit_bzero(&supervisor->tickets, sizeof supervisor->tickets);
    free(supervisor);
    return status;
}
