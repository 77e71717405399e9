#include "acl/list_table.h"

#include "base/must.h"
#include "base/number.h"

#include <string.h>
#include <sys/mman.h>

/* Of 100 slots so many are used at most, when it is growing and when it is done. */
enum { LOAD_MOST = 70, LOAD_SEALED = 66, LOAD_LEAST = 50, ROOM_LEAST = 16, SLOT_SIZE = 12 };

void list_table_init(struct list_table *table)
{
    memset(table, 0, sizeof *table);
}

static void unmap(struct list_table *table)
{
    if (table->prints != NULL)
        munmap(table->prints, table->mapped);
}

void list_table_fini(struct list_table *table)
{
    unmap(table);
    list_table_init(table);
}

static bool map(struct list_table *table, size_t room)
{
    size_t bytes;
    if (!number_mul_size(room, SLOT_SIZE, &bytes))
        return false;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    table->prints = memory;
    table->numbers = (uint32_t *)(void *)(table->prints + room);
    table->room = room;
    table->mapped = bytes;
    return true;
}

static void put(struct list_table *table, uint64_t print, uint32_t number)
{
    size_t at = list_table_slot(table, print);
    while (table->prints[at] != 0)
        at = at + 1 == table->room ? 0 : at + 1;
    table->prints[at] = print;
    table->numbers[at] = number;
    table->count++;
}

/* Slots are in the order of the fingerprints, nearly, so that this goes through both tables from end to end. */
static bool resize(struct list_table *table, size_t room)
{
    struct list_table new = {0};
    if (!map(&new, room))
        return false;
    for (size_t i = 0; i < table->room; i++)
        if (table->prints[i] != 0)
            put(&new, table->prints[i], table->numbers[i]);
    must(new.count == table->count);
    unmap(table);
    table->prints = new.prints;
    table->numbers = new.numbers;
    table->room = new.room;
    table->mapped = new.mapped;
    return true;
}

static bool room_for(size_t count, unsigned load, size_t *ret)
{
    size_t scaled;
    if (!number_mul_size(count, 100, &scaled))
        return false;
    *ret = scaled / load + ROOM_LEAST;
    return true;
}

bool list_table_reserve(struct list_table *table, size_t more)
{
    size_t count, room;
    if (!number_add_size(table->count + LIST_PENDING, more, &count) || !room_for(count, LOAD_SEALED, &room))
        return false;
    return room <= table->room || resize(table, room);
}

/* An entry of the same kind that covers all that `number` does. */
static bool is_known(const struct list_table *table, uint64_t print, uint32_t number)
{
    size_t cursor = list_table_slot(table, print);
    for (uint32_t there; list_table_next(table, print, &cursor, &there);)
        if (((there ^ number) & (COVER_EXCEPTION | COVER_PATHS)) == 0 && (number & ~there & COVER_BOTH) == 0)
            return true;
    return false;
}

static void put_new(struct list_table *table, uint64_t print, uint32_t number)
{
    if (!is_known(table, print, number))
        put(table, print, number);
}

bool list_table_add(struct list_table *table, uint64_t print, uint32_t number)
{
    if ((table->count + LIST_PENDING) * 100 > table->room * LOAD_MOST &&
        !list_table_reserve(table, table->count / 2 + LIST_PENDING))
        return false;
    struct list_pending *pending = &table->pending[table->pending_next++ % LIST_PENDING];
    if (pending->print != 0)
        put_new(table, pending->print, pending->number);
    pending->print = print;
    pending->number = number;
    __builtin_prefetch(&table->prints[list_table_slot(table, print)], 1);
    __builtin_prefetch(&table->numbers[list_table_slot(table, print)], 1);
    return true;
}

bool list_table_seal(struct list_table *table)
{
    for (unsigned i = 0; i < LIST_PENDING; i++) {
        struct list_pending *pending = &table->pending[(table->pending_next + i) % LIST_PENDING];
        if (pending->print != 0)
            put_new(table, pending->print, pending->number);
        pending->print = 0;
    }
    size_t room;
    if (table->count * 100 >= table->room * LOAD_LEAST || !room_for(table->count, LOAD_SEALED, &room))
        return true;
    return resize(table, room);
}
