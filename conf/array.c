#include "conf/array.h"

#include "base/must.h"

#include <string.h>

void *array_room(struct arena *arena, const void *array, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return (void *)(uintptr_t)array; /* it came from here, and was not const then */
    size_t room;
    must(!__builtin_mul_overflow(count > 0 ? 2 * count : 1, size, &room));
    void *copy = arena_zalloc(arena, room);
    if (count > 0)
        memcpy(copy, array, count * size);
    return copy;
}
