#include "net/server_hello.h"

#include <stdbool.h>
#include <string.h>

enum {
    RECORD_ALERT = 21, /* a warning, which no client minds, may come first */
    RECORD_HANDSHAKE = 22,
    MESSAGE_SERVER_HELLO = 2,
    RANDOM_AT = 1 + 3 + 2,
};

/* SHA-256 of "HelloRetryRequest": RFC 8446 4.1.3. */
static const unsigned char retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                               0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                               0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static void take_record_byte(struct server_hello *hello, unsigned char byte)
{
    hello->record[hello->record_len++] = byte;
    if (hello->record[0] != RECORD_HANDSHAKE && hello->record[0] != RECORD_ALERT)
        hello->state = SERVER_HELLO_OTHER;
    else if (hello->record_len == sizeof hello->record)
        hello->record_left = (size_t)hello->record[3] << 8 | hello->record[4];
}

static void judge(struct server_hello *hello)
{
    bool is_retry = memcmp(hello->message + RANDOM_AT, retry_random, sizeof retry_random) == 0;
    hello->state = is_retry ? SERVER_HELLO_RETRY : SERVER_HELLO_OTHER;
}

static size_t take_body(struct server_hello *hello, struct str bytes)
{
    size_t len = bytes.len < hello->record_left ? bytes.len : hello->record_left;
    if (hello->record[0] == RECORD_HANDSHAKE) {
        size_t room = sizeof hello->message - hello->message_len;
        len = len < room ? len : room;
        memcpy(hello->message + hello->message_len, bytes.at, len);
        hello->message_len += len;
        if (hello->message[0] != MESSAGE_SERVER_HELLO)
            hello->state = SERVER_HELLO_OTHER;
        else if (hello->message_len == sizeof hello->message)
            judge(hello);
    }
    hello->record_left -= len;
    return len;
}

enum server_hello_state server_hello_read(struct server_hello *hello, struct str bytes)
{
    while (hello->state == SERVER_HELLO_MORE && bytes.len > 0) {
        size_t used = 1;
        if (hello->record_len < sizeof hello->record)
            take_record_byte(hello, (unsigned char)bytes.at[0]);
        else
            used = take_body(hello, bytes);
        if (hello->record_len == sizeof hello->record && hello->record_left == 0)
            hello->record_len = 0;
        bytes = str_skip(bytes, used);
    }
    return hello->state;
}
