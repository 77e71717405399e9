/*
 * A configuration that the worker is loading, or has loaded and not yet adopted; with what the supervisor passed for
 * it.
 */
#ifndef PROCESS_WORKER_LOAD_H
#define PROCESS_WORKER_LOAD_H

#include "conf/config.h"
#include "loop/helper.h"
#include "process/crew.h"

struct worker;

struct load {
    struct helper_job job;
    struct worker *worker; /* NULL: nobody wants it any more */
    unsigned number;
    char *path;
    struct config *previous; /* counted; lists whose files are unchanged are shared with it */
    struct config *config;   /* NULL while under way, or when it failed */
    struct text told;        /* mistakes and warnings */
    struct given *given;
    int *logs; /* a descriptor for each row of config->logs, -1 without one */
};

/* Begins on a helper thread; load_done() is called on the loop. */
struct load *load_new(struct worker *worker, unsigned number, struct str path, struct config *previous);
/* Closes and frees what was not handed on. */
void load_free(struct load *load);

/* The worker's. */
void load_done(struct load *load);

#endif
