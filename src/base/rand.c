#include "base/rand.h"

#include "base/must.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { BATCH = 4096 };

/* The bytes from `used` on are fresh; those before are 0. */
static _Thread_local unsigned char batch[BATCH];
static _Thread_local size_t used = BATCH;

static void draw(void *into, size_t len)
{
    unsigned char *next = into;
    while (len > 0) {
        ssize_t got = getrandom(next, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            die(__FILE__, __LINE__, "getrandom() failed");
        next += got;
        len -= (size_t)got;
    }
}

void rand_bytes(void *into, size_t len)
{
    if (len > BATCH / 4) {
        draw(into, len);
        return;
    }
    if (len > BATCH - used) {
        draw(batch, BATCH);
        used = 0;
    }
    memcpy(into, batch + used, len);
    memset(batch + used, 0, len);
    used += len;
}

uint64_t rand_u64(void)
{
    uint64_t value;
    rand_bytes(&value, sizeof(value));
    return value;
}

/* Lemire, "Fast Random Integer Generation in an Interval" (2019). */
uint32_t rand_below(uint32_t bound)
{
    must(bound > 0);
    uint32_t refused = -bound % bound;
    uint64_t product;
    do {
        uint32_t value;
        rand_bytes(&value, sizeof(value));
        product = (uint64_t)value * bound;
    } while ((uint32_t)product < refused);
    return (uint32_t)(product >> 32);
}

/* Eight hexadecimal digits of eight numbers below 16, a byte each. */
static uint64_t digits_of(uint64_t numbers)
{
    uint64_t letters = (numbers + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return numbers + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

/* Which digit stands for which bits does not matter: they are random. */
void request_id_make(char into[REQUEST_ID_LEN + 1])
{
    uint64_t bits[REQUEST_ID_LEN / 16], digits[2];
    rand_bytes(bits, sizeof bits);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        digits[0] = digits_of(bits[i] & UINT64_C(0x0f0f0f0f0f0f0f0f));
        digits[1] = digits_of(bits[i] >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
        memcpy(into + sizeof digits * i, digits, sizeof digits);
    }
    into[REQUEST_ID_LEN] = '\0';
}
