#include "proxy/tidy.h"

#include "base/arena.h"
#include "base/must.h"
#include "flow/buffer.h"
#include "net/tls_jobs.h"

#include <malloc.h>

enum {
    LOOK_MS = 500,
    WORTH_BYTES = 256 * 1024 /* the C library gives pages back only when asked to, and looks through its lists for it */
};

static void run(struct task *task)
{
    struct tidy *tidy = container_of(task, struct tidy, task);
    if (!timer_is_due(&tidy->timer))
        return;
    size_t freed = arena_thread_trim() + buffer_thread_trim() + tls_jobs_trim();
    if (freed >= WORTH_BYTES)
        malloc_trim(0);
    if (arena_thread_spare() + buffer_thread_spare() + tls_jobs_spare() > 0)
        timer_set(&tidy->timer, LOOK_MS);
    else
        timer_clear(&tidy->timer);
}

void tidy_init(struct tidy *tidy)
{
    task_init(&tidy->task, run);
    timer_init(&tidy->timer, &tidy->task);
}

void tidy_fini(struct tidy *tidy)
{
    timer_fini(&tidy->timer);
    task_fini(&tidy->task);
}

void tidy_start(struct tidy *tidy)
{
    timer_set(&tidy->timer, LOOK_MS);
}
