#include "net/tls_jobs.h"

#include "base/must.h"
#include "loop/task.h"

#include <openssl/async.h>
#include <openssl/crypto.h>

enum { JOBS_MAX = 256, JOBS_FEW = 8, JOB_BYTES = 32 * 1024 };

static _Thread_local struct list line;
static _Thread_local bool is_prepared;
static _Thread_local unsigned under_way; /* each of which may hold one */
static _Thread_local unsigned most;      /* so many at once, since the stacks were last given back */

static void prepare(void)
{
    if (is_prepared)
        return;
    list_init(&line);
    must(ASYNC_init_thread(JOBS_MAX, 0) == 1);
    is_prepared = true;
}

void tls_job_begin(struct tls_job *job)
{
    prepare();
    list_init(&job->in_line);
    if (++under_way > most)
        most = under_way;
}

void tls_job_end(struct tls_job *job)
{
    list_remove(&job->in_line);
    under_way--;
}

void tls_job_wait(struct tls_job *job, struct task *who)
{
    job->who = who;
    list_push_back(&line, &job->in_line);
}

void tls_job_stop_waiting(struct tls_job *job)
{
    list_remove(&job->in_line);
}

void tls_jobs_feed(void)
{
    if (!is_prepared || list_is_empty(&line))
        return;
    struct tls_job *first = container_of(line.next, struct tls_job, in_line);
    list_remove(&first->in_line); /* who is woken for the next stack that is free is another one */
    task_wake(first->who);
}

size_t tls_jobs_spare(void)
{
    unsigned stacks = most < JOBS_MAX ? most : JOBS_MAX;
    return is_prepared && stacks > JOBS_FEW ? (size_t)stacks * JOB_BYTES : 0;
}

/* ASYNC_cleanup_thread() alone would leave a few bytes behind each time that the thread is prepared again. */
void tls_jobs_done(void)
{
    if (is_prepared)
        OPENSSL_thread_stop();
    is_prepared = false;
    most = 0;
}

size_t tls_jobs_trim(void)
{
    size_t freed = under_way == 0 ? tls_jobs_spare() : 0;
    if (freed > 0)
        tls_jobs_done();
    return freed;
}
