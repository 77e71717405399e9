/*
 * The table behind a compiled list: 64-bit fingerprints, each with the number of the line it comes from and what it
 * covers.
 *
 * No name is kept. A fingerprint is SipHash of the name under a random key of the list, so two names share one only by
 * chance: a look-up in a list of n names is wrongly answered "yes" with a probability of n / 2^64 (a million names: 1
 * in 18 million million), and nobody outside can look for such a pair, as the key is secret. It costs 12 bytes a slot.
 *
 * Open addressing with linear probing; the memory is mapped, not allocated, so that growing leaves nothing behind.
 */
#ifndef ACL_LIST_TABLE_H
#define ACL_LIST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an entry covers, in the low bits of its number. */
enum list_cover {
    COVER_SELF = 1,  /* the name itself, the very address */
    COVER_BELOW = 2, /* the names below it */
    COVER_BOTH = 3,
    COVER_EXCEPTION = 4, /* is not listed after all */
    COVER_PATHS = 8,     /* no entry: there are entries of this host with a path */
    COVER_BITS = 4
};

enum { LIST_LINES_MAX = 1 << (32 - COVER_BITS), LIST_PENDING = 16 };

struct list_table {
    uint64_t *prints;  /* 0: free */
    uint32_t *numbers; /* line << COVER_BITS | enum list_cover */
    size_t room;
    size_t count;
    size_t mapped; /* bytes */
    struct list_pending {
        uint64_t print;
        uint32_t number;
    } pending[LIST_PENDING]; /* being fetched into the cache, while it is built */
    unsigned pending_next;
};

void list_table_init(struct list_table *table);
void list_table_fini(struct list_table *table);

/* Makes room for so many entries more. False: no memory. */
bool list_table_reserve(struct list_table *table, size_t more);
/* Adds an entry (its fingerprint is not 0), unless the same name has one already that covers as much. False: no memory.
   */
bool list_table_add(struct list_table *table, uint64_t print, uint32_t number);
/* After the last entry: puts in what is pending and gives back what was reserved in excess. False: no memory. */
bool list_table_seal(struct list_table *table);

static inline size_t list_table_slot(const struct list_table *table, uint64_t print)
{
    return (size_t)((unsigned __int128)print * table->room >> 64);
}

/* Steps through the numbers of a fingerprint: *cursor begins at list_table_slot(). False behind the last. */
static inline bool list_table_next(const struct list_table *table, uint64_t print, size_t *cursor, uint32_t *ret_number)
{
    if (table->room == 0)
        return false;
    for (;;) {
        size_t at = *cursor;
        uint64_t there = table->prints[at];
        if (there == 0)
            return false;
        *cursor = at + 1 == table->room ? 0 : at + 1;
        if (there == print) {
            *ret_number = table->numbers[at];
            return true;
        }
    }
}

#endif
