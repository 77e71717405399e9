#include "base/glob.h"

static inline bool is_same(char pattern, char c, bool nocase)
{
    return pattern == '?' || pattern == c || (nocase && char_lower(pattern) == char_lower(c));
}

/* When a byte does not fit, only the latest star takes one more: what an earlier star matched need never be undone. */
static bool match(struct str pattern, struct str text, bool nocase)
{
    size_t p = 0, t = 0;
    size_t star = pattern.len; /* behind the latest star, when there was one */
    size_t star_text = 0;      /* where what follows that star is tried next */
    bool had_star = false;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            had_star = true;
            star = ++p;
            star_text = t;
        } else if (p < pattern.len && is_same(pattern.at[p], text.at[t], nocase)) {
            p++;
            t++;
        } else if (had_star) {
            p = star;
            t = ++star_text;
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
    if (match(pattern, text, false))
        return true;
    return str_ends(pattern, STR("/*")) && match(str_head(pattern, pattern.len - 2), text, false);
}

bool glob_match_nocase(struct str pattern, struct str text)
{
    return match(pattern, text, true);
}
