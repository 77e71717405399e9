#include "base/arena.h"

#include "base/memory.h"
#include "base/must.h"
#include "base/spares.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of the whole allocation */
};

#ifdef SANITIZED
enum { CHUNK = 4096, SPARES = 0 }; /* a use after the release is seen only in memory that was really freed */
#else
enum { CHUNK = 4096, SPARES = 256 }; /* 1 MiB a thread; an exchange takes two */
#endif

static _Thread_local struct spares spares;

static struct arena_chunk *take_chunk(size_t size)
{
    struct arena_chunk *chunk = size == CHUNK ? spares_take(&spares, CHUNK) : must_alloc(size);
    chunk->size = size;
    memory_count((ptrdiff_t)size);
    return chunk;
}

static void give_chunk(struct arena_chunk *chunk)
{
    memory_count(-(ptrdiff_t)chunk->size);
    if (chunk->size == CHUNK)
        spares_give(&spares, chunk, SPARES);
    else
        free(chunk);
}

size_t arena_thread_spare(void)
{
    return (size_t)spares.count * CHUNK;
}

size_t arena_thread_trim(void)
{
    return (size_t)spares_trim(&spares) * CHUNK;
}

void arena_thread_done(void)
{
    spares_free(&spares);
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->older;
        give_chunk(chunk);
    }
    arena_init(arena);
}

/* A piece that does not fit into a standard chunk gets one of its own; what is left of the newest chunk is given up. */
char *arena_grow(struct arena *arena, size_t size)
{
    must(size <= SIZE_MAX / 2);
    size_t whole = sizeof(struct arena_chunk) + size;
    struct arena_chunk *chunk = take_chunk(whole <= CHUNK ? CHUNK : whole);
    chunk->older = arena->chunks;
    arena->chunks = chunk;
    char *piece = (char *)chunk + sizeof(struct arena_chunk);
    arena->next = piece + size;
    arena->end = (char *)chunk + chunk->size;
    return piece;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t slack = -(uintptr_t)arena->next % alignof(max_align_t);
    if (arena->next != NULL && slack <= (size_t)(arena->end - arena->next))
        arena->next += slack;
    else
        arena->next = arena->end = NULL; /* so that what is left, which is not aligned, is not handed out */
    return arena_bytes(arena, size);
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

struct str arena_join(struct arena *arena, struct str a, struct str b)
{
    char *copy = arena_bytes(arena, a.len + b.len + 1);
    if (a.len > 0)
        memcpy(copy, a.at, a.len);
    if (b.len > 0)
        memcpy(copy + a.len, b.at, b.len);
    copy[a.len + b.len] = '\0';
    return str_from(copy, a.len + b.len);
}

struct str arena_dup(struct arena *arena, struct str s)
{
    return arena_join(arena, s, STR_NONE);
}

const char *arena_cstr(struct arena *arena, struct str s)
{
    return arena_dup(arena, s).at;
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    must(len >= 0);
    char *text = arena_bytes(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return str_from(text, (size_t)len);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

struct str arena_lower(struct arena *arena, struct str s)
{
    char *copy = arena_bytes(arena, s.len + 1);
    for (size_t i = 0; i < s.len; i++)
        copy[i] = char_lower(s.at[i]);
    copy[s.len] = '\0';
    return str_from(copy, s.len);
}
