#include "process/supervisor_private.h"

#include "base/must.h"

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
    struct letter_to begin = {.kind = MESSAGE_BEGIN, .number = edition->threads};
    begin.index = supervisor->options->without_sandbox ? BEGIN_WITHOUT_SANDBOX : 0;
    begin.text = str_from((const char *)&edition->identity, sizeof edition->identity);
    channel_send(child->channel, &begin); /* if it cannot be sent, the process has died: SIGCHLD says so */
    return child;
}

void child_tell(struct child *child, enum message_kind kind)
{
    struct letter_to letter = {.kind = kind};
    if (!channel_send(child->channel, &letter))
        kill(child->pid, SIGKILL); /* it takes nothing any more */
}

/* A key goes to the keeper, and to nobody else. */
static bool is_key(const struct edition *edition, const char *path)
{
    const struct config *config = edition->config;
    for (size_t i = 0; i < config->tls_server_count; i++)
        for (size_t k = 0; k < config->tls_servers[i]->certificate_count; k++)
            if (strcmp(config->tls_servers[i]->certificates[k].key_path, path) == 0)
                return true;
    return false;
}

/* Of the configuration that a worker loads, or serves; NULL when neither names the key. */
static const struct edition *edition_with_key(const struct supervisor *supervisor, const struct child *child,
                                              const char *path)
{
    const struct change *change = &supervisor->change;
    if (change->child == child && change->edition != NULL && is_key(change->edition, path))
        return change->edition;
    return child->serving != NULL && is_key(child->serving, path) ? child->serving : NULL;
}

static void answer_keeper(struct child *child, enum message_kind kind, struct str text, int fd)
{
    struct letter_to answer = {.kind = kind, .text = text, .with_fd = true, .fd = fd};
    if (!channel_send(child->files, &answer))
        kill(child->pid, SIGKILL);
    if (fd >= 0)
        close(fd);
}

/* A worker asks that a key be kept, or for a line to the keeper. */
static void serve_keeper(struct supervisor *supervisor, struct child *child)
{
    struct message *message = &supervisor->message;
    char why[KEY_WHY_MAX] = "the configuration does not name it";
    struct key_id id;
    if (message->kind == MESSAGE_LINK) {
        answer_keeper(child, MESSAGE_LINK, STR_NONE, keeping_link(supervisor));
        return;
    }
    const struct edition *edition = edition_with_key(supervisor, child, message->bytes);
    int fd = edition != NULL ? opener_direct()->open(opener_direct(), message->bytes, OPEN_READ)
                             : -1; /* no byte of it is kept here */
    if (edition != NULL && fd < 0)
        snprintf(why, sizeof why, "%s", strerror(errno));
    bool is_taken = fd >= 0 && keeping_take(supervisor, fd, supervisor->generation, &id, why);
    if (fd >= 0)
        close(fd);
    answer_keeper(child, is_taken ? MESSAGE_KEY_TAKEN : MESSAGE_KEY_REFUSED,
                  is_taken ? str_from((const char *)id.bytes, sizeof id.bytes) : str_of(why), -1);
}

/* Never a key. */
static int open_named(const struct edition *edition, const char *path, enum open_purpose purpose)
{
    errno = EACCES;
    return is_key(edition, path) ? -1 : edition_open(edition, path, purpose);
}

/* Opens a path for the worker that has asked: what stands in the configuration that it loads, or serves. */
static void serve_file(struct supervisor *supervisor, struct child *child)
{
    struct message *message = &supervisor->message;
    enum open_purpose purpose = (enum open_purpose)message->number;
    const struct change *change = &supervisor->change;
    errno = EACCES;
    int fd = -1;
    if (change->child == child && change->edition != NULL)
        fd = open_named(change->edition, message->bytes, purpose);
    if (fd < 0 && errno == EACCES && child->serving != NULL)
        fd = open_named(child->serving, message->bytes, purpose);
    struct letter_to answer = {
        .kind = MESSAGE_OPENED, .number = fd < 0 ? (uint32_t)errno : 0, .with_fd = true, .fd = fd};
    if (!channel_send(child->files, &answer))
        kill(child->pid, SIGKILL);
    if (fd >= 0)
        close(fd);
}

static void take_news(struct supervisor *supervisor, struct child *child)
{
    const struct message *message = &supervisor->message;
    struct change *change = &supervisor->change;
    if (change->kind == CHANGE_NONE || change->child != child)
        return;
    if (message->kind == MESSAGE_TEXT)
        text_add(&change->told, str_from(message->bytes, message->len));
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
        if (supervisor->message.kind == MESSAGE_OPEN)
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
        if (keeping_lost(supervisor, pid, status))
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
