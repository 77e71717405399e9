#include "base/map.h"

#include "base/hash.h"
#include "base/must.h"

#include <stdlib.h>

/* Empty when value is NULL. The hash is kept, so that growing and most comparisons do not touch the keys. */
struct map_slot {
    struct str key;
    void *value;
    uint64_t hash;
};

enum { ROOM_MIN = 8 };

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_fini(struct map *map)
{
    free(map->slots);
    map_init(map);
}

/* The slot of the key, or the empty one where it would go. There is always an empty one. */
static struct map_slot *slot_for(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->room - 1;
    size_t i = (size_t)hash & mask;
    while (map->slots[i].value != NULL && (map->slots[i].hash != hash || !str_eq(map->slots[i].key, key)))
        i = (i + 1) & mask;
    return &map->slots[i];
}

static uint64_t hash_of(struct str key)
{
    return hash_str(hash_key_process(), key);
}

void *map_get(const struct map *map, struct str key)
{
    return map->count == 0 ? NULL : slot_for(map, key, hash_of(key))->value;
}

static void grow(struct map *map)
{
    struct map old = *map;
    map->room = old.room == 0 ? ROOM_MIN : old.room * 2;
    map->slots = must_calloc(map->room, sizeof(*map->slots));
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].value != NULL)
            *slot_for(map, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void *map_put(struct map *map, struct str key, void *value)
{
    must(value != NULL);
    if (map->count >= map->room / 4 * 3)
        grow(map);
    uint64_t hash = hash_of(key);
    struct map_slot *slot = slot_for(map, key, hash);
    void *before = slot->value;
    *slot = (struct map_slot){.key = key, .value = value, .hash = hash};
    if (before == NULL)
        map->count++;
    return before;
}

/* Closes the gap at `hole` (Knuth, 6.4, algorithm R): a later entry of the run moves into it unless it would then come
   before the place where the search for it begins. */
static void close_gap(struct map *map, size_t hole)
{
    size_t mask = map->room - 1;
    for (size_t i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = (size_t)map->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct map_slot){0};
}

void *map_remove(struct map *map, struct str key)
{
    if (map->count == 0)
        return NULL;
    struct map_slot *slot = slot_for(map, key, hash_of(key));
    void *value = slot->value;
    if (value != NULL) {
        close_gap(map, (size_t)(slot - map->slots));
        map->count--;
    }
    return value;
}

bool map_each(const struct map *map, size_t *cursor, struct str *ret_key, void **ret_value)
{
    while (*cursor < map->room) {
        const struct map_slot *slot = &map->slots[(*cursor)++];
        if (slot->value == NULL)
            continue;
        if (ret_key != NULL)
            *ret_key = slot->key;
        *ret_value = slot->value;
        return true;
    }
    return false;
}
