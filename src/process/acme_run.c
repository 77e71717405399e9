#include "process/acme_run.h"

#include "base/escape.h"
#include "base/must.h"
#include "process/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* For uacme keeps whatever an authority sends. A hook with a sanitizer has terabytes. */
#ifdef SANITIZED
static const rlim_t most_memory = RLIM_INFINITY;
#else
static const rlim_t most_memory = 1024 * 1024 * 1024;
#endif

enum { PATIENCE_MS = 10 * 60 * 1000, SAID_MAX = 16 * 1024, SAFE_FD = 16, CANNOT_RUN = 127 };

/* In the new process. The numbers of what it inherits are those of acme_run.h. */
static _Noreturn void become(const char *program, char *const *words, int hooks, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    hooks = fcntl(hooks, F_DUPFD_CLOEXEC, SAFE_FD);
    output = fcntl(output, F_DUPFD_CLOEXEC, SAFE_FD);
    self = fcntl(self, F_DUPFD_CLOEXEC, SAFE_FD);
    if (dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
        dup2(hooks, ACME_HOOK_CHANNEL) < 0 || dup2(self, ACME_HOOK_PROGRAM) < 0)
        _exit(CANNOT_RUN);
    close_range(ACME_HOOK_PROGRAM + 1, ~0U, 0);
    setenv(ACME_HOOK_VARIABLE, "1", 1);
    setrlimit(RLIMIT_AS, &(struct rlimit){most_memory, most_memory});
    execv(program, words);
    dprintf(STDERR_FILENO, "%s cannot be run: %s\n", program, strerror(errno));
    _exit(CANNOT_RUN);
}

bool acme_run_start(struct acme_run *run, const char *program, char *const *words)
{
    int hooks[2], output[2];
    if (!channel_pair(hooks))
        return false;
    if (pipe2(output, O_CLOEXEC) != 0) {
        close(hooks[0]);
        close(hooks[1]);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        become(program, words, hooks[1], output[1]);
    close(hooks[1]);
    close(output[1]);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    *run = (struct acme_run){.pid = pid > 0 ? pid : 0, .hooks = hooks[0], .output = output[0]};
    clock_update();
    run->until = mono_after(clock_mono(), PATIENCE_MS);
    text_init(&run->said);
    if (pid < 0)
        acme_run_fini(run);
    return pid > 0;
}

/* The end of what is said tells why; and it may be long, since it is what a server sends. */
static void keep(struct text *said, struct str piece)
{
    if (said->len + piece.len > SAID_MAX) {
        struct text rest;
        text_init(&rest);
        text_add(&rest, str_skip(text_str(said), said->len / 2));
        text_fini(said);
        *said = rest;
    }
    text_add(said, piece);
}

void acme_run_read(struct acme_run *run)
{
    char bytes[4096];
    ssize_t got;
    while (run->output >= 0 && (got = read(run->output, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return;
        keep(&run->said, str_from(bytes, (size_t)got));
    }
    if (run->output >= 0)
        close(run->output);
    run->output = -1;
}

void acme_run_bound(struct acme_run *run, struct mono now)
{
    if (run->pid == 0 || acme_run_left(run, now) != 0)
        return;
    run->is_overdue = true;
    kill(run->pid, SIGKILL);
}

msec acme_run_left(const struct acme_run *run, struct mono now)
{
    if (run->is_overdue)
        return -1;
    msec left = mono_since(now, run->until);
    return left > 0 ? left : 0;
}

void acme_run_kill(struct acme_run *run)
{
    if (run->pid == 0)
        return;
    kill(run->pid, SIGKILL);
    while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    acme_run_fini(run);
}

void acme_run_fini(struct acme_run *run)
{
    int error = errno;
    if (run->hooks >= 0)
        close(run->hooks); /* a hook that waits ends by that */
    if (run->output >= 0)
        close(run->output);
    text_fini(&run->said);
    *run = (struct acme_run){.hooks = -1, .output = -1};
    errno = error;
}

/* The `detail` of a problem document (RFC 7807), as it stands in the JSON; at == NULL: there is none. */
static struct str detail_of(struct str said)
{
    static const struct str mark = {"\"detail\": \"", 11};
    size_t at = str_find_str(said, mark);
    if (at == said.len)
        return STR_NONE;
    struct str rest = str_skip(said, at + mark.len);
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '"')
        end += rest.at[end] == '\\' ? 2 : 1;
    return str_head(rest, end < rest.len ? end : rest.len);
}

static struct str last_line(struct str said)
{
    struct str rest = said;
    while (rest.len > 0 && rest.at[rest.len - 1] == '\n')
        rest.len--;
    size_t at = str_find_last(rest, '\n');
    struct str line = at < rest.len ? str_skip(rest, at + 1) : rest;
    return str_starts(line, STR("uacme: ")) ? str_skip(line, 7) : line;
}

/* What is told of a failure within, as "curl_get: GET URL failed: REASON", comes before the last line, and before the
   one "acme_get: curl_get failed" that ends its attempts: an attempt that went well after all has no such line. */
static struct str reason_within(struct str said)
{
    static const struct str mark = {" failed: ", 9};
    struct str rest = said, line, last = STR_NONE, reason = STR_NONE;
    while (str_cut(&rest, '\n', &line)) {
        size_t at = str_find_str(line, mark);
        if (at < line.len)
            last = str_skip(line, at + mark.len);
        else if (str_ends(line, STR(" failed")))
            reason = last;
    }
    return reason;
}

void acme_run_why(struct str said, char *ret, size_t size)
{
    struct str detail = detail_of(said), within = detail.at == NULL ? reason_within(said) : STR_NONE;
    struct text what, why;
    text_init(&what);
    text_init(&why);
    escape_log(&what, detail.at != NULL ? detail : last_line(said));
    if (what.len == 0)
        text_add_cstr(&what, "uacme has not said why");
    if (within.len > 0)
        text_add_cstr(&why, ": ");
    escape_log(&why, within);
    struct str reason = str_head(text_str(&why), size / 2), line = str_head(text_str(&what), size - 1 - reason.len);
    snprintf(ret, size, "%.*s%.*s", STR_ARGS(line), STR_ARGS(reason));
    text_fini(&what);
    text_fini(&why);
}
