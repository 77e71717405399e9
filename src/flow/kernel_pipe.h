/*
 * The thread's few kernel pipes for splice(). One is borrowed only while bytes are in it. A user that is not root may
 * have 16,384 pipe pages in all, hence at most 64 pipes a thread of 256 KiB each; when none is free, bytes are copied
 * instead.
 */
#ifndef FLOW_KERNEL_PIPE_H
#define FLOW_KERNEL_PIPE_H

#include <stddef.h>

struct kernel_pipe {
    struct kernel_pipe *next;
    int out; /* read end */
    int in;  /* write end */
    size_t size;
    size_t held; /* bytes inside */
};

/* NULL: none is free. */
struct kernel_pipe *kernel_pipe_take(void);
/* One that still holds bytes is closed rather than kept. */
void kernel_pipe_give(struct kernel_pipe *pipe);
void kernel_pipe_thread_done(void);

#endif
