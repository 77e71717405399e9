#include "base/hash.h"

#include "base/rand.h"

#include <pthread.h>

static uint64_t read_word(const unsigned char *bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, sizeof(word));
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static inline void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
    uint64_t v[4] = {key->low ^ 0x736f6d6570736575, key->high ^ 0x646f72616e646f6d, key->low ^ 0x6c7967656e657261,
                     key->high ^ 0x7465646279746573};
    const unsigned char *next = bytes;
    size_t left = len;
    for (; left >= 8; left -= 8, next += 8)
        absorb(v, read_word(next));
    uint64_t last = (uint64_t)len << 56;
    while (left-- > 0)
        last |= (uint64_t)next[left] << 8 * left;
    absorb(v, last);
    v[2] ^= 0xff;
    mix(v);
    mix(v);
    mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hash_key hash_key_random(void)
{
    return (struct hash_key){.low = rand_u64(), .high = rand_u64()};
}

static struct hash_key process_key;

static void make_process_key(void)
{
    process_key = hash_key_random();
}

const struct hash_key *hash_key_process(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_process_key);
    return &process_key;
}
