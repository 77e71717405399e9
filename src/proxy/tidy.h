/*
 * Gives back to the system what a thread kept ready of memory and nobody wanted for a while. A timer that runs only as
 * long as there may be something: an idle worker sleeps.
 */
#ifndef PROXY_TIDY_H
#define PROXY_TIDY_H

#include "loop/timer.h"

struct tidy {
    struct task task;
    struct timer timer;
};

void tidy_init(struct tidy *tidy);
void tidy_fini(struct tidy *tidy);

void tidy_start(struct tidy *tidy);
/* Work begins, which takes memory; or ends, which gives it back to the thread. */
static inline void tidy_soon(struct tidy *tidy)
{
    if (!timer_is_set(&tidy->timer))
        tidy_start(tidy);
}

#endif
