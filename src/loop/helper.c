#include "loop/helper.h"

#include "base/must.h"

#include <pthread.h>
#include <stdbool.h>

enum { THREADS_MAX = 4 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static struct helper_job *queue;
static struct helper_job **queue_end = &queue;
static pthread_t threads[THREADS_MAX];
static unsigned thread_count;
static unsigned idle_count;
static bool is_ending;

/* A letter can be here before the one who posts it has rung the loop's bell. `done` may be the last that the loop waits
   for, and the bell is closed with it: so the helper is let through first. */
static void bring_back(struct letter *letter)
{
    struct helper_job *job = container_of(letter, struct helper_job, letter);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    job->done(job);
}

static struct helper_job *take_job(void)
{
    while (queue == NULL && !is_ending) {
        idle_count++;
        pthread_cond_wait(&news, &lock);
        idle_count--;
    }
    struct helper_job *job = queue;
    if (job != NULL) {
        queue = job->next;
        if (queue == NULL)
            queue_end = &queue;
    }
    return job;
}

/* Under the lock, so that the loop does not end while it is posted to. */
static bool send_home(struct helper_job *job)
{
    if (job->home == NULL)
        return false;
    job->letter.deliver = bring_back;
    loop_post(job->home, &job->letter);
    return true;
}

static void *serve(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    struct helper_job *job;
    while ((job = take_job()) != NULL) {
        if (job->home != NULL) {
            pthread_mutex_unlock(&lock);
            job->work(job);
            pthread_mutex_lock(&lock);
        }
        if (!send_home(job))
            job->done(job);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void helper_abandon(struct helper_job *job)
{
    pthread_mutex_lock(&lock);
    job->home = NULL;
    pthread_mutex_unlock(&lock);
}

void helper_give(struct helper_job *job)
{
    job->home = loop_current();
    job->next = NULL;
    pthread_mutex_lock(&lock);
    *queue_end = job;
    queue_end = &job->next;
    if (idle_count == 0 && thread_count < THREADS_MAX)
        must(pthread_create(&threads[thread_count++], NULL, serve, NULL) == 0);
    pthread_cond_signal(&news);
    pthread_mutex_unlock(&lock);
}

void helper_shutdown(void)
{
    pthread_mutex_lock(&lock);
    is_ending = true;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
    while (thread_count > 0)
        pthread_join(threads[--thread_count], NULL);
    is_ending = false;
}
