/*
 * The process that is started: holds the listening sockets, starts the worker and starts it again when it dies, carries
 * signals and commands to it, opens files for it. It reads the configuration and nothing else; no byte of the network
 * is looked at here.
 *
 *   SIGHUP            reload            SIGTERM, SIGINT   drain; a second one: stop at once
 *   SIGUSR1           reopen the logs
 */
#ifndef PROCESS_SUPERVISOR_H
#define PROCESS_SUPERVISOR_H

#include "process/edition.h"

#include <stdbool.h>

struct supervisor_options {
    struct edition_source source;
    bool without_sandbox;     /* for debuggers and profilers */
    bool control_is_optional; /* a control socket that cannot be had is no reason not to start */
    void (*ready)(void *arg); /* once, when the worker serves for the first time; may be NULL */
    void *arg;
};

/* Runs until it is told to end. Returns the exit status: 0, or 1 when it could not start; the caller is to end with it,
   for the signals that it heard stay blocked. */
int supervisor_run(const struct supervisor_options *options);

#endif
