/*
 * A hash map from text to a pointer: open addressing with linear probing, keyed with hash_key_process(), so that a peer
 * who chooses the keys cannot make it slow. Its order of iteration differs from run to run.
 *
 * The keys are borrowed: their bytes must live until the entry is removed. An empty map holds no memory; all zero is
 * one. Not locked.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t count;
    size_t room; /* 0 or a power of two */
};

void map_init(struct map *map);
/* Frees the table, not what the values point to. */
void map_fini(struct map *map);

/* NULL when there is no such key. */
void *map_get(const struct map *map, struct str key);
/* `value` is not NULL. Returns the value that was there before, else NULL; the entry borrows this key from now on, not
   the one it was put with before. */
void *map_put(struct map *map, struct str key, void *value);
/* The value taken out, or NULL. */
void *map_remove(struct map *map, struct str key);

/* Steps through all entries: `cursor` begins at 0; false behind the last. `ret_key` may be NULL. The map must not be
   changed on the way. */
bool map_each(const struct map *map, size_t *cursor, struct str *ret_key, void **ret_value);

#endif
