#include "base/str.h"

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (char_lower(a.at[i]) != char_lower(b.at[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_head(s, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_head(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

size_t str_find(struct str s, char c)
{
    const char *hit = s.len > 0 ? memchr(s.at, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.at) : s.len;
}

size_t str_find_last(struct str s, char c)
{
    const char *hit = s.len > 0 ? memrchr(s.at, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.at) : s.len;
}

size_t str_find_str(struct str s, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *hit = s.len >= needle.len ? memmem(s.at, s.len, needle.at, needle.len) : NULL;
    return hit ? (size_t)(hit - s.at) : s.len;
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = str_skip(s, 1);
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool str_cut(struct str *rest, char c, struct str *ret_piece)
{
    if (rest->at == NULL)
        return false;
    size_t end = str_find(*rest, c);
    *ret_piece = str_head(*rest, end);
    *rest = end < rest->len ? str_skip(*rest, end + 1) : STR_NONE;
    return true;
}

int char_hex(char c)
{
    if (char_is_digit(c))
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
