#include "observe/line.h"

#include "base/date.h"
#include "base/number.h"
#include "base/utf8.h"

static const char digits[] = "0123456789abcdef";

void line_put_padded(struct line *line, uint64_t number, unsigned width, char fill)
{
    char text[NUMBER_TEXT_MAX];
    size_t len = (size_t)(number_write(text, number) - text);
    for (; width > len; width--)
        line_put(line, str_from(&fill, 1));
    line_put(line, str_from(text, len));
}

void line_put_number(struct line *line, uint64_t number)
{
    line_put_padded(line, number, 1, '0');
}

static inline bool is_odd(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\';
}

/* The sign bits of the bytes that are zero; a byte above a zero may be marked too, which costs only a second look. */
static inline uint64_t zeros(uint64_t word)
{
    return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/* Eight bytes at once: is one of them odd, or `also`? */
static inline bool has_special(uint64_t word, uint64_t also)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t below = (word - ones * 0x20) & ~word & 0x8080808080808080u;
    uint64_t high = word & 0x8080808080808080u;
    return (below | high | zeros(word ^ ones * 0x7f) | zeros(word ^ ones * '"') | zeros(word ^ ones * '\\') |
            zeros(word ^ also)) != 0;
}

static size_t plain_len(struct str s, char also)
{
    size_t len = 0;
    uint64_t word, pattern = 0x0101010101010101u * (unsigned char)also;
    for (; len + 8 <= s.len; len += 8) {
        memcpy(&word, s.at + len, 8);
        if (has_special(word, pattern))
            break;
    }
    while (len < s.len && !is_odd(s.at[len]) && s.at[len] != also)
        len++;
    return len;
}

/* Puts the plain beginning of *s, as far as `*limit` allows; false when nothing is left to do. */
static bool put_plain(struct line *line, struct str *s, char also, size_t *limit)
{
    size_t len = plain_len(*s, also);
    if (len > *limit)
        len = *limit;
    line_put(line, str_head(*s, len));
    *s = str_skip(*s, len);
    *limit -= len;
    return s->len > 0 && *limit > 0;
}

void line_put_escaped(struct line *line, struct str s, bool is_word, size_t limit)
{
    char also = is_word ? ' ' : '"';
    while (put_plain(line, &s, also, &limit) && limit >= 4) {
        unsigned char byte = (unsigned char)s.at[0];
        char piece[4] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        line_put(line, str_from(piece, sizeof piece));
        limit -= sizeof piece;
        s = str_skip(s, 1);
    }
}

static void put_unit(struct line *line, uint32_t unit)
{
    char piece[6] = {
        '\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
    line_put(line, str_from(piece, sizeof piece));
}

void line_put_json(struct line *line, struct str s, size_t limit)
{
    while (put_plain(line, &s, '"', &limit) && limit >= 12) {
        uint32_t code;
        size_t used = utf8_read(s, &code);
        if (used == 0) {
            used = 1;
            code = (unsigned char)s.at[0];
        }
        if (code >= 0x10000) {
            put_unit(line, 0xd800 | (code - 0x10000) >> 10);
            put_unit(line, 0xdc00 | ((code - 0x10000) & 0x3ff));
            limit -= 12;
        } else {
            put_unit(line, code);
            limit -= 6;
        }
        s = str_skip(s, used);
    }
}

/* Dates are the same for a whole second, and dear. */
struct dated {
    int64_t second;
    size_t len; /* 0: none yet */
    char text[DATE_TEXT_MAX];
};

static void put_date(struct line *line, struct wall wall, struct dated *cache, size_t (*write)(struct wall, char *))
{
    if (cache->len == 0 || cache->second != wall_seconds(wall)) {
        cache->second = wall_seconds(wall);
        cache->len = write(wall, cache->text);
    }
    line_put(line, str_from(cache->text, cache->len));
}

void line_put_date_common(struct line *line, struct wall wall)
{
    static _Thread_local struct dated cache;
    put_date(line, wall, &cache, date_common);
}

void line_put_date_iso(struct line *line, struct wall wall)
{
    static _Thread_local struct dated cache;
    size_t before = line->len;
    put_date(line, wall, &cache, date_iso);
    if (line->len != before + cache.len || cache.len < 4 || wall.us < 0)
        return;
    unsigned ms = (unsigned)(wall.us / 1000 % 1000);
    char *digits_at = line->at + line->len - 4; /* …123Z */
    digits_at[0] = (char)('0' + ms / 100);
    digits_at[1] = (char)('0' + ms / 10 % 10);
    digits_at[2] = (char)('0' + ms % 10);
}
