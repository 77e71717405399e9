/*
 * Threads for what blocks: reading files, loading a configuration. A job runs on one of a few threads and comes back to
 * the loop that gave it.
 */
#ifndef LOOP_HELPER_H
#define LOOP_HELPER_H

#include "loop/loop.h"

struct helper_job {
    void (*work)(struct helper_job *job); /* on a helper thread; touches nothing of the loop */
    void (*done)(struct helper_job *job); /* on the loop that gave the job; owns it from here */
    struct loop *home;                    /* under the lock; NULL: abandoned */
    struct letter letter;
    struct helper_job *next;
};

/* Gives the job to a helper thread; the caller's loop must live until `done` has run, or the job is abandoned. */
void helper_give(struct helper_job *job);
/* The loop that gave the job does not wait for it any more, and may end. `done` runs none the less, perhaps on a helper
   thread and at any time from now on: it frees the job, and touches nothing else. */
void helper_abandon(struct helper_job *job);
/* Waits for the threads to end what they have and ends them: at the end of the process, from the main thread. */
void helper_shutdown(void);

#endif
