/*
 * The private keys, in the keeper (and for a moment in `gatehouse check`, which compares them with their certificates).
 */
#ifndef PROCESS_KEEPER_STORE_H
#define PROCESS_KEEPER_STORE_H

#include "base/clock.h"
#include "base/text.h"
#include "net/keeper_protocol.h"

#include <stdbool.h>
#include <stddef.h>

struct keeper_store;

struct keeper_store *keeper_store_new(void);
void keeper_store_free(struct keeper_store *store);

/* Takes the key of a PEM file that is open as `fd` (borrowed), or keeps the one it has already. False:
   `ret_why` says in words what is wrong; true: what is to be warned of, or "". Keys with a pass phrase are refused. */
bool keeper_store_take(struct keeper_store *store, int fd, struct key_id *ret, char ret_why[KEY_WHY_MAX]);
/* A certificate in PEM for these names (a line each), of a key that only the store has; for challenges (keeper_make.h)
   when `digest` is not NULL. One that is only shown is the same as long as the store lives, but for its last month
   (as of `now`). False: `ret_why`. */
bool keeper_store_make(struct keeper_store *store, struct str names, const unsigned char *digest, struct wall now,
                       struct text *into, char ret_why[KEY_WHY_MAX]);
/* For how many seconds from `now` on it is the same for these names; 0: there is none. */
uint32_t keeper_store_good_seconds(struct keeper_store *store, struct str names, struct wall now);
/* Unless it is that of what was made here. */
void keeper_store_forget_key(struct keeper_store *store, const struct key_id *id);
/* Signs, or answers with a length of 0, and whether it does not have the key. */
void keeper_store_sign(struct keeper_store *store, const struct sign_question *question, struct sign_answer *ret);

#endif
