/*
 * Arrays in an arena that grow row by row.
 */
#ifndef CONF_ARRAY_H
#define CONF_ARRAY_H

#include "base/arena.h"

#include <stddef.h>

/* The array (`count` rows of `size` bytes) with room for one more: a copy, zeroed behind, when `count` is 0 or a power
   of two. So rows move while an array grows: nothing may point at one before it is complete. */
void *array_room(struct arena *arena, const void *array, size_t count, size_t size);

#endif
