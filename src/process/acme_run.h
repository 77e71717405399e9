/*
 * An uacme that runs: a child process, what it says, and the socket of its hooks.
 */
#ifndef PROCESS_ACME_RUN_H
#define PROCESS_ACME_RUN_H

#include "base/clock.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

/* In uacme, and so in its hooks: the socket, and this program. */
enum { ACME_HOOK_CHANNEL = 3, ACME_HOOK_PROGRAM = 4 };
#define ACME_HOOK_PATH "/proc/self/fd/4"
#define ACME_HOOK_VARIABLE "GATEHOUSE_HOOK"

struct acme_run {
    pid_t pid; /* 0: none */
    int hooks;
    int output;
    struct mono until; /* then it is killed */
    bool is_overdue;   /* … as it was */
    struct text said;  /* the end of it */
};

/* Runs the program with these words (the first is its name, NULL ends them). False with errno. */
bool acme_run_start(struct acme_run *run, const char *program, char *const *words);
/* Takes what it has said. */
void acme_run_read(struct acme_run *run);
/* Kills one that overstays, once: it may take its time to die. */
void acme_run_bound(struct acme_run *run, struct mono now);
/* How long until it is to be looked at so; -1: it was killed, and nothing but its end is waited for. */
msec acme_run_left(const struct acme_run *run, struct mono now);
/* Kills it, and waits for its end. */
void acme_run_kill(struct acme_run *run);
/* After its end; it is to be started no more, or anew. */
void acme_run_fini(struct acme_run *run);

/* Why it failed, in one line: what the authority has said, else the last line and why nothing came of its request,
   without anything unprintable. At most `size` bytes, terminated. */
void acme_run_why(struct str said, char *ret, size_t size);

#endif
