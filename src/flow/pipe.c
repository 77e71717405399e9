#include "flow/pipe.h"

#include "base/calls.h"
#include "base/memory.h"
#include "base/must.h"
#include "flow/kernel_pipe.h"

#include <errno.h>
#include <fcntl.h>

enum {
    ROOM = 64 * 1024,           /* read at once, and so ahead of the sink at most … */
    CALM_PERCENT = 50,          /* … unless more of the memory than this is in use: one block then */
    BUDGET = 1024 * 1024,       /* bytes a turn, so that one stream does not keep the others waiting … */
    MOVES_MAX = 8,              /* … also when few bytes come of many that are read (small chunks) */
    SPLICE_KNOWN = 32 * 1024,   /* splice a body of which at least so much is known to come */
    SPLICE_UNKNOWN = 64 * 1024, /* … or of which so much has come */
};

void pipe_init(struct pipe *pipe, struct source *source, struct sink *sink)
{
    *pipe = (struct pipe){.source = source, .sink = sink};
}

void pipe_fini(struct pipe *pipe)
{
    buffer_clear(&pipe->buffer);
    if (pipe->kernel != NULL)
        kernel_pipe_give(pipe->kernel);
    pipe->kernel = NULL;
}

static enum flow wait_for(struct pipe *pipe, enum pipe_end end)
{
    pipe->waits_for = end;
    return FLOW_WAIT;
}

static enum flow fail(struct pipe *pipe, enum pipe_end end)
{
    pipe->failed = end;
    return FLOW_FAIL;
}

/* With an empty buffer this sends what the sink has queued (a head whose body is not there yet). */
static enum flow deliver(struct pipe *pipe, struct task *who)
{
    size_t before = pipe->buffer.len;
    enum flow flow = pipe->sink->ops->write(pipe->sink, &pipe->buffer, who);
    pipe->delivered += before - pipe->buffer.len;
    if (flow == FLOW_FAIL)
        return fail(pipe, PIPE_SINK);
    return flow == FLOW_WAIT ? wait_for(pipe, PIPE_SINK) : flow;
}

static enum flow finish(struct pipe *pipe, struct task *who)
{
    size_t before = pipe->buffer.len;
    enum flow flow = pipe->sink->ops->finish(pipe->sink, &pipe->buffer, who);
    pipe->delivered += before - pipe->buffer.len;
    if (flow == FLOW_FAIL)
        return fail(pipe, PIPE_SINK);
    if (flow == FLOW_END)
        pipe->state = PIPE_DONE;
    return flow == FLOW_WAIT ? wait_for(pipe, PIPE_SINK) : flow;
}

static size_t room(void)
{
    return memory_pressure() < CALM_PERCENT ? ROOM : BLOCK_SIZE;
}

/* What is to come is worth a splice, as far as the source is concerned. */
static bool is_long(struct pipe *pipe, struct shortcut *from)
{
    if (pipe->source->ops->shortcut == NULL || !pipe->source->ops->shortcut(pipe->source, from))
        return false;
    return from->most == UINT64_MAX ? pipe->moved >= SPLICE_UNKNOWN : from->most >= SPLICE_KNOWN;
}

static bool may_splice(struct pipe *pipe, struct shortcut *from, struct shortcut *to)
{
    const struct sink_ops *sink = pipe->sink->ops;
    return pipe->buffer.len == 0 && is_long(pipe, from) && sink->shortcut != NULL && sink->shortcut(pipe->sink, to);
}

static void forget_behind(struct buffer *buffer, size_t len)
{
    struct buffer kept;
    buffer_init(&kept);
    buffer_move(&kept, buffer, len);
    buffer_clear(buffer);
    *buffer = kept;
}

/* Behind the last bytes of a stream its end may be there. What was read before a failure is handed on, and the source
   will say again that it failed; what comes with it is not: it may be more than is allowed. */
static enum flow read_again(struct pipe *pipe, size_t most, struct task *who)
{
    size_t before = pipe->buffer.len;
    enum flow got = pipe->source->ops->read(pipe->source, &pipe->buffer, most, who);
    if (got != FLOW_FAIL)
        return got;
    forget_behind(&pipe->buffer, before);
    return FLOW_MORE;
}

/* Reads twice when the first time was not all that fits. */
static enum flow read_some(struct pipe *pipe, struct task *who)
{
    struct shortcut from;
    size_t before = pipe->buffer.len, most = room();
    enum flow got = pipe->source->ops->read(pipe->source, &pipe->buffer, most, who);
    size_t len = pipe->buffer.len - before;
    if (got == FLOW_MORE && len > 0 && len < most && !is_long(pipe, &from))
        got = read_again(pipe, most - len, who);
    pipe->moved += pipe->buffer.len - before;
    return got;
}

/* Reads, then hands on what came at once: the last bytes and the end often come together, and so can leave together. */
static enum flow copy(struct pipe *pipe, struct task *who)
{
    enum flow got = read_some(pipe, who);
    if (got == FLOW_FAIL)
        return fail(pipe, PIPE_SOURCE);
    if (got == FLOW_END) {
        pipe->state = PIPE_FINISHING;
        return finish(pipe, who);
    }
    enum flow sent = deliver(pipe, who);
    if (sent != FLOW_MORE)
        return sent;
    return got == FLOW_WAIT ? wait_for(pipe, PIPE_SOURCE) : FLOW_MORE;
}

/* The bytes in the kernel's pipe to the sink. MORE: it is empty, and given back. */
static enum flow splice_out(struct pipe *pipe, struct task *who)
{
    struct shortcut to;
    must(pipe->sink->ops->shortcut(pipe->sink, &to));
    struct kernel_pipe *kernel = pipe->kernel;
    while (kernel->held > 0) {
        if (!to.ready->may_write) {
            to.ready->writer = who;
            return wait_for(pipe, PIPE_SINK);
        }
        ssize_t n = call_splice(kernel->out, to.fd, kernel->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n > 0) {
            kernel->held -= (size_t)n;
            pipe->delivered += (uint64_t)n;
            pipe->sink->ops->took(pipe->sink, (uint64_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            to.ready->may_write = false;
        } else if (n == 0 || errno != EINTR) {
            return fail(pipe, PIPE_SINK);
        }
    }
    kernel_pipe_give(kernel);
    pipe->kernel = NULL;
    return FLOW_MORE;
}

/* Of the connection, and told by the kernel this once: without a note the next read would take what follows for a clean
   end. */
static void note_error(const struct shortcut *from, int error)
{
    if (error == EINTR || error == EAGAIN || error == EINVAL || error == ENOMEM)
        return;
    if (*from->error == 0)
        *from->error = error;
    from->ready->may_read = true;
}

/* From the source's descriptor into the kernel's pipe. An end or an error is left to the source's own read(), which
   knows what it means. The first time it is tried whatever is known: what was read before, with a head, may have been
   all there was, but for a reset that came in the same event (net/tcp.c) and is told by nothing else. */
static enum flow splice_in(struct pipe *pipe, const struct shortcut *from, struct task *who)
{
    struct kernel_pipe *kernel = pipe->kernel;
    if (!from->ready->may_read && pipe->has_spliced) {
        from->ready->reader = who;
        return wait_for(pipe, PIPE_SOURCE);
    }
    pipe->has_spliced = true;
    size_t most = from->most < kernel->size ? (size_t)from->most : kernel->size;
    ssize_t n = call_splice(from->fd, kernel->in, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        kernel->held = (size_t)n;
        pipe->moved += (uint64_t)n;
        pipe->source->ops->took(pipe->source, (uint64_t)n);
        return FLOW_MORE;
    }
    if (n < 0 && errno == EAGAIN && !from->ready->is_closed) {
        from->ready->may_read = false;
        from->ready->reader = who;
        return wait_for(pipe, PIPE_SOURCE);
    }
    if (n < 0)
        note_error(from, errno);
    return FLOW_END;
}

static enum flow splice_some(struct pipe *pipe, const struct shortcut *from, struct task *who)
{
    pipe->kernel = kernel_pipe_take();
    if (pipe->kernel == NULL)
        return copy(pipe, who);
    enum flow flow = splice_in(pipe, from, who);
    if (flow == FLOW_MORE)
        return splice_out(pipe, who);
    kernel_pipe_give(pipe->kernel);
    pipe->kernel = NULL;
    return flow == FLOW_END ? copy(pipe, who) : flow;
}

static enum flow move(struct pipe *pipe, struct task *who)
{
    struct shortcut from, to;
    if (pipe->kernel != NULL)
        return splice_out(pipe, who);
    if (pipe->state == PIPE_FINISHING)
        return finish(pipe, who);
    if (pipe->buffer.len > 0 || pipe->waits_for == PIPE_SINK) { /* which may still have in it what it was given */
        enum flow sent = deliver(pipe, who);
        if (sent != FLOW_MORE)
            return sent;
        pipe->waits_for = PIPE_SOURCE;
    }
    return may_splice(pipe, &from, &to) ? splice_some(pipe, &from, who) : copy(pipe, who);
}

enum flow pipe_run(struct pipe *pipe, struct task *who)
{
    if (pipe->state == PIPE_DONE)
        return FLOW_END;
    uint64_t until = pipe->moved + BUDGET;
    for (unsigned moves = 0; pipe->moved < until && moves < MOVES_MAX; moves++) {
        enum flow flow = move(pipe, who);
        if (flow != FLOW_MORE)
            return flow;
    }
    return FLOW_MORE;
}
