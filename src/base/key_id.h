/*
 * How a private key is called by those who may not have it: the SHA-256 of its public half (the SubjectPublicKeyInfo).
 */
#ifndef BASE_KEY_ID_H
#define BASE_KEY_ID_H

#include <stdbool.h>
#include <string.h>

enum { KEY_ID_LEN = 32, KEY_WHY_MAX = 128 };

struct key_id {
    unsigned char bytes[KEY_ID_LEN];
};

static inline bool key_id_eq(const struct key_id *a, const struct key_id *b)
{
    return memcmp(a->bytes, b->bytes, KEY_ID_LEN) == 0;
}

#endif
