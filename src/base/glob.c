#include "base/glob.h"

enum how { AS_WRITTEN, NOCASE, ESCAPED };

/* Bytes that belong together: `\,` or `\C3`. */
static inline size_t unit(struct str text, size_t at, enum how how)
{
    if (how != ESCAPED || text.at[at] != '\\' || at + 1 >= text.len)
        return 1;
    return at + 2 < text.len && char_hex(text.at[at + 1]) >= 0 && char_hex(text.at[at + 2]) >= 0 ? 3 : 2;
}

static inline bool is_wildcard(char c)
{
    return c == '*' || c == '?';
}

static inline bool is_same(const char *pattern, size_t pattern_len, const char *text, size_t text_len, enum how how)
{
    if (pattern_len == 2 && text_len == 1)
        return is_wildcard(pattern[1]) && pattern[1] == *text;
    if (pattern_len != text_len)
        return *pattern == '?' && pattern_len == 1 && text_len == 2;
    if (pattern_len > 1)
        return memcmp(pattern, text, pattern_len) == 0;
    return *pattern == '?' || *pattern == *text || (how == NOCASE && char_lower(*pattern) == char_lower(*text));
}

/* When a unit does not fit, only the latest star takes one more: what an earlier star matched need never be undone. */
static inline bool match(struct str pattern, struct str text, enum how how)
{
    size_t p = 0, t = 0;
    size_t star = pattern.len; /* behind the latest star, when there was one */
    size_t star_text = 0;      /* where what follows that star is tried next */
    bool had_star = false;
    while (t < text.len) {
        size_t p_len = p < pattern.len ? unit(pattern, p, how) : 0, t_len = unit(text, t, how);
        if (p_len > 0 && pattern.at[p] == '*') {
            had_star = true;
            star = ++p;
            star_text = t;
        } else if (p_len > 0 && is_same(pattern.at + p, p_len, text.at + t, t_len, how)) {
            p += p_len;
            t += t_len;
        } else if (had_star) {
            p = star;
            star_text += unit(text, star_text, how);
            t = star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

bool glob_match(struct str pattern, struct str text)
{
    if (match(pattern, text, AS_WRITTEN))
        return true;
    return str_ends(pattern, STR("/*")) && match(str_head(pattern, pattern.len - 2), text, AS_WRITTEN);
}

bool glob_match_nocase(struct str pattern, struct str text)
{
    return match(pattern, text, NOCASE);
}

bool glob_match_escaped(struct str pattern, struct str text)
{
    return match(pattern, text, ESCAPED);
}
