/*
 * The keys that session tickets are sealed with: a new one each hour, drawn at random, so that none tells of another.
 * The supervisor makes them, keeps them in memory only, and gives them to its workers; so they are the same for all
 * threads, and outlive a reload and a worker.
 *
 * A key is erased when no ticket that it sealed is good any more: what was recorded before cannot be read with what is
 * found later. Plain; the cryptography is in tls_ticket.c.
 */
#ifndef NET_TICKET_KEYS_H
#define NET_TICKET_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TICKET_TURN_S = 3600,      /* a key seals new tickets for so long … */
    TICKET_LIFE_S = 12 * 3600, /* … and a ticket, or what it led to, is good for so long */
    TICKET_KEYS_MAX = TICKET_LIFE_S / TICKET_TURN_S + 2,
    TICKET_NAME_LEN = 16,
    TICKET_SECRET_LEN = 32
};

struct ticket_key {
    unsigned char name[TICKET_NAME_LEN]; /* stands in the tickets, in clear */
    unsigned char secret[TICKET_SECRET_LEN];
    int64_t made_ms;
};

/* Begins zeroed. */
struct ticket_keys {
    size_t count;
    struct ticket_key at[TICKET_KEYS_MAX]; /* the newest first */
};

/* When the next change is due: milliseconds of the clock that ticket_keys_turn() is given. */
int64_t ticket_keys_due(const struct ticket_keys *keys);
/* Makes a new one and erases the old ones, where that is due; true when anything has changed. */
bool ticket_keys_turn(struct ticket_keys *keys, int64_t now_ms);
/* NULL: it is not there, or no more. */
const struct ticket_key *ticket_keys_find(const struct ticket_keys *keys, const unsigned char name[TICKET_NAME_LEN]);

#endif
