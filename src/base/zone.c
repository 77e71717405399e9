#include "base/zone.h"

#include "base/must.h"
#include "base/zone_rule.h"

/* Offsets are in seconds east of UTC. `offsets[i]` holds from `changes[i]` to the next; `first` before all; behind the
   last, the rule, if there is one. */
struct zone {
    const int64_t *changes;
    const int32_t *offsets;
    size_t count;
    int32_t first;
    bool has_rule;
    struct zone_rule rule;
};

bool zone_is_name(struct str name)
{
    struct str part;
    if (name.len == 0 || name.len > 64)
        return false;
    while (str_cut(&name, '/', &part)) {
        if (part.len == 0)
            return false;
        for (size_t i = 0; i < part.len; i++) {
            char c = part.at[i];
            if (!char_is_alpha(c) && !char_is_digit(c) && c != '+' && c != '-' && c != '_')
                return false;
        }
    }
    return true;
}

/* RFC 8536, 3.1: magic, version, 15 unused bytes, six counts. */
enum { HEADER = 44, TYPE_SIZE = 6 };

struct header {
    uint8_t version;
    size_t utc_flags;
    size_t standard_flags;
    size_t leaps;
    size_t changes;
    size_t types;
    size_t name_bytes;
};

static uint64_t read_big(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static bool read_header(struct str bytes, struct header *ret)
{
    if (bytes.len < HEADER || !str_starts(bytes, STR("TZif")))
        return false;
    const uint8_t *at = (const uint8_t *)bytes.at;
    *ret = (struct header){
        .version = at[4],
        .utc_flags = (size_t)read_big(at + 20, 4),
        .standard_flags = (size_t)read_big(at + 24, 4),
        .leaps = (size_t)read_big(at + 28, 4),
        .changes = (size_t)read_big(at + 32, 4),
        .types = (size_t)read_big(at + 36, 4),
        .name_bytes = (size_t)read_big(at + 40, 4),
    };
    return true;
}

/* Of the data behind a header. Counts have 32 bits, and size_t has 64 or the file would not fit. */
static uint64_t body_size(const struct header *h, size_t time_size)
{
    return (uint64_t)h->changes * (time_size + 1) + (uint64_t)h->types * TYPE_SIZE + h->name_bytes +
           (uint64_t)h->leaps * (time_size + 4) + h->standard_flags + h->utc_flags;
}

static bool read_offset(const uint8_t *types, size_t count, size_t index, int32_t *ret)
{
    if (index >= count)
        return false;
    int32_t offset = (int32_t)(uint32_t)read_big(types + index * TYPE_SIZE, 4);
    if (offset < -ZONE_OFFSET_MAX || offset > ZONE_OFFSET_MAX)
        return false;
    *ret = offset;
    return true;
}

static int64_t read_time(const uint8_t *at, size_t time_size)
{
    uint64_t value = read_big(at, time_size);
    return time_size == 8 ? (int64_t)value : (int32_t)(uint32_t)value;
}

/* The body is as long as the header says. */
static bool read_body(struct arena *arena, const uint8_t *body, const struct header *h, size_t time_size,
                      struct zone *zone)
{
    const uint8_t *indexes = body + h->changes * time_size;
    const uint8_t *types = indexes + h->changes;
    int64_t *changes = arena_alloc(arena, h->changes * sizeof(*changes));
    int32_t *offsets = arena_alloc(arena, h->changes * sizeof(*offsets));
    for (size_t i = 0; i < h->changes; i++) {
        changes[i] = read_time(body + i * time_size, time_size);
        if (i > 0 && changes[i] <= changes[i - 1])
            return false;
        if (!read_offset(types, h->types, indexes[i], &offsets[i]))
            return false;
    }
    zone->changes = changes;
    zone->offsets = offsets;
    zone->count = h->changes;
    return read_offset(types, h->types, 0, &zone->first);
}

/* A line feed, the rule, which may be empty, and a line feed. */
static bool read_footer(struct str footer, struct zone *zone)
{
    if (!str_starts(footer, STR("\n")))
        return false;
    footer = str_skip(footer, 1);
    size_t end = str_find(footer, '\n');
    if (end == footer.len)
        return false;
    zone->has_rule = end > 0;
    return end == 0 || zone_rule_parse(str_head(footer, end), &zone->rule);
}

static const char *read_file(struct arena *arena, struct str file, struct zone *zone)
{
    struct header h;
    size_t time_size = 4;
    if (!read_header(file, &h))
        return "no time zone file";
    if (h.version >= '2') { /* the part with 32 bits, which comes first, is for older readers */
        if (body_size(&h, 4) > file.len - HEADER)
            return "the time zone file is cut off";
        file = str_skip(file, HEADER + (size_t)body_size(&h, 4));
        time_size = 8;
        if (!read_header(file, &h))
            return "the time zone file is broken";
    }
    struct str body = str_skip(file, HEADER);
    if (body_size(&h, time_size) > body.len)
        return "the time zone file is cut off";
    if (h.leaps > 0)
        return "the time zone file counts leap seconds";
    if (!read_body(arena, (const uint8_t *)body.at, &h, time_size, zone))
        return "the time zone file is broken";
    if (time_size == 8 && !read_footer(str_skip(body, (size_t)body_size(&h, time_size)), zone))
        return "the rule at the end of the time zone file is broken";
    return NULL;
}

const struct zone *zone_load(struct arena *arena, const void *bytes, size_t len, const char **ret_why)
{
    struct zone *zone = arena_new(arena, struct zone);
    const char *why = "the time zone file is too large";
    if (len <= ZONE_FILE_MAX)
        why = read_file(arena, str_from(bytes, len), zone);
    if (why == NULL)
        return zone;
    *ret_why = why;
    return NULL;
}

const struct zone *zone_of_rule(struct arena *arena, struct str rule)
{
    struct zone *zone = arena_new(arena, struct zone);
    zone->has_rule = true;
    return zone_rule_parse(rule, &zone->rule) ? zone : NULL;
}

const struct zone *zone_utc(void)
{
    static const struct zone utc = {0};
    return &utc;
}

/* Index of the first change after the instant. */
static size_t next_change(const struct zone *zone, int64_t seconds)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int offset_at(const struct zone *zone, int64_t seconds)
{
    size_t next = next_change(zone, seconds);
    if (next == zone->count && zone->has_rule)
        return zone_rule_offset(&zone->rule, seconds);
    return next == 0 ? zone->first : zone->offsets[next - 1];
}

/* Rounded down, also before 1970. */
static int64_t seconds_of(struct wall wall)
{
    return wall.us / 1000000 - (wall.us % 1000000 < 0);
}

int zone_offset(const struct zone *zone, struct wall wall)
{
    return offset_at(zone, seconds_of(wall));
}

struct date zone_local(const struct zone *zone, struct wall wall)
{
    int64_t seconds = seconds_of(wall);
    return date_of(seconds + offset_at(zone, seconds));
}

/* Changes lie further apart than two days, so the offset is that of a day before or that of a day after. */
struct wall zone_instant(const struct zone *zone, const struct date *local)
{
    int64_t as_utc = date_seconds(local);
    int before = offset_at(zone, as_utc - ZONE_OFFSET_MAX);
    int after = offset_at(zone, as_utc + ZONE_OFFSET_MAX);
    int64_t seconds = as_utc - before;
    if (offset_at(zone, seconds) != before && offset_at(zone, as_utc - after) == after)
        seconds = as_utc - after;
    return (struct wall){seconds * 1000000};
}
