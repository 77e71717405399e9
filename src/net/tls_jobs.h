/*
 * The stacks on which handshakes run that the keeper may have to sign for: a handshake that waits for it keeps its own
 * (ASYNC_start_job(3)). A thread has so many at most, and those that find none wait in a line. They are kept for the
 * next handshakes, until they are given back.
 *
 * All of the calling thread.
 */
#ifndef NET_TLS_JOBS_H
#define NET_TLS_JOBS_H

#include "base/list.h"

#include <stddef.h>

struct task;

/* A handshake, from tls_job_begin() until tls_job_end(). It must not move. */
struct tls_job {
    struct list in_line;
    struct task *who;
};

void tls_job_begin(struct tls_job *job);
void tls_job_end(struct tls_job *job);

/* There was no stack: `who` is woken when it may be tried again. */
void tls_job_wait(struct tls_job *job, struct task *who);
/* It is tried again, or given up. */
void tls_job_stop_waiting(struct tls_job *job);
/* A stack is free again, or was not needed: the next one in the line may try. */
void tls_jobs_feed(void);

/* What is kept: bytes, at most; 0 when it is little. */
size_t tls_jobs_spare(void);
/* Gives it back when no handshake is under way; how many bytes. */
size_t tls_jobs_trim(void);
/* At the end of a thread. */
void tls_jobs_done(void);

#endif
