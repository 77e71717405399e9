#include "process/acme.h"

#include "base/date.h"
#include "base/must.h"
#include "base/program.h"
#include "process/acme_order.h"
#include "process/channel.h"
#include "process/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PASSED_S = 5, /* at most, from the reckoning of a time to its telling */
    RUNS_MAX = 8, /* at once; of one authority's folder never more than one, since uacme keeps its account there */
    LOOK_MS = 60000,
    ORDERS_MAX = 16 * 1024 * 1024, /* bytes of their text */
    PROGRAM_MAX = 4096,
    WORDS_ROOM = 16
};

struct acme {
    struct list orders;
    size_t running;
    unsigned last_challenge;
    int signals;
    bool is_ending;
    struct message message;
};

const char *const challenge_names[CHALLENGE_KIND_COUNT] = {
    [CHALLENGE_HTTP] = "http-01", [CHALLENGE_TLS_ALPN] = "tls-alpn-01"};

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

/* To the supervisor */

static void tell(enum message_kind kind, uint32_t number, uint32_t index, struct str text)
{
    struct letter_to letter = {.kind = kind, .number = number, .index = index, .text = text};
    channel_send(WORKER_CHANNEL,
                 &letter); /* one that cannot be sent has nobody to read it: the channel's end follows */
}

static void tell_state(const struct acme *acme, const struct order *order)
{
    uint32_t index = 0;
    list_each(link, &acme->orders) {
        if (link == &order->link)
            tell(MESSAGE_ORDER, 0, index, str_from((const char *)&order->state, sizeof order->state));
        index++;
    }
}

static void tell_challenge(const struct order *order)
{
    if (order->challenge != 0)
        tell(MESSAGE_CHALLENGE, order->challenge, order->kinds[order->kind], str_of(order->challenge_text));
}

static void tell_all(const struct acme *acme)
{
    uint32_t count = 0;
    list_each(link, &acme->orders)
        count++;
    tell(MESSAGE_ORDER_COUNT, count, 0, STR_NONE);
    list_each(link, &acme->orders) {
        const struct order *order = container_of(link, struct order, link);
        tell_state(acme, order);
        tell_challenge(order);
    }
}

/* Challenges */

static void answer_hook(struct order *order, bool goes_on)
{
    struct letter_to answer = {.kind = MESSAGE_HOOK, .number = goes_on, .at_once = true};
    order->is_hook_waiting = false;
    if (order->run.hooks >= 0)
        channel_send(order->run.hooks, &answer);
}

static void end_challenge(struct order *order)
{
    if (order->challenge == 0)
        return;
    tell(MESSAGE_CHALLENGE_OVER, order->challenge, order->kinds[order->kind], STR_NONE);
    order->challenge = 0;
    free(order->challenge_text);
    order->challenge_text = NULL;
}

static bool has_name(const struct order *order, struct str name)
{
    for (size_t i = 0; i < order->name_count; i++)
        if (str_eq(str_of(order->names[i]), name))
            return true;
    return false;
}

/* RFC 8555 8.1: base64url, and a dot before the thumbprint. It comes from the authority. */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!char_is_alpha(text.at[i]) && !char_is_digit(text.at[i]) && strchr("-_.", text.at[i]) == NULL)
            return false;
    return text.len > 0;
}

/* The words of a hook, behind its method. False: it is not to be. */
static bool begin_challenge(struct acme *acme, struct order *order, struct str words)
{
    struct str rest = words, kind, name, token, authorization;
    if (!str_cut(&rest, '\n', &kind) || !str_eq(kind, str_of(challenge_names[order->kinds[order->kind]])))
        return false;
    struct str text = rest;
    if (!str_cut(&rest, '\n', &name) || !str_cut(&rest, '\n', &token) || !str_cut(&rest, '\n', &authorization) ||
        !has_name(order, name) || !is_token(token) || !is_token(authorization))
        return false;
    end_challenge(order);
    order->challenge_text = must_alloc(text.len + 1);
    memcpy(order->challenge_text, text.at, text.len);
    order->challenge_text[text.len] = '\0';
    order->challenge = ++acme->last_challenge;
    tell_challenge(order);
    return true;
}

static void serve_hook(struct acme *acme, struct order *order)
{
    const struct message *message = &acme->message;
    struct str rest = str_from(message->bytes, message->len), method;
    if (!str_cut(&rest, '\n', &method))
        return;
    order->is_unproved = !str_eq(method, STR("done"));
    if (!str_eq(method, STR("begin"))) {
        end_challenge(order);
        answer_hook(order, true);
        return;
    }
    order->is_hook_waiting = begin_challenge(acme, order, rest);
    if (!order->is_hook_waiting)
        answer_hook(order, false);
}

/* Once nobody can ask any more, there is nothing to be woken by. */
static void read_hooks(struct acme *acme, struct order *order)
{
    struct acme_run *run = &order->run;
    enum received received = RECEIVED_NOTHING;
    while (run->hooks >= 0 && (received = channel_receive(run->hooks, false, &acme->message)) == RECEIVED_MESSAGE) {
        if (acme->message.fd >= 0)
            close(acme->message.fd);
        if (acme->message.kind == MESSAGE_HOOK)
            serve_hook(acme, order);
    }
    if (received != RECEIVED_END)
        return;
    close(run->hooks);
    run->hooks = -1;
}

/* The worker answers it now, or (index is not 0) cannot. */
static void challenge_is_set(struct acme *acme)
{
    list_each(link, &acme->orders) {
        struct order *order = container_of(link, struct order, link);
        if (order->challenge == acme->message.number && order->is_hook_waiting) {
            bool is_fine = acme->message.index == 0;
            if (!is_fine)
                end_challenge(order);
            answer_hook(order, is_fine);
        }
    }
}

/* Running */

static bool is_busy(const struct acme *acme, const struct order *other)
{
    list_each(link, &acme->orders) {
        const struct order *order = container_of(link, struct order, link);
        if (order->run.pid != 0 && strcmp(order->folder, other->folder) == 0)
            return true;
    }
    return false;
}

/* The words of uacme(1). */
static char **make_words(const struct order *order, const char *account)
{
    const char *begin[] = {"uacme", "-c", order->folder, "-a", order->directory, "-t", "EC", "-y"};
    const char *issue[] = {"-o", "-f", "-h", ACME_HOOK_PATH, "--", "issue"};
    char **words = must_calloc(order->name_count + WORDS_ROOM, sizeof *words);
    size_t count = 0;
    for (size_t i = 0; i < lengthof(begin); i++)
        words[count++] = (char *)(uintptr_t)begin[i];
    if (account != NULL) {
        words[count++] = (char *)(uintptr_t) "--";
        words[count++] = (char *)(uintptr_t)account;
        words[count++] = order->email;
        return words;
    }
    for (size_t i = 0; i < lengthof(issue); i++)
        words[count++] = (char *)(uintptr_t)issue[i];
    for (size_t i = 0; i < order->name_count; i++)
        words[count++] = order->names[i];
    return words;
}

/* False with a reason in the state. */
static bool run_step(struct acme *acme, struct order *order)
{
    char program[PROGRAM_MAX];
    char *error = order->state.error;
    if (!program_find("uacme", program, sizeof program)) {
        snprintf(error, ORDER_REASON_MAX, "the program uacme is not in PATH any more");
        return false;
    }
    const char *account = order_account_step(order);
    char **words = make_words(order, account);
    order->step = account != NULL ? ORDER_REGISTER : ORDER_ISSUE;
    order->has_registered |= account != NULL;
    order->is_unproved = false;
    bool is_started = acme_run_start(&order->run, program, words);
    free(words);
    acme->running += is_started;
    if (!is_started)
        snprintf(error, ORDER_REASON_MAX, "uacme cannot be run: %s", strerror(errno));
    return is_started;
}

static void say_failure(const struct order *order)
{
    const struct order_state *state = &order->state;
    int64_t minutes = (state->next - now() + PASSED_S) / 60; /* whole ones, as the delays are without their chance */
    fprintf(stderr, "gatehouse: certificate for %s: %s (failure %" PRIu32 "; the next attempt in %" PRId64 " min)\n",
            state->name, state->error, state->failures, minutes);
}

static void fail(struct acme *acme, struct order *order)
{
    order->state.is_running = false;
    order_failed(order, now());
    say_failure(order);
    tell_state(acme, order);
}

static void succeed(struct acme *acme, struct order *order)
{
    char until[DATE_TEXT_MAX];
    if (!order_succeeded(order, now())) {
        fail(acme, order);
        return;
    }
    order->state.is_running = false;
    date_http((struct wall){order->state.until * 1000000}, until);
    fprintf(stderr, "gatehouse: certificate for %s: a new one, until %s\n", order->state.name, until);
    tell_state(acme, order);
}

static void go_on(struct acme *acme, struct order *order)
{
    if (!run_step(acme, order))
        fail(acme, order);
}

static void begin(struct acme *acme, struct order *order)
{
    order->kind = 0;
    order->has_registered = false;
    order->reason_before[0] = '\0';
    order->state.is_running = true;
    if (order_prepare(order))
        go_on(acme, order);
    else
        fail(acme, order);
    if (order->state.is_running)
        tell_state(acme, order);
}

/* What became of the program. */
static void ended(struct acme *acme, struct order *order, int status)
{
    acme->running--;
    acme_run_read(&order->run);
    end_challenge(order);
    order->is_hook_waiting = false;
    enum order_outcome outcome = order_judge(order, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    acme_run_fini(&order->run);
    if (outcome == ORDER_GOES_ON)
        go_on(acme, order);
    else if (outcome == ORDER_IS_DONE)
        succeed(acme, order);
    else
        fail(acme, order);
}

static void reap(struct acme *acme)
{
    struct signalfd_siginfo info;
    int status;
    while (read(acme->signals, &info, sizeof info) == sizeof info)
        ;
    list_each_safe(link, &acme->orders) {
        struct order *order = container_of(link, struct order, link);
        if (order->run.pid != 0 && waitpid(order->run.pid, &status, WNOHANG) == order->run.pid)
            ended(acme, order, status);
    }
}

static void do_what_is_due(struct acme *acme)
{
    clock_update();
    list_each_safe(link, &acme->orders) {
        struct order *order = container_of(link, struct order, link);
        if (order->run.pid != 0)
            acme_run_bound(&order->run, clock_mono());
        else if (order->state.next <= now() && acme->running < RUNS_MAX && !is_busy(acme, order))
            begin(acme, order);
    }
}

/* A certificate that somebody has taken away, or put there, is noticed. */
static void look_again(struct acme *acme)
{
    list_each(link, &acme->orders) {
        struct order *order = container_of(link, struct order, link);
        struct order_state before = order->state;
        if (order->run.pid != 0)
            continue;
        order_look(order, now());
        if (order->state.until != before.until)
            tell_state(acme, order);
    }
}

/* From the supervisor */

static struct order *find_same(struct acme *acme, const struct order *other)
{
    list_each(link, &acme->orders) {
        struct order *order = container_of(link, struct order, link);
        if (str_eq(order->text, other->text))
            return order;
    }
    return NULL;
}

static void drop(struct acme *acme, struct order *order)
{
    acme->running -= order->run.pid != 0;
    end_challenge(order);
    order_free(order);
}

static void take_order(struct acme *acme, struct order *taken)
{
    struct order *same = find_same(acme, taken);
    if (same != NULL) {
        order_free(taken);
        list_remove(&same->link);
        if (same->run.pid == 0)
            order_look(same, now());
    } else {
        order_look(taken, now());
        same = taken;
    }
    same->is_wanted = true;
    list_push_back(&acme->orders, &same->link);
}

/* One that is under way and still wanted goes on. */
static void take_orders(struct acme *acme)
{
    struct text text;
    char bytes[4096];
    ssize_t got;
    text_init(&text);
    while (acme->message.fd >= 0 && text.len < ORDERS_MAX && (got = read(acme->message.fd, bytes, sizeof bytes)) > 0)
        text_add(&text, str_from(bytes, (size_t)got));
    struct str rest = text_str(&text);
    list_each(link, &acme->orders)
        container_of(link, struct order, link)->is_wanted = false;
    for (struct order *order; (order = order_read(&rest)) != NULL;)
        take_order(acme, order);
    text_fini(&text);
    list_each_safe(link, &acme->orders) {
        struct order *order = container_of(link, struct order, link);
        if (!order->is_wanted)
            drop(acme, order);
    }
    tell_all(acme);
}

static void read_channel(struct acme *acme)
{
    enum received received;
    while ((received = channel_receive(WORKER_CHANNEL, false, &acme->message)) == RECEIVED_MESSAGE) {
        if (acme->message.kind == MESSAGE_ORDERS)
            take_orders(acme);
        else if (acme->message.kind == MESSAGE_TELL_AGAIN)
            tell_all(acme);
        else if (acme->message.kind == MESSAGE_CHALLENGE_SET)
            challenge_is_set(acme);
        if (acme->message.fd >= 0)
            close(acme->message.fd);
    }
    acme->is_ending = received == RECEIVED_END;
}

/* The process */

static int patience(const struct acme *acme)
{
    msec wait = LOOK_MS;
    clock_update();
    list_each(link, &acme->orders) {
        const struct order *order = container_of(link, struct order, link);
        msec left = order_patience(order, now(), clock_mono());
        if (left >= 0 && left < wait)
            wait = left;
    }
    return (int)wait;
}

/* True: nothing has come for as long as it may. */
static bool wait_for_news(struct acme *acme)
{
    struct pollfd fds[2 + 2 * RUNS_MAX] = {{.fd = WORKER_CHANNEL, .events = POLLIN},
                                           {.fd = acme->signals, .events = POLLIN}};
    nfds_t count = 2;
    list_each(link, &acme->orders) {
        const struct order *order = container_of(link, struct order, link);
        if (order->run.pid == 0 || count + 2 > lengthof(fds))
            continue;
        fds[count++] = (struct pollfd){.fd = order->run.hooks, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = order->run.output, .events = POLLIN};
    }
    return poll(fds, count, patience(acme)) == 0;
}

static void serve(struct acme *acme)
{
    while (!acme->is_ending) {
        if (wait_for_news(acme))
            look_again(acme);
        read_channel(acme);
        list_each_safe(link, &acme->orders) {
            struct order *order = container_of(link, struct order, link);
            read_hooks(acme, order);
            if (order->run.pid != 0)
                acme_run_read(&order->run);
        }
        reap(acme);
        if (!acme->is_ending)
            do_what_is_due(acme);
    }
    list_each_safe(link, &acme->orders)
        order_free(container_of(link, struct order, link));
}

static bool catch_signals(struct acme *acme)
{
    sigset_t caught;
    entry_ignore_signals();
    sigemptyset(&caught);
    sigaddset(&caught, SIGCHLD);
    sigprocmask(SIG_BLOCK, &caught, NULL);
    acme->signals = signalfd(-1, &caught, SFD_NONBLOCK | SFD_CLOEXEC);
    return acme->signals >= 0;
}

int acme_main(void)
{
    struct acme *acme = must_calloc(1, sizeof *acme);
    prctl(PR_SET_NAME, "gatehouse-acme");
    list_init(&acme->orders);
    umask(0077);
    bool is_done = catch_signals(acme) && entry_pass(SANDBOX_ACME, &acme->message);
    if (is_done)
        serve(acme);
    free(acme);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
