/*
 * Assertions that stay compiled in, and the one place where the program dies.
 *
 * A failed assertion is a bug of ours: it prints where and aborts. Nothing that a peer, a file or an administrator can
 * cause may end here; those are faults and diagnostics.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stddef.h>
#include <stdint.h>

/* Ends the program with a message: for assertions, and for allocation failures of small objects. */
_Noreturn void die(const char *file, int line, const char *why);

#define must(condition) ((condition) ? (void)0 : die(__FILE__, __LINE__, "must(" #condition ")"))

/* Long-lived objects carry a magic number as their first member, checked on entry of public functions. */
#define MAGIC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define must_be(object, number) must((object) != NULL && (object)->magic == (number))

/* malloc, calloc, realloc and strdup that never return NULL: a small allocation that fails ends the program. */
void *must_alloc(size_t size);
void *must_calloc(size_t count, size_t size);
void *must_realloc(void *old, size_t size);
char *must_strdup(const char *text);
/* A copy of `len` bytes with a zero behind them; `at` may be NULL when there are none. */
char *must_copy(const char *at, size_t len);

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

#endif
