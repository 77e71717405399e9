#include "flow/kernel_pipe.h"

#include "base/descriptors.h"
#include "base/must.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIPES_MAX = 64, PIPE_SIZE = 256 * 1024 };

static _Thread_local struct kernel_pipe *spares;
static _Thread_local unsigned pipe_count; /* spare and taken */

static struct kernel_pipe *open_pipe(void)
{
    int ends[2];
    if (pipe_count == PIPES_MAX || !descriptors_can_spare(2) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return NULL;
    struct kernel_pipe *pipe = must_calloc(1, sizeof *pipe);
    pipe->out = ends[0];
    pipe->in = ends[1];
    int size = fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
    if (size < 0)
        size = fcntl(ends[1], F_GETPIPE_SZ);
    pipe->size = size > 0 ? (size_t)size : 4096;
    pipe_count++;
    descriptors_other(2);
    return pipe;
}

static void close_pipe(struct kernel_pipe *pipe)
{
    close(pipe->out);
    close(pipe->in);
    free(pipe);
    pipe_count--;
    descriptors_other(-2);
}

struct kernel_pipe *kernel_pipe_take(void)
{
    struct kernel_pipe *pipe = spares;
    if (pipe == NULL)
        return open_pipe();
    spares = pipe->next;
    return pipe;
}

void kernel_pipe_give(struct kernel_pipe *pipe)
{
    if (pipe->held > 0) {
        close_pipe(pipe);
        return;
    }
    pipe->next = spares;
    spares = pipe;
}

void kernel_pipe_thread_done(void)
{
    while (spares != NULL) {
        struct kernel_pipe *pipe = spares;
        spares = pipe->next;
        close_pipe(pipe);
    }
}
