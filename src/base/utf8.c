#include "base/utf8.h"

/* RFC 3629, 4: how many bytes follow a first byte, and in what range the second must be. */
static size_t followers(unsigned char first, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0)
            *ret_low = 0xa0; /* below: overlong */
        if (first == 0xed)
            *ret_high = 0x9f; /* above: surrogates */
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0)
            *ret_low = 0x90; /* below: overlong */
        if (first == 0xf4)
            *ret_high = 0x8f; /* above: beyond U+10FFFF */
        return 3;
    }
    return 0;
}

size_t utf8_read(struct str text, uint32_t *ret_code)
{
    if (text.len == 0)
        return 0;
    unsigned char first = (unsigned char)text.at[0];
    if (first < 0x80) {
        *ret_code = first;
        return 1;
    }
    unsigned char low, high;
    size_t more = followers(first, &low, &high);
    if (more == 0 || more >= text.len)
        return 0;
    uint32_t code = first & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < low || c > high)
            return 0;
        code = code << 6 | (c & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *ret_code = code;
    return more + 1;
}

bool utf8_is_valid(struct str text)
{
    while (text.len > 0) {
        uint32_t code;
        size_t len = utf8_read(text, &code);
        if (len == 0)
            return false;
        text = str_skip(text, len);
    }
    return true;
}
