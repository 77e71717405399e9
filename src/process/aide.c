/* A process beside the workers, as its supervisor sees it: how it begins and ends, and when another follows. */
#include "process/supervisor_private.h"

#include "base/close.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EARLY_MS = 1000, END_PATIENCE_MS = 5000 };

bool aide_start(struct supervisor *supervisor, struct aide *aide, const struct aide_kind *kind,
                const struct identity *identity)
{
    int mine[2];
    pid_t pid = process_start(kind->name, mine);
    if (pid < 0) {
        fprintf(stderr, "gatehouse: %s cannot be started: %s\n", kind->name, strerror(errno));
        return false;
    }
    close(mine[1]); /* it asks for no files */
    aide->kind = kind;
    aide->pid = pid;
    aide->channel = mine[0];
    struct letter_to begin = {.kind = MESSAGE_BEGIN};
    begin.index = supervisor->options->without_sandbox ? BEGIN_WITHOUT_SANDBOX : 0;
    begin.text = str_from((const char *)identity, sizeof *identity);
    channel_send(aide->channel, &begin);
    return true;
}

bool aide_lost(struct aide *aide, pid_t pid, int status)
{
    if (pid != aide->pid)
        return false;
    close(aide->channel);
    aide->pid = 0;
    aide->channel = -1;
    if (aide->is_ending)
        return true;
    fprintf(stderr, "gatehouse: %s %ld was ended by %s %d\n", aide->kind->name, (long)pid,
            WIFSIGNALED(status) ? "signal" : "itself, with status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    int64_t now = now_ms();
    bool is_early = now - aide->lost_ms < EARLY_MS + aide->kind->delay_ms;
    aide->revive_at_ms = is_early ? now + aide->kind->delay_ms : now;
    aide->lost_ms = now;
    return true;
}

bool aide_reap(struct aide *aide)
{
    struct pollfd channel = {.fd = aide->channel};
    pid_t pid = aide->pid;
    int status = 0;
    if (pid == 0 || poll(&channel, 1, 0) <= 0 || (channel.revents & POLLHUP) == 0)
        return false;
    kill(pid, SIGKILL); /* it is ending, or of no use any more */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return aide_lost(aide, pid, status);
}

/* One that stands still would keep us from ending, too. */
static void wait_for_end(pid_t pid)
{
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (ended.fd >= 0 && poll(&ended, 1, END_PATIENCE_MS) == 0)
        kill(pid, SIGKILL);
    close_quietly(ended.fd);
    waitpid(pid, NULL, 0);
}

void aide_end(struct aide *aide)
{
    aide->is_ending = true;
    if (aide->pid == 0)
        return;
    close(aide->channel); /* it ends by that */
    wait_for_end(aide->pid);
    aide->pid = 0;
    aide->channel = -1;
}
