#include "http/range.h"

#include "base/number.h"

/* More than two ranges that overlap, or many small ones out of order, are a known attack (RFC 9110 14.2, 17.15). */
enum { OVERLAPS_ALLOWED = 2 };

enum member { MEMBER_GOOD, MEMBER_UNSATISFIABLE, MEMBER_BAD };

/* first-last, first- or -suffix against the size. */
static enum member read_member(struct str text, uint64_t size, struct range *ret)
{
    size_t dash = str_find(text, '-');
    struct str before = str_head(text, dash), after = str_skip(text, dash + 1);
    uint64_t first = 0, last = UINT64_MAX;
    if (dash == text.len || (before.len == 0 && after.len == 0))
        return MEMBER_BAD;
    if (before.len > 0 && !number_parse_u64(before, UINT64_MAX, &first))
        return MEMBER_BAD;
    if (after.len > 0 && !number_parse_u64(after, UINT64_MAX, &last))
        return MEMBER_BAD;
    if (before.len == 0) { /* the last `last` bytes */
        *ret = (struct range){last < size ? size - last : 0, size - 1};
        return last == 0 || size == 0 ? MEMBER_UNSATISFIABLE : MEMBER_GOOD;
    }
    if (last < first)
        return MEMBER_BAD;
    if (first >= size)
        return MEMBER_UNSATISFIABLE;
    *ret = (struct range){first, last < size ? last : size - 1};
    return MEMBER_GOOD;
}

static bool overlap_too_much(const struct range *ranges, size_t count)
{
    size_t overlaps = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            overlaps += ranges[i].first <= ranges[j].last && ranges[j].first <= ranges[i].last;
    return overlaps >= OVERLAPS_ALLOWED;
}

enum ranges ranges_parse(struct str value, uint64_t size, struct range *into, size_t room, size_t *ret_count)
{
    static const struct str unit = {"bytes=", 6};
    struct str rest = str_skip(value, unit.len), member;
    size_t members = 0, count = 0;
    if (!str_starts_nocase(value, unit))
        return RANGES_WHOLE;
    while (str_cut(&rest, ',', &member)) {
        struct range range;
        member = str_trim(member);
        if (member.len == 0)
            continue;
        if (++members > room)
            return RANGES_WHOLE;
        enum member kind = read_member(member, size, &range);
        if (kind == MEMBER_BAD)
            return RANGES_WHOLE;
        if (kind == MEMBER_GOOD)
            into[count++] = range;
    }
    if (members == 0 || overlap_too_much(into, count))
        return RANGES_WHOLE;
    *ret_count = count;
    return count > 0 ? RANGES_SOME : RANGES_UNSATISFIABLE;
}

bool content_range_parse(struct str value, struct range *ret, uint64_t *ret_size)
{
    static const struct str unit = {"bytes ", 6};
    struct range range;
    uint64_t size = UINT64_MAX;
    if (!str_starts_nocase(value, unit))
        return false;
    struct str text = str_skip(value, unit.len);
    size_t slash = str_find(text, '/'), dash = str_find(text, '-');
    if (slash == text.len || dash > slash)
        return false;
    struct str complete = str_skip(text, slash + 1);
    if (!number_parse_u64(str_head(text, dash), INT64_MAX, &range.first) ||
        !number_parse_u64(str_from(text.at + dash + 1, slash - dash - 1), INT64_MAX, &range.last))
        return false;
    if (!str_eq(complete, STR("*")) && !number_parse_u64(complete, INT64_MAX, &size))
        return false;
    if (range.last < range.first || range.last >= size)
        return false;
    *ret = range;
    *ret_size = size;
    return true;
}
