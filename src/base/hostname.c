#include "base/hostname.h"

#include <idn2.h>

/* More than any name in UTF-8 needs; keeps the work of libidn2 small. */
enum { UTF8_MAX = 1024 };

static bool is_plain(unsigned char c)
{
    return char_is_alpha((char)c) || char_is_digit((char)c) || c == '-' || c == '_' || c == '.';
}

/* The ASCII form. */
static bool normal_ascii(struct arena *arena, struct str in, struct str *ret)
{
    if (str_ends(in, STR(".")))
        in.len--;
    if (in.len == 0 || in.len > HOSTNAME_MAX)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.at[i];
        if (!is_plain(c))
            return false;
        label = c == '.' ? 0 : label + 1;
        bool is_empty = c == '.' && (i == 0 || in.at[i - 1] == '.');
        if (is_empty || label > HOSTNAME_LABEL_MAX)
            return false;
    }
    if (label == 0)
        return false;
    *ret = arena_lower(arena, in);
    return true;
}

/* Bytes of ASCII are judged before, for the mapping must not be given a chance to make a name of what is none. What
   comes out is judged again: full-width forms become ASCII. */
static bool normal_utf8(struct arena *arena, struct str in, struct str *ret)
{
    if (in.len > UTF8_MAX)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.at[i];
        if (c < 0x80 && !is_plain(c))
            return false;
    }
    char copy[UTF8_MAX + 1];
    memcpy(copy, in.at, in.len);
    copy[in.len] = '\0';
    uint8_t *ascii = NULL;
    if (idn2_lookup_u8((const uint8_t *)copy, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return false;
    bool is_name = normal_ascii(arena, str_of((const char *)ascii), ret);
    idn2_free(ascii);
    return is_name;
}

static bool is_ascii(struct str s)
{
    unsigned char all = 0;
    for (size_t i = 0; i < s.len; i++)
        all |= (unsigned char)s.at[i];
    return all < 0x80;
}

bool hostname_normal(struct arena *arena, struct str in, struct str *ret)
{
    return is_ascii(in) ? normal_ascii(arena, in, ret) : normal_utf8(arena, in, ret);
}

static bool are_all_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (char_hex(s.at[i]) < 0)
            return false;
    return true;
}

static bool are_all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!char_is_digit(s.at[i]))
            return false;
    return true;
}

bool hostname_is_numeric_like(struct str name)
{
    size_t dot = str_find_last(name, '.');
    struct str last = dot < name.len ? str_skip(name, dot + 1) : name;
    if (str_starts_nocase(last, STR("0x")))
        return are_all_hex(str_skip(last, 2));
    return last.len > 0 && are_all_digits(last);
}

bool hostname_is_below(struct str host, struct str domain)
{
    return domain.len > 0 && host.len > domain.len && host.at[host.len - domain.len - 1] == '.' &&
           str_ends(host, domain);
}
