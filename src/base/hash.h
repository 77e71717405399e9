/*
 * A keyed hash for tables whose keys a peer may choose: SipHash-1-3 (Aumasson, Bernstein, 2012; the variant with one
 * round a word and three at the end, as Rust and Python use it for tables). Not a signature: nothing secret may rest on
 * 64 bits.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t low; /* the first eight bytes of the key, little end first */
    uint64_t high;
};

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len);

static inline uint64_t hash_str(const struct hash_key *key, struct str s)
{
    return hash_bytes(key, s.at, s.len);
}

struct hash_key hash_key_random(void);
/* The key of this process: made at the first call, the same for all threads ever after. */
const struct hash_key *hash_key_process(void);

#endif
