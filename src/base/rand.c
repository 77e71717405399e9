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

void request_id_make(char into[REQUEST_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[REQUEST_ID_LEN / 2];
    rand_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        into[2 * i] = digits[bytes[i] >> 4];
        into[2 * i + 1] = digits[bytes[i] & 15];
    }
    into[REQUEST_ID_LEN] = '\0';
}
