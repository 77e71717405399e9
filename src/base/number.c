#include "base/number.h"

enum { DECIMAL_DIGITS = 19, HEX_DIGITS = 16 }; /* so many always fit into 64 bits */

bool number_parse_u64(struct str text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > DECIMAL_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!char_is_digit(text.at[i]))
            return false;
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (value > max)
        return false;
    *ret = value;
    return true;
}

bool number_parse_hex(struct str text, size_t max_digits, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > max_digits || text.len > HEX_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = char_hex(text.at[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *ret = value;
    return true;
}

static unsigned digit_count(uint64_t number)
{
    unsigned count = 1;
    for (uint64_t bound = 10; number >= bound && count <= DECIMAL_DIGITS; bound *= 10)
        count++;
    return count;
}

char *number_write(char *at, uint64_t number)
{
    char *end = at + digit_count(number);
    for (at = end; number > 9; number /= 10)
        *--at = (char)('0' + number % 10);
    *--at = (char)('0' + number);
    return end;
}
