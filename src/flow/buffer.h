/*
 * Bytes on their way: a list of slices. A slice is a pooled block of 16 KiB that is being filled and emptied, or memory
 * of somebody else's (a cached object, a page) that is referenced and never copied.
 *
 * An empty buffer holds nothing: blocks come from the thread's pool and go back as soon as they are drained.
 */
#ifndef FLOW_BUFFER_H
#define FLOW_BUFFER_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct slice;

struct buffer {
    struct slice *first;
    struct slice *last;
    size_t len; /* bytes in all slices */
};

static inline void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer);

/* Copies bytes behind the last. */
void buffer_add(struct buffer *buffer, struct str bytes);
/* References bytes of an owner: `release` is called once when they are drained or dropped; NULL for bytes that outlive
   the buffer. */
void buffer_add_reference(struct buffer *buffer, struct str bytes, void (*release)(void *owner), void *owner);

/* At least `least` (at most BLOCK_SIZE) contiguous bytes of room behind the last; buffer_fill() says how many were
   written. Nothing else may be done with the buffer in between, but for buffer_clear(). */
char *buffer_room(struct buffer *buffer, size_t least, size_t *ret_room);
void buffer_fill(struct buffer *buffer, size_t written);

/* For readv(): room of `room` bytes as up to `max` pieces; blocks that stay empty go back with buffer_fill(). */
int buffer_room_iov(struct buffer *buffer, size_t room, struct iovec *iov, int max);

/* The first contiguous piece. */
struct str buffer_front(const struct buffer *buffer);
/* The first pieces for writev(); returns how many. */
int buffer_iov(const struct buffer *buffer, struct iovec *iov, int max);
/* The same of what is behind the first `skip` bytes. */
int buffer_iov_behind(const struct buffer *buffer, size_t skip, struct iovec *iov, int max);
/* Drops `len` bytes from the front. */
void buffer_drop(struct buffer *buffer, size_t len);
/* Moves the first `len` bytes behind the last of `to`; whole slices are handed over, a part of one is referenced or
   copied. */
void buffer_move(struct buffer *to, struct buffer *from, size_t len);

/* Few bytes get memory that is as long as they are, instead of blocks: for those that have to wait for more. */
void buffer_compact(struct buffer *buffer);

/* Bytes of the blocks that the thread keeps ready. */
size_t buffer_thread_spare(void);
/* Gives those back that were not wanted since the last call; how many bytes. */
size_t buffer_thread_trim(void);
/* Gives the thread's spare blocks back to the system. */
void buffer_thread_done(void);

#endif
