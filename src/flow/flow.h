/*
 * Where bytes come from and where they go. Embedded as the first member of whatever produces or takes them.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "flow/buffer.h"
#include "loop/ready.h"
#include "loop/task.h"

#include <stdint.h>

struct source;
struct sink;

/* A way round user space: a descriptor whose next `most` bytes are pure body. */
struct shortcut {
    int fd;
    struct ready *ready;
    int *error; /* of a source: where an errno of the descriptor is noted, which its read() then fails with */
    uint64_t most;
};

struct source_ops {
    /* Appends up to `room` bytes to `into`. MORE: poll again. WAIT: `who` will be woken. END: nothing more will come
       (bytes may have been appended by this call). FAIL: the source says why, and fails again when it is read again. */
    enum flow (*read)(struct source *source, struct buffer *into, size_t room, struct task *who);
    /* True when the next bytes may be spliced off a descriptor; NULL: never. */
    bool (*shortcut)(struct source *source, struct shortcut *ret);
    /* `len` bytes were taken by the shortcut. */
    void (*took)(struct source *source, uint64_t len);
};

struct sink_ops {
    /* Takes bytes from the front of `from`. MORE: all were taken. WAIT: the rest waits for room. FAIL. */
    enum flow (*write)(struct sink *sink, struct buffer *from, struct task *who);
    /* No more bytes will come than those in `last`, all of which are taken by the first call: so the last bytes and the
       end of the framing leave together. END: everything is on its way. WAIT, FAIL. */
    enum flow (*finish)(struct sink *sink, struct buffer *last, struct task *who);
    bool (*shortcut)(struct sink *sink, struct shortcut *ret);
    void (*took)(struct sink *sink, uint64_t len);
};

struct source {
    const struct source_ops *ops;
};

struct sink {
    const struct sink_ops *ops;
};

#endif
