#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void die(const char *file, int line, const char *why)
{
    fprintf(stderr, "gatehouse: %s:%d: %s\n", file, line, why);
    abort();
}

static void *checked(void *memory)
{
    if (memory == NULL)
        die(__FILE__, __LINE__, "out of memory");
    return memory;
}

void *must_alloc(size_t size)
{
    return checked(malloc(size > 0 ? size : 1));
}

void *must_calloc(size_t count, size_t size)
{
    return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *must_realloc(void *old, size_t size)
{
    return checked(realloc(old, size > 0 ? size : 1));
}

char *must_strdup(const char *text)
{
    return checked(strdup(text));
}

char *must_copy(const char *at, size_t len)
{
    char *copy = must_alloc(len + 1);
    if (len > 0)
        memcpy(copy, at, len);
    copy[len] = '\0';
    return copy;
}
