/*
 * Memory that is allocated piece by piece and freed all at once: the text of an exchange, the tree of a configuration.
 *
 * An arena is a chain of chunks. A fresh or reset one holds none, so that an idle connection costs nothing; chunks of
 * the standard size come from and go back to a free list of the thread. Every byte counts towards memory_in_use().
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *next;                 /* first free byte of the newest chunk */
    char *end;
    size_t total; /* bytes handed out, for limits */
};

void arena_init(struct arena *arena);
/* Frees everything; the arena is as after arena_init(). */
void arena_reset(struct arena *arena);

/* Aligned for any type, not zeroed / zeroed. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* For arena_bytes() alone: the first piece of a new chunk. */
char *arena_grow(struct arena *arena, size_t size);

/* Unaligned bytes, for text. */
static inline char *arena_bytes(struct arena *arena, size_t size)
{
    arena->total += size;
    if (arena->next == NULL || size > (size_t)(arena->end - arena->next))
        return arena_grow(arena, size);
    char *piece = arena->next;
    arena->next += size;
    return piece;
}

/* Copies; the copy is also terminated with a NUL that its length does not count. */
struct str arena_dup(struct arena *arena, struct str s);
const char *arena_cstr(struct arena *arena, struct str s);
struct str arena_join(struct arena *arena, struct str a, struct str b);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *format, va_list args);
struct str arena_lower(struct arena *arena, struct str s);

/* Bytes of the chunks that the thread keeps ready. */
size_t arena_thread_spare(void);
/* Gives those back that were not wanted since the last call; how many bytes. */
size_t arena_thread_trim(void);
/* Gives the thread's spare chunks back to the system: at the end of a thread, so that a leak check sees none. */
void arena_thread_done(void);

#define arena_new(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))

#endif
