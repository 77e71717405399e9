#include "net/ticket_keys.h"

#include "base/rand.h"

#include <string.h>

enum { MS = 1000 };

int64_t ticket_keys_due(const struct ticket_keys *keys)
{
    return keys->count == 0 ? 0 : keys->at[0].made_ms + (int64_t)TICKET_TURN_S * MS;
}

static void erase_from(struct ticket_keys *keys, size_t first)
{
    for (size_t i = first; i < keys->count; i++)
        explicit_bzero(&keys->at[i], sizeof keys->at[i]);
    keys->count = first < keys->count ? first : keys->count;
}

/* How many of them may still have sealed a ticket that is good. Each sealed until the next was made, or is sealing
   now. */
static size_t count_live(const struct ticket_keys *keys, int64_t now_ms)
{
    size_t live = 0;
    while (live < keys->count && (live == 0 || now_ms - keys->at[live - 1].made_ms < (int64_t)TICKET_LIFE_S * MS))
        live++;
    return live;
}

bool ticket_keys_turn(struct ticket_keys *keys, int64_t now_ms)
{
    if (keys->count > 0 && now_ms < ticket_keys_due(keys))
        return false;
    erase_from(keys, count_live(keys, now_ms));
    erase_from(keys, TICKET_KEYS_MAX - 1);
    memmove(&keys->at[1], &keys->at[0], keys->count * sizeof keys->at[0]);
    keys->count++;
    struct ticket_key *key = &keys->at[0];
    rand_bytes(key->name, sizeof key->name);
    rand_bytes(key->secret, sizeof key->secret);
    key->made_ms = now_ms;
    return true;
}

const struct ticket_key *ticket_keys_find(const struct ticket_keys *keys, const unsigned char name[TICKET_NAME_LEN])
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->at[i].name, name, TICKET_NAME_LEN) == 0)
            return &keys->at[i];
    return NULL;
}
