#include "flow/inflate_file.h"

#include "base/must.h"
#include "flow/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_SIZE = 64 * 1024, WHY_SIZE = 96 };

struct inflate_file {
    int fd;
    bool is_begun;
    bool is_at_end; /* of the descriptor */
    bool is_inside; /* a member has begun and is not complete */
    bool has_failed;
    uint64_t left;
    const struct unpack_ops *ops; /* NULL: plain */
    void *state;
    unsigned char *in; /* what was read and not yet unpacked */
    size_t in_at;
    size_t in_len;
    char why[WHY_SIZE];
};

struct inflate_file *inflate_file_new(int taken, uint64_t limit)
{
    struct inflate_file *file = must_calloc(1, sizeof *file);
    file->fd = taken;
    file->left = limit;
    file->in = must_alloc(IN_SIZE);
    return file;
}

void inflate_file_free(struct inflate_file *file)
{
    if (file == NULL)
        return;
    if (file->state != NULL)
        file->ops->close(file->state);
    close(file->fd);
    free(file->in);
    free(file);
}

bool inflate_file_is_packed(const struct inflate_file *file)
{
    return file->ops != NULL;
}

const char *inflate_file_why(const struct inflate_file *file)
{
    return file->why;
}

static ssize_t fail(struct inflate_file *file, const char *what, const char *which)
{
    file->has_failed = true;
    snprintf(file->why, sizeof file->why, "%s%s", which, what);
    return -1;
}

static ssize_t read_some(struct inflate_file *file, void *into, size_t room)
{
    ssize_t n;
    do
        n = read(file->fd, into, room);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fail(file, strerror(errno), "");
    file->is_at_end = n == 0;
    return n;
}

static bool fill(struct inflate_file *file)
{
    file->in_at = 0;
    file->in_len = 0;
    ssize_t n = read_some(file, file->in, IN_SIZE);
    file->in_len = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

static bool begins_with(const struct inflate_file *file, const struct unpack_ops *ops)
{
    return file->in_len >= ops->magic_len && memcmp(file->in, ops->magic, ops->magic_len) == 0;
}

static bool begin(struct inflate_file *file)
{
    static const struct unpack_ops *const all[] = {&unpack_gzip, &unpack_zstd};
    file->is_begun = true;
    if (!fill(file))
        return false;
    for (size_t i = 0; i < lengthof(all); i++) {
        if (!begins_with(file, all[i]))
            continue;
        if (all[i]->open == NULL)
            return fail(file, " is not built into this gatehouse", all[i]->name) == 0;
        file->ops = all[i];
        file->state = all[i]->open();
    }
    return true;
}

static ssize_t read_plain(struct inflate_file *file, char *into, size_t room)
{
    if (file->in_at == file->in_len)
        return file->is_at_end ? 0 : read_some(file, into, room);
    size_t len = file->in_len - file->in_at;
    len = len < room ? len : room;
    memcpy(into, file->in + file->in_at, len);
    file->in_at += len;
    return (ssize_t)len;
}

static ssize_t read_packed(struct inflate_file *file, char *into, size_t room)
{
    for (;;) {
        if (file->in_at == file->in_len && !file->is_at_end && !fill(file))
            return -1;
        bool is_over = file->in_at == file->in_len;
        if (is_over && !file->is_inside)
            return 0;
        struct unpack_step step = {file->in + file->in_at, file->in_len - file->in_at, into, room};
        enum unpack_result result = file->ops->step(file->state, &step);
        file->in_at = file->in_len - step.in_len;
        if (result == UNPACK_BAD)
            return fail(file, " data is damaged", file->ops->name);
        file->is_inside = result == UNPACK_MORE;
        if (step.out_room < room)
            return (ssize_t)(room - step.out_room);
        if (is_over && file->is_inside)
            return fail(file, " data ends too early", file->ops->name);
    }
}

ssize_t inflate_file_read(struct inflate_file *file, char *into, size_t room)
{
    if (file->has_failed || (!file->is_begun && !begin(file)))
        return -1;
    ssize_t n = file->ops != NULL ? read_packed(file, into, room) : read_plain(file, into, room);
    if (n > 0 && (uint64_t)n > file->left)
        return fail(file, "there is more text in it than may be", "");
    file->left -= n > 0 ? (uint64_t)n : 0;
    return n;
}
