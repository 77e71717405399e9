/* The processes that the supervisor starts, and what they ask of it: files that stand in the configuration. */
#include "process/supervisor_private.h"

#include "base/must.h"
#include "base/opener.h"
#include "process/certificate_text.h"
#include "process/frozen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAFE_FD = 16 }; /* above the numbers that the worker wants */

/* In the new process, until it becomes the worker or keeper. */
static _Noreturn void become(const char *word, const int ends[2])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int channel = fcntl(ends[0], F_DUPFD, SAFE_FD);
    int files = fcntl(ends[1], F_DUPFD, SAFE_FD);
    if (channel < 0 || files < 0 || dup2(channel, WORKER_CHANNEL) < 0 || dup2(files, WORKER_FILES) < 0)
        _exit(EXIT_FAILURE);
    close_range(WORKER_FILES + 1, ~0U, 0);
    char *const words[] = {(char *)(uintptr_t) "gatehouse", (char *)(uintptr_t)word, NULL};
    execv("/proc/self/exe", words); /* the very program that runs, whatever has become of its file */
    _exit(EXIT_FAILURE);
}

static struct child *free_child(struct supervisor *supervisor)
{
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid == 0)
            return &supervisor->children[i];
    errno = EAGAIN;
    return NULL;
}

static void close_both(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

pid_t process_start(const char *word, int mine[2])
{
    int channel[2], files[2];
    if (!channel_pair(channel))
        return -1;
    if (!channel_pair(files)) {
        close_both(channel);
        return -1;
    }
    mine[0] = channel[0];
    mine[1] = files[0];
    const int theirs[2] = {channel[1], files[1]};
    pid_t pid = fork();
    if (pid == 0)
        become(word, theirs);
    close_both(theirs);
    if (pid < 0)
        close_both(mine);
    return pid;
}

static void give_tickets(const struct supervisor *supervisor, struct child *child)
{
    struct letter_to letter = {.kind = MESSAGE_TICKETS, .at_once = true};
    letter.text = str_from((const char *)&supervisor->tickets, sizeof supervisor->tickets);
    channel_send(child->channel, &letter); /* one that takes nothing any more is found out otherwise */
}

void children_turn_tickets(struct supervisor *supervisor)
{
    if (!ticket_keys_turn(&supervisor->tickets, now_ms()))
        return;
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid != 0)
            give_tickets(supervisor, &supervisor->children[i]);
}

struct child *child_start(struct supervisor *supervisor, const struct edition *edition)
{
    struct child *child = free_child(supervisor);
    int mine[2];
    pid_t pid = child != NULL ? process_start("worker", mine) : -1;
    if (pid < 0) {
        fprintf(stderr, "gatehouse: a worker cannot be started: %s\n", strerror(errno));
        return NULL;
    }
    *child = (struct child){.pid = pid, .channel = mine[0], .files = mine[1], .born_ms = now_ms()};
    child->threads = edition->threads;
    struct letter_to begin = {.kind = MESSAGE_BEGIN, .number = edition->threads};
    begin.index = supervisor->options->without_sandbox ? BEGIN_WITHOUT_SANDBOX : 0;
    begin.text = str_from((const char *)&edition->identity, sizeof edition->identity);
    channel_send(child->channel, &begin); /* if it cannot be sent, the process has died: SIGCHLD says so */
    give_tickets(supervisor, child);
    return child;
}

void child_tell(struct child *child, enum message_kind kind)
{
    struct letter_to letter = {.kind = kind};
    if (!channel_send(child->channel, &letter))
        kill(child->pid, SIGKILL); /* it takes nothing any more */
}

/* What a worker may ask about: what it loads, and what it serves. */
struct sight {
    const struct edition *at[2]; /* NULL: none */
};

static struct sight sight_of(const struct supervisor *supervisor, const struct child *child)
{
    const struct change *change = &supervisor->change;
    return (struct sight){{change->child == child ? change->edition : NULL, child->serving}};
}

/* A pair as a renewal has read it, else as it stands in the configuration that the worker loads, or serves. */
struct wanted {
    const struct pair_files *files; /* NULL: nobody names the pair */
    struct pair *pair;
};

static struct wanted want(const struct supervisor *supervisor, const struct child *child)
{
    const struct change *change = &supervisor->change;
    const struct message *message = &supervisor->message;
    size_t len = strlen(message->bytes);
    const struct pair_paths paths = {message->bytes, message->bytes + len + (len < message->len ? 1 : 0)};
    const struct pairs renewed = {change->renewal.pair, change->renewal.pair != NULL};
    const struct sight sight = sight_of(supervisor, child);
    struct wanted wanted = {0};
    if (change->child == child && (wanted.pair = pairs_find(&renewed, &paths)) != NULL) {
        wanted.files = &change->renewal.files;
        return wanted;
    }
    for (size_t i = 0; wanted.pair == NULL && i < lengthof(sight.at); i++)
        wanted.pair = sight.at[i] != NULL ? pairs_find(&sight.at[i]->pairs, &paths) : NULL;
    wanted.files = wanted.pair != NULL ? &wanted.pair->files : NULL;
    return wanted;
}

static void answer_keeper(struct child *child, enum message_kind kind, struct str text, int fd)
{
    struct letter_to answer = {.kind = kind, .text = text, .with_fd = true, .fd = fd};
    if (!channel_send(child->files, &answer))
        kill(child->pid, SIGKILL);
    if (fd >= 0)
        close(fd);
}

/* A key goes to the keeper, and to nobody else. */
static bool give_key(struct supervisor *supervisor, const struct wanted *wanted, struct key_id *ret,
                     char ret_why[KEY_WHY_MAX])
{
    struct renewal *renewal = &supervisor->change.renewal;
    int fd = pair_files_key(wanted->files);
    if (fd < 0)
        snprintf(ret_why, KEY_WHY_MAX, "%s", strerror(errno));
    if (fd < 0)
        return false;
    bool is_taken = keeping_take(supervisor, fd, ret, ret_why);
    renewal->is_unheard = !supervisor->keeping.has_answered;
    if (!is_taken)
        return false;
    *(wanted->files == &renewal->files ? &renewal->key : &wanted->pair->key) = *ret;
    return true;
}

static void tell_taken(struct child *child, const struct key_id *id, const char *warning)
{
    struct text text;
    text_init(&text);
    text_add(&text, str_from((const char *)id->bytes, sizeof id->bytes));
    text_add_cstr(&text, warning);
    answer_keeper(child, MESSAGE_KEY_TAKEN, text_str(&text), -1);
    text_fini(&text);
}

/* Both have read the same text, so its servers stand in one order. */
static void serve_self_signed(struct supervisor *supervisor, struct child *child)
{
    const struct sight sight = sight_of(supervisor, child);
    const struct edition *edition = sight.at[0] != NULL ? sight.at[0] : sight.at[1];
    char why[KEY_WHY_MAX] = "the configuration has none";
    uint32_t index = supervisor->message.index;
    struct text pem;
    text_init(&pem);
    const struct tls_server_conf *server = edition != NULL && index < edition->config->tls_server_count
                                               ? edition->config->tls_servers[index]
                                               : NULL;
    bool is_made = server != NULL && server->source != CERTIFICATE_FILES &&
                   keeping_make(supervisor, server->names, NULL, &pem, why);
    answer_keeper(child, is_made ? MESSAGE_MADE : MESSAGE_KEY_REFUSED, is_made ? text_str(&pem) : str_of(why), -1);
    text_fini(&pem);
}

/* A thread has need of one, and of another when it has lost it. The keeper's time is shared by lines: whoever had any
   number of them would have all of it. */
static int give_line(struct supervisor *supervisor, struct child *child)
{
    enum { LINES_OF_THREAD = 4 };
    pid_t keeper = supervisor->keeping.aide.pid;
    if (child->lined_to != keeper) {
        child->lined_to = keeper;
        child->lines = 0;
    }
    bool may_have = child->lines < LINES_OF_THREAD * child->threads;
    errno = EMFILE;
    int line = may_have ? keeping_link(supervisor) : -1;
    child->lines += line >= 0;
    return line;
}

/* A worker asks that a key be kept, or for a line to the keeper. */
static void serve_keeper(struct supervisor *supervisor, struct child *child)
{
    struct message *message = &supervisor->message;
    char why[KEY_WHY_MAX] = "the configuration does not name it";
    struct key_id id;
    if (message->kind == MESSAGE_LINK) {
        answer_keeper(child, MESSAGE_LINK, STR_NONE, give_line(supervisor, child));
        return;
    }
    if (message->kind == MESSAGE_SELF_SIGNED) {
        serve_self_signed(supervisor, child);
        return;
    }
    struct wanted wanted = want(supervisor, child);
    bool is_taken = wanted.files != NULL && give_key(supervisor, &wanted, &id, why);
    if (is_taken)
        tell_taken(child, &id, why);
    else
        answer_keeper(child, MESSAGE_KEY_REFUSED, str_of(why), -1);
}

/* A file of authorities may have a key in it, too, as that of a certificate may. */
static bool names_authorities(const struct config *config, const char *path)
{
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct tls_conf *tls = config->pools[i]->tls;
        if (tls != NULL && tls->ca_path != NULL && strcmp(tls->ca_path, path) == 0)
            return true;
    }
    for (size_t i = 0; i < config->tls_server_count; i++) {
        const char *named = config->tls_servers[i]->client_ca_path;
        if (named != NULL && strcmp(named, path) == 0)
            return true;
    }
    return false;
}

static int only_certificates(int taken_fd)
{
    char *text;
    size_t len;
    if (!opener_read_fd(taken_fd, TLS_AUTHORITIES_MAX, &text, &len))
        return -1;
    int fd = frozen_bytes(text, certificate_text_keep(text, len));
    free(text);
    return fd;
}

static int open_named(const struct edition *edition, const char *path, enum open_purpose purpose)
{
    int fd = edition_open(edition, path, purpose);
    return fd >= 0 && purpose == OPEN_READ && names_authorities(edition->config, path) ? only_certificates(fd) : fd;
}

/* A file that is a certificate's as well: the certificates in it, though it may hold a key, too. */
static const struct pair *pair_at(const struct sight *sight, const char *path)
{
    const struct pair *pair = NULL;
    for (size_t i = 0; pair == NULL && i < lengthof(sight->at); i++)
        pair = sight->at[i] != NULL ? pairs_of_certificate(&sight->at[i]->pairs, path) : NULL;
    return pair;
}

static bool is_key(const struct sight *sight, const char *path)
{
    for (size_t i = 0; i < lengthof(sight->at); i++)
        if (sight->at[i] != NULL && pairs_have_key(&sight->at[i]->pairs, path))
            return true;
    return false;
}

static int open_for(const struct sight *sight, const char *path, enum open_purpose purpose)
{
    const struct pair *pair = purpose == OPEN_READ ? pair_at(sight, path) : NULL;
    int fd = -1;
    if (pair != NULL)
        return pair_files_open(&pair->files);
    errno = EACCES;
    if (is_key(sight, path))
        return -1;
    for (size_t i = 0; fd < 0 && errno == EACCES && i < lengthof(sight->at); i++)
        if (sight->at[i] != NULL)
            fd = open_named(sight->at[i], path, purpose);
    return fd;
}

static int open_certificate(const struct supervisor *supervisor, const struct child *child)
{
    const struct wanted wanted = want(supervisor, child);
    errno = EACCES;
    return wanted.files != NULL ? pair_files_open(wanted.files) : -1;
}

static void serve_file(struct supervisor *supervisor, struct child *child)
{
    const struct message *message = &supervisor->message;
    const struct sight sight = sight_of(supervisor, child);
    int fd = message->kind == MESSAGE_CERTIFICATE
                 ? open_certificate(supervisor, child)
                 : open_for(&sight, message->bytes, (enum open_purpose)message->number);
    struct letter_to answer = {
        .kind = MESSAGE_OPENED, .number = fd < 0 ? (uint32_t)errno : 0, .with_fd = true, .fd = fd};
    if (!channel_send(child->files, &answer))
        kill(child->pid, SIGKILL);
    if (fd >= 0)
        close(fd);
}

/* More than anybody reads is from a worker that means harm. */
static void add_told(struct text *told, struct str more)
{
    enum { TOLD_MAX = 256 * 1024 };
    if (told->len < TOLD_MAX)
        text_add(told, str_head(more, TOLD_MAX - told->len));
}

static void take_news(struct supervisor *supervisor, struct child *child)
{
    const struct message *message = &supervisor->message;
    struct change *change = &supervisor->change;
    if (message->kind == MESSAGE_CHALLENGE_SET)
        ordering_challenge_is_set(supervisor, message->number, message->index == 0);
    if (change->kind == CHANGE_NONE || change->child != child)
        return;
    if (message->kind == MESSAGE_TEXT)
        add_told(&change->told, str_from(message->bytes, message->len));
    else if (message->number != change->number)
        return;
    else if (message->kind == MESSAGE_LOADED && change->step == CHANGE_LOADING)
        change_loaded(supervisor);
    else if (message->kind == MESSAGE_FAILED && change->step == CHANGE_LOADING)
        change_failed(supervisor);
    else if (message->kind == MESSAGE_ADOPTED && change->step == CHANGE_ADOPTING)
        change_adopted(supervisor);
}

static bool receive(struct supervisor *supervisor, int channel)
{
    if (channel_receive(channel, false, &supervisor->message) != RECEIVED_MESSAGE)
        return false;
    if (supervisor->message.fd >= 0) /* a worker has nothing to pass */
        close(supervisor->message.fd);
    return true;
}

void child_read(struct supervisor *supervisor, struct child *child)
{
    while (child->pid != 0 && receive(supervisor, child->files)) {
        if (supervisor->message.kind == MESSAGE_OPEN || supervisor->message.kind == MESSAGE_CERTIFICATE)
            serve_file(supervisor, child);
        else
            serve_keeper(supervisor, child);
    }
    while (child->pid != 0 && receive(supervisor, child->channel))
        take_news(supervisor, child);
}

static struct child *find_child(struct supervisor *supervisor, pid_t pid)
{
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid == pid)
            return &supervisor->children[i];
    return NULL;
}

void children_reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (aide_lost(&supervisor->keeping.aide, pid, status) || aide_lost(&supervisor->ordering.aide, pid, status))
            continue;
        struct child *child = find_child(supervisor, pid);
        if (child == NULL)
            continue;
        child_read(supervisor, child); /* its last words */
        supervisor_lost(supervisor, child, status);
        close(child->channel);
        close(child->files);
        edition_unref(child->serving);
        *child = (struct child){.pid = 0, .channel = -1, .files = -1};
    }
}

bool children_are_gone(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid != 0)
            return false;
    return true;
}
