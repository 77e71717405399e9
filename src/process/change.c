#include "process/supervisor_private.h"

#include "base/must.h"
#include "conf/loader.h"
#include "process/keeper.h"
#include "process/log_open.h"
#include "process/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Start, reload and restart are one transaction:
 *
 *   the supervisor reads the text -> a worker loads all of it, and runs its tests -> sockets and logs are opened and
 *   passed -> every thread serves it -> what is not needed any more is closed
 *
 * Whatever fails undoes what was done so far; what was in force stays so.
 */

enum { WORDS_MAX = 256, CHANGE_MINUTES_MAX = 10 };

static void say_mistakes(struct supervisor *supervisor, struct diag *diag)
{
    diag_show(diag, &supervisor->change.told);
    diag_fini(diag);
}

/* Clients that wait for the outcome. */
static void answer_clients(struct supervisor *supervisor, enum client_state state, bool is_ok, struct str text)
{
    for (size_t i = 0; i < lengthof(supervisor->control.clients); i++) {
        struct client *client = &supervisor->control.clients[i];
        if (client->fd >= 0 && client->state == state)
            client_answer(client, is_ok, text);
    }
}

void change_end(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    edition_unref(change->edition);
    text_fini(&change->told);
    *change = (struct change){.control = {.fd = -1}};
}

void change_begin(struct supervisor *supervisor, enum change_kind kind, unsigned number)
{
    must(supervisor->change.kind == CHANGE_NONE);
    struct change *change = &supervisor->change;
    *change = (struct change){.kind = kind, .number = number, .control = {.fd = -1}};
    change->until_ms = now_ms() + CHANGE_MINUTES_MAX * (int64_t)MSEC_MINUTE;
    text_init(&change->told);
}

static void begin_change(struct supervisor *supervisor, enum change_kind kind)
{
    change_begin(supervisor, kind, ++supervisor->generation);
}

/* Has the worker load the edition; it may be the one that serves. */
static void send_load(struct supervisor *supervisor, struct child *child)
{
    struct change *change = &supervisor->change;
    if (child == NULL) {
        change_failed(supervisor);
        return;
    }
    change->child = child;
    change->step = CHANGE_LOADING;
    struct letter_to letter = {.kind = MESSAGE_LOAD, .number = change->number};
    letter.text = str_of(supervisor->options->source.path);
    if (!channel_send(child->channel, &letter))
        kill(child->pid, SIGKILL);
}

/* At start every mistake is told at once, also those of lists, which the supervisor does not read otherwise. */
static void load_whole(const struct edition_source *source, struct diag *diag)
{
    struct conf_options options = {.text = str_of(source->text), .looks_for_programs = true};
    struct config *config = conf_load(source->path, &options, probing_opener(), NULL, diag);
    if (config != NULL)
        config_unref(config);
}

static bool read_text(struct supervisor *supervisor)
{
    struct diag diag;
    diag_init(&diag);
    supervisor->change.edition = edition_load(&supervisor->options->source, &diag);
    if (supervisor->change.edition != NULL) {
        diag_fini(&diag); /* warnings are told by the worker, which finds the same ones */
        return true;
    }
    if (supervisor->change.kind == CHANGE_START) {
        struct diag whole;
        diag_init(&whole);
        load_whole(&supervisor->options->source, &whole);
        if (diag_has_failed(&whole)) {
            diag_fini(&diag);
            diag = whole;
        } else {
            diag_fini(&whole);
        }
    }
    say_mistakes(supervisor, &diag);
    return false;
}

void change_start(struct supervisor *supervisor)
{
    begin_change(supervisor, CHANGE_START);
    if (read_text(supervisor))
        send_load(supervisor, child_start(supervisor, supervisor->change.edition));
    else
        change_failed(supervisor);
}

/* What a running worker cannot be given. */
static bool needs_new_worker(const struct edition *before, const struct edition *after)
{
    return before->threads != after->threads || !identity_eq(&before->identity, &after->identity);
}

void change_reload(struct supervisor *supervisor)
{
    supervisor->reload_wanted = false;
    begin_change(supervisor, CHANGE_RELOAD);
    for (size_t i = 0; i < lengthof(supervisor->control.clients); i++)
        if (supervisor->control.clients[i].state == CLIENT_QUEUED)
            supervisor->control.clients[i].state = CLIENT_RELOADING;
    notify_reloading();
    if (!read_text(supervisor)) {
        change_failed(supervisor);
        return;
    }
    struct child *child = supervisor->serving;
    if (child == NULL || needs_new_worker(supervisor->edition, supervisor->change.edition))
        child = child_start(supervisor, supervisor->change.edition);
    send_load(supervisor, child);
}

void change_restart(struct supervisor *supervisor)
{
    supervisor->restart_at_ms = 0;
    begin_change(supervisor, CHANGE_RESTART);
    supervisor->change.edition = edition_ref(supervisor->edition);
    send_load(supervisor, child_start(supervisor, supervisor->edition));
}

/* What has not changed is shared: but for the certificates this ends as it began. */
void change_remake(struct supervisor *supervisor)
{
    supervisor->remake_wanted = false;
    if (supervisor->serving == NULL || supervisor->edition == NULL)
        return; /* the worker that comes reads them */
    begin_change(supervisor, CHANGE_REMAKE);
    supervisor->change.edition = edition_ref(supervisor->edition);
    send_load(supervisor, supervisor->serving);
}

static bool open_control(struct supervisor *supervisor, struct diag *diag)
{
    char why[WORDS_MAX];
    const struct process_conf *conf = &supervisor->change.edition->config->process;
    if (control_is_for(&supervisor->control.socket, conf))
        return true;
    if (control_open(&supervisor->change.control, conf, why, sizeof why))
        return true;
    bool may_lack = supervisor->options->control_is_optional;
    if (!may_lack)
        diag_add(diag, DIAG_ERROR, NULL, NULL, "%s", why);
    return may_lack;
}

/* Listeners come last: nobody is to wait in the queue of one that is closed again for want of a log. */
static bool open_and_pass(struct supervisor *supervisor, struct diag *diag)
{
    struct change *change = &supervisor->change;
    const struct config *config = change->edition->config;
    int channel = change->child->channel;
    int *logs = logs_open(config, diag);
    bool is_done = !diag_has_failed(diag) && open_control(supervisor, diag);
    if (is_done)
        change->sockets = sockets_open(config, change->edition->threads, supervisor->sockets, diag);
    is_done = is_done && change->sockets != NULL && logs_pass(config, logs, channel, MESSAGE_LOG) &&
              sockets_pass(change->sockets, channel);
    logs_close(config, logs);
    return is_done;
}

void change_loaded(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    struct diag diag;
    if (change->kind == CHANGE_RENEWAL) {
        renewal_done(supervisor);
        return;
    }
    diag_init(&diag);
    change->step = CHANGE_ADOPTING;
    bool is_ready = open_and_pass(supervisor, &diag);
    say_mistakes(supervisor, &diag);
    if (!is_ready) {
        child_tell(change->child, MESSAGE_DISCARD);
        change_failed(supervisor);
        return;
    }
    struct letter_to letter = {.kind = MESSAGE_ADOPT, .number = change->number};
    if (!channel_send(change->child->channel, &letter))
        kill(change->child->pid, SIGKILL);
}

static void replace_edition(struct supervisor *supervisor)
{
    struct edition *before = supervisor->edition;
    supervisor->edition = edition_ref(supervisor->change.edition);
    if (before != NULL)
        keeping_retire_pairs(supervisor, before);
    edition_unref(before);
    keeping_set_pace(supervisor);
}

static void put_in_force(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    sockets_free(supervisor->sockets, change->sockets);
    supervisor->sockets = change->sockets;
    change->sockets = NULL;
    edition_unref(change->child->serving);
    change->child->serving = edition_ref(change->edition);
    replace_edition(supervisor);
    supervisor->remake_at_ms = change->remake_at_ms;
    if (change->control.fd >= 0) {
        control_close(&supervisor->control.socket);
        supervisor->control.socket = change->control;
        change->control.fd = -1;
    } else if (supervisor->control.socket.fd >= 0) {
        control_set_group(&supervisor->control.socket, &change->edition->config->process);
    }
    struct child *before = supervisor->serving;
    supervisor->serving = change->child;
    if (change->kind != CHANGE_REMAKE)
        ordering_adopt(supervisor);
    if (before != NULL && before != change->child) {
        before->is_leaving = true;
        child_tell(before, MESSAGE_DRAIN);
    }
}

static void tell_outcome(struct supervisor *supervisor, const struct edition *before, bool is_other_worker)
{
    struct change *change = &supervisor->change;
    struct text text;
    text_init(&text);
    text_printf(&text, "generation %u serves", change->number);
    text_add_cstr(&text, is_other_worker ? ", in a new worker; the old one drains\n" : "\n");
    edition_compare(before, change->edition, &text);
    text_add(&text, text_str(&change->told));
    answer_clients(supervisor, CLIENT_RELOADING, true, text_str(&text));
    text_fini(&text);
}

void change_adopted(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    struct edition *before = supervisor->edition != NULL ? edition_ref(supervisor->edition) : NULL;
    bool is_other_worker = supervisor->serving != NULL && supervisor->serving != change->child;
    enum change_kind kind = change->kind;
    put_in_force(supervisor);
    if (kind != CHANGE_RESTART && kind != CHANGE_REMAKE)
        fputs(change->told.len > 0 ? change->told.at : "", stderr);
    if (kind == CHANGE_RELOAD) {
        fprintf(stderr, "gatehouse: reloaded, generation %u\n", change->number);
        tell_outcome(supervisor, before, is_other_worker);
    }
    notify("READY=1\nMAINPID=%ld\nSTATUS=serving on %zu addresses, generation %u", (long)getpid(),
           sockets_count(supervisor->sockets), change->number);
    edition_unref(before);
    supervisor->restart_at_ms = 0;
    change_end(supervisor);
    if (!supervisor->has_started && supervisor->options->ready != NULL)
        supervisor->options->ready(supervisor->options->arg);
    supervisor->has_started = true;
}

/* After a restart that failed: the text that was in force does not load any more (a list was damaged, a new file was
   put where an `include` looks). The files may be right as they are now; else it is tried again and again. */
static void plan_after_failure(struct supervisor *supervisor, enum change_kind kind)
{
    if (supervisor->serving != NULL)
        return;
    if (kind == CHANGE_RESTART)
        supervisor->reload_wanted = true;
    else
        supervisor->restart_at_ms = now_ms() + 1000;
}

void change_failed(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    enum change_kind kind = change->kind;
    if (kind == CHANGE_RENEWAL) {
        renewal_failed(supervisor);
        return;
    }
    if (change->told.len > 0)
        fputs(change->told.at, stderr);
    if (kind == CHANGE_RELOAD && supervisor->serving != NULL)
        fprintf(stderr, "gatehouse: not reloaded; the configuration in force goes on\n");
    if (kind == CHANGE_REMAKE)
        fprintf(stderr, "gatehouse: new certificates are not taken; those in force go on\n");
    answer_clients(supervisor, CLIENT_RELOADING, false, text_str(&change->told));
    sockets_free(change->sockets, supervisor->sockets);
    control_close(&change->control);
    if (change->child != NULL && change->child != supervisor->serving) {
        change->child->is_leaving = true;
        child_tell(change->child, MESSAGE_STOP);
    }
    if (change->edition != NULL)
        keeping_retire_pairs(supervisor, change->edition);
    change_end(supervisor);
    if (kind == CHANGE_START) {
        supervisor->status = EXIT_FAILURE;
        supervisor_stop(supervisor);
    } else if (supervisor->state == SUPERVISOR_RUNNING) {
        notify("READY=1\nSTATUS=the last reload was refused; generation before goes on");
        plan_after_failure(supervisor, kind);
    }
}

/* Traffic goes on while another configuration is loaded, and a load that is given up is forgotten. What else a worker
   does not come to an end with leaves unknown what it serves. */
void change_look(struct supervisor *supervisor, int64_t now)
{
    struct change *change = &supervisor->change;
    if (change->until_ms == 0 || now < change->until_ms)
        return;
    change->until_ms = 0;
    text_printf(&change->told, "gatehouse: the worker was not done within %d minutes\n", CHANGE_MINUTES_MAX);
    if (change->child == supervisor->serving && change->step == CHANGE_LOADING && change->kind != CHANGE_RENEWAL) {
        child_tell(change->child, MESSAGE_DISCARD);
        change_failed(supervisor);
    } else {
        kill(change->child->pid, SIGKILL);
    }
}
