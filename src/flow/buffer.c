#include "flow/buffer.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/object.h"
#include "base/spares.h"

#include <stdlib.h>

/* A block when it has room (`limit` is not NULL): its bytes follow the header. Else a reference. A part of either that
   was moved to another buffer is a reference whose owner is the slice it is a part of. */
struct slice {
    struct slice *next;
    char *at;    /* first byte not yet drained; of a reference it is only read through */
    char *end;   /* behind the last byte: where a block's room begins */
    char *limit; /* where it ends */
    size_t refs; /* the buffer that holds it, and its parts elsewhere */
    void (*release)(void *owner);
    void *owner;
    char data[];
};

/* What a reference of buffer_compact() refers to. */
struct compact {
    size_t size; /* of the whole allocation */
    char data[];
};

enum {
    COMPACT_MAX = BLOCK_SIZE / 2, /* of more a block is not too much */
    COPY_MAX = 2048, /* so few bytes are copied rather than handed over or referenced: a block would be held for them */
#ifdef SANITIZED
    BLOCKS_MAX = 0, /* a use after the release is seen only in memory that was really freed */
    REFERENCES_MAX = 0,
#else
    BLOCKS_MAX = 128, /* spare ones of a thread */
    REFERENCES_MAX = 256,
#endif
};

static _Thread_local struct spares blocks, references;

static struct slice *take(struct spares *spares, size_t size)
{
    memory_count((ptrdiff_t)size);
    object_count_up(OBJECT_SLICE);
    return spares_take(spares, size);
}

static void give(struct spares *spares, struct slice *slice, size_t size, unsigned max)
{
    memory_count(-(ptrdiff_t)size);
    object_count_down(OBJECT_SLICE);
    spares_give(spares, slice, max);
}

size_t buffer_thread_spare(void)
{
    return blocks.count * (sizeof(struct slice) + BLOCK_SIZE) + references.count * sizeof(struct slice);
}

size_t buffer_thread_trim(void)
{
    return spares_trim(&blocks) * (sizeof(struct slice) + BLOCK_SIZE) + spares_trim(&references) * sizeof(struct slice);
}

void buffer_thread_done(void)
{
    spares_free(&blocks);
    spares_free(&references);
}

static struct slice *block_new(void)
{
    struct slice *block = take(&blocks, sizeof *block + BLOCK_SIZE);
    block->next = NULL;
    block->at = block->end = block->data;
    block->limit = block->data + BLOCK_SIZE;
    block->refs = 1;
    return block;
}

static struct slice *reference_new(struct str bytes, void (*release)(void *owner), void *owner)
{
    struct slice *slice = take(&references, sizeof *slice);
    char *at = (char *)(uintptr_t)bytes.at; /* not written to: there is no room behind */
    *slice = (struct slice){.at = at, .end = at + bytes.len, .refs = 1, .release = release, .owner = owner};
    return slice;
}

static void slice_unref(void *of)
{
    struct slice *slice = of;
    if (--slice->refs > 0)
        return;
    if (slice->limit != NULL) {
        give(&blocks, slice, sizeof *slice + BLOCK_SIZE, BLOCKS_MAX);
        return;
    }
    void (*release)(void *owner) = slice->release;
    void *owner = slice->owner;
    give(&references, slice, sizeof *slice, REFERENCES_MAX);
    if (release != NULL)
        release(owner);
}

static size_t slice_len(const struct slice *slice)
{
    return (size_t)(slice->end - slice->at);
}

static size_t slice_room(const struct slice *slice)
{
    return slice == NULL || slice->limit == NULL ? 0 : (size_t)(slice->limit - slice->end);
}

/* Frees a chain of slices. */
static void drop_chain(struct slice *slice)
{
    while (slice != NULL) {
        struct slice *next = slice->next;
        slice_unref(slice);
        slice = next;
    }
}

static void append(struct buffer *buffer, struct slice *slice)
{
    if (buffer->last != NULL)
        buffer->last->next = slice;
    else
        buffer->first = slice;
    buffer->last = slice;
}

void buffer_clear(struct buffer *buffer)
{
    drop_chain(buffer->first);
    buffer_init(buffer);
}

/* Room. While it is handed out, blocks that were taken for it hang behind `last`, which stays the last with bytes in it
   (or is the first of those blocks, in an empty buffer). */

static struct slice *reserve_after(struct buffer *buffer, struct slice *last)
{
    if (last == NULL)
        return buffer->first = buffer->last = block_new();
    if (last->next == NULL)
        last->next = block_new();
    return last->next;
}

char *buffer_room(struct buffer *buffer, size_t least, size_t *ret_room)
{
    must(least <= BLOCK_SIZE);
    struct slice *slice = buffer->last;
    size_t room = slice_room(slice);
    if (room == 0 || room < least) {
        if (room > 0)
            slice->limit = slice->end; /* what is filled next is behind it */
        slice = reserve_after(buffer, slice);
    }
    *ret_room = slice_room(slice);
    return slice->end;
}

int buffer_room_iov(struct buffer *buffer, size_t room, struct iovec *iov, int max)
{
    struct slice *slice = buffer->last;
    int count = 0;
    if (slice_room(slice) == 0)
        slice = reserve_after(buffer, slice);
    while (count < max && room > 0) {
        size_t piece = slice_room(slice) < room ? slice_room(slice) : room;
        iov[count++] = (struct iovec){.iov_base = slice->end, .iov_len = piece};
        room -= piece;
        if (count < max && room > 0)
            slice = reserve_after(buffer, slice);
    }
    return count;
}

void buffer_fill(struct buffer *buffer, size_t written)
{
    struct slice *slice = buffer->last;
    buffer->len += written;
    if (written > 0 && slice->next == NULL && slice_room(slice) >= written) { /* as it mostly is */
        slice->end += written;
        return;
    }
    while (written > 0) {
        must(slice != NULL);
        size_t piece = slice_room(slice) < written ? slice_room(slice) : written;
        if (piece > 0) {
            slice->end += piece;
            written -= piece;
            buffer->last = slice;
        }
        slice = slice->next;
    }
    if (buffer->len == 0) {
        buffer_clear(buffer);
        return;
    }
    drop_chain(buffer->last->next);
    buffer->last->next = NULL;
}

void buffer_add(struct buffer *buffer, struct str bytes)
{
    while (bytes.len > 0) {
        size_t room;
        char *into = buffer_room(buffer, 1, &room);
        size_t piece = room < bytes.len ? room : bytes.len;
        memcpy(into, bytes.at, piece);
        buffer_fill(buffer, piece);
        bytes = str_skip(bytes, piece);
    }
}

void buffer_add_reference(struct buffer *buffer, struct str bytes, void (*release)(void *owner), void *owner)
{
    if (bytes.len == 0) {
        if (release != NULL)
            release(owner);
        return;
    }
    append(buffer, reference_new(bytes, release, owner));
    buffer->len += bytes.len;
}

struct str buffer_front(const struct buffer *buffer)
{
    return buffer->len == 0 ? STR_NONE : str_from(buffer->first->at, slice_len(buffer->first));
}

int buffer_iov_behind(const struct buffer *buffer, size_t skip, struct iovec *iov, int max)
{
    int count = 0;
    size_t left = buffer->len;
    for (struct slice *slice = buffer->first; left > 0 && count < max; slice = slice->next) {
        size_t len = slice_len(slice), passed = skip < len ? skip : len;
        skip -= passed;
        left -= len;
        if (passed < len)
            iov[count++] = (struct iovec){.iov_base = slice->at + passed, .iov_len = len - passed};
    }
    return count;
}

int buffer_iov(const struct buffer *buffer, struct iovec *iov, int max)
{
    return buffer_iov_behind(buffer, 0, iov, max);
}

/* Takes the first slice out. */
static struct slice *detach_first(struct buffer *buffer)
{
    struct slice *slice = buffer->first;
    buffer->len -= slice_len(slice);
    buffer->first = slice->next;
    if (buffer->first == NULL)
        buffer->last = NULL;
    slice->next = NULL;
    return slice;
}

void buffer_drop(struct buffer *buffer, size_t len)
{
    must(len <= buffer->len);
    while (len > 0) {
        size_t piece = slice_len(buffer->first);
        if (piece > len) {
            buffer->first->at += len;
            buffer->len -= len;
            return;
        }
        slice_unref(detach_first(buffer));
        len -= piece;
    }
}

/* A reference to the first bytes of a slice, which lives on until the last of its parts is gone. */
static struct slice *part_of(struct slice *slice, size_t len)
{
    bool is_part = slice->limit == NULL && slice->release == slice_unref;
    struct slice *owner = is_part ? slice->owner : slice;
    owner->refs++;
    return reference_new(str_from(slice->at, len), slice_unref, owner);
}

static void move_part(struct buffer *to, struct buffer *from, size_t len)
{
    append(to, part_of(from->first, len));
    to->len += len;
    buffer_drop(from, len);
}

static void move_slice(struct buffer *to, struct buffer *from)
{
    size_t len = slice_len(from->first);
    append(to, detach_first(from));
    to->len += len;
}

/* Few bytes are copied when there is room for them, or when they are a part: else a peer that sends a byte at a time
   would make us hold a block for each. */
void buffer_move(struct buffer *to, struct buffer *from, size_t len)
{
    must(len <= from->len);
    while (len > 0) {
        size_t whole = slice_len(from->first);
        size_t piece = whole < len ? whole : len;
        if (piece <= COPY_MAX && (piece < whole || slice_room(to->last) >= piece)) {
            buffer_add(to, str_from(from->first->at, piece));
            buffer_drop(from, piece);
        } else if (piece < whole) {
            move_part(to, from, piece);
        } else {
            move_slice(to, from);
        }
        len -= piece;
    }
}

static void release_compact(void *owner)
{
    struct compact *compact = owner;
    memory_count(-(ptrdiff_t)compact->size);
    free(compact);
}

static bool is_compact(const struct buffer *buffer)
{
    return buffer->len == 0 || (buffer->first == buffer->last && buffer->first->release == release_compact);
}

void buffer_compact(struct buffer *buffer)
{
    if (buffer->len > COMPACT_MAX || is_compact(buffer))
        return;
    size_t len = 0, size = sizeof(struct compact) + buffer->len;
    struct compact *compact = must_alloc(size);
    compact->size = size;
    memory_count((ptrdiff_t)size);
    for (struct slice *slice = buffer->first; slice != NULL; slice = slice->next) {
        memcpy(compact->data + len, slice->at, slice_len(slice));
        len += slice_len(slice);
    }
    buffer_clear(buffer);
    buffer_add_reference(buffer, str_from(compact->data, len), release_compact, compact);
}
