/*
 * Moves bytes from one source to one sink: nobody reads without room, which is all there is to backpressure.
 *
 * Long unfiltered bodies whose both ends offer a descriptor are spliced through a kernel pipe (kernel_pipe.h). A body
 * begins with copying and changes over when it proves long: one of known length at once, one of unknown length after 64
 * KiB.
 */
#ifndef FLOW_PIPE_H
#define FLOW_PIPE_H

#include "flow/flow.h"

#include <stdint.h>

enum pipe_end { PIPE_SOURCE, PIPE_SINK };

enum pipe_state { PIPE_MOVING, PIPE_FINISHING, PIPE_DONE };

struct kernel_pipe;

struct pipe {
    struct source *source;
    struct sink *sink;
    struct buffer buffer;
    uint64_t moved;             /* bytes taken from the source */
    uint64_t delivered;         /* bytes the sink took */
    struct kernel_pipe *kernel; /* while bytes are in it */
    bool has_spliced;           /* off the source, or tried to */
    enum pipe_state state;
    enum pipe_end waits_for; /* after WAIT: who owes */
    enum pipe_end failed;    /* after FAIL: whose fault */
};

void pipe_init(struct pipe *pipe, struct source *source, struct sink *sink);
void pipe_fini(struct pipe *pipe);

/* Moves what it can, up to a budget a turn. MORE: the budget is used up, wake yourself. WAIT. END: the source has ended
   and the sink has finished. FAIL. */
enum flow pipe_run(struct pipe *pipe, struct task *who);

#endif
