#include "acl/list.h"

#include "acl/list_set.h"
#include "base/object.h"

#include <stdlib.h>

/* Fingerprints are of different kinds of bytes, so that a name cannot stand for a range or a path: those begin with a
   control. */
enum { MARK_RANGE = 1, MARK_SEGMENT = 2 };

static uint64_t print_bytes(const struct list *list, const void *bytes, size_t len)
{
    uint64_t print = hash_bytes(&list->key, bytes, len);
    return print != 0 ? print : 1;
}

uint64_t list_print_name(const struct list *list, struct str name)
{
    return print_bytes(list, name.at, name.len);
}

uint64_t list_print_range(const struct list *list, const struct cidr *range)
{
    unsigned char bytes[3 + sizeof range->net.bytes] = {MARK_RANGE, range->net.version, range->bits};
    memcpy(bytes + 3, range->net.bytes, sizeof range->net.bytes);
    return print_bytes(list, bytes, sizeof bytes);
}

uint64_t list_print_segment(const struct list *list, uint64_t before, struct str segment)
{
    unsigned char bytes[1 + 2 * sizeof before] = {MARK_SEGMENT};
    uint64_t own = hash_bytes(&list->key, segment.at, segment.len);
    memcpy(bytes + 1, &before, sizeof before);
    memcpy(bytes + 1 + sizeof before, &own, sizeof own);
    return print_bytes(list, bytes, sizeof bytes);
}

bool list_cut_segment(struct str *rest, struct str *ret_segment)
{
    while (str_cut(rest, '/', ret_segment))
        if (ret_segment->len > 0)
            return true;
    return false;
}

unsigned list_count_labels(struct str name)
{
    unsigned count = 1;
    for (size_t i = 0; i < name.len; i++)
        count += name.at[i] == '.';
    return count;
}

/* One look-up under way. */
struct look {
    const struct list *list;
    struct str path;
    bool is_unknown; /* there are entries with a path, which is not known */
    uint32_t number; /* of the entry that decided */
};

enum found { FOUND_NOTHING, FOUND_LISTED, FOUND_EXCEPTION };

/* The entry with the longest path that `path` begins with. */
static bool find_path(struct look *look, uint64_t host, enum list_cover want)
{
    struct str rest = look->path, segment;
    bool is_found = false;
    uint64_t print = host;
    for (unsigned i = 0; i < look->list->most_segments && list_cut_segment(&rest, &segment); i++) {
        print = list_print_segment(look->list, print, segment);
        size_t cursor = list_table_slot(&look->list->table, print);
        for (uint32_t number; list_table_next(&look->list->table, print, &cursor, &number);) {
            if ((number & want) == 0)
                continue;
            look->number = number;
            is_found = true;
        }
    }
    return is_found;
}

static enum found find_print(struct look *look, uint64_t print, enum list_cover want)
{
    enum found found = FOUND_NOTHING;
    bool has_paths = false;
    size_t cursor = list_table_slot(&look->list->table, print);
    for (uint32_t number; list_table_next(&look->list->table, print, &cursor, &number);) {
        if ((number & want) == 0)
            continue;
        if ((number & COVER_PATHS) != 0) {
            has_paths = true;
        } else if ((number & COVER_EXCEPTION) != 0) {
            found = FOUND_EXCEPTION;
        } else if (found == FOUND_NOTHING) {
            found = FOUND_LISTED;
            look->number = number;
        }
    }
    if (has_paths && look->path.at == NULL)
        look->is_unknown = true;
    else if (has_paths && find_path(look, print, want))
        return FOUND_LISTED;
    return found;
}

static enum found find_name(struct look *look, struct str host)
{
    enum found found = FOUND_NOTHING;
    unsigned labels = list_count_labels(host);
    for (struct str name = host; found == FOUND_NOTHING && labels > 0; labels--) {
        if (labels <= LIST_LABELS_MAX && look->list->has_labels[labels])
            found = find_print(look, list_print_name(look->list, name),
                               name.len == host.len ? COVER_SELF : COVER_BELOW);
        name = str_skip(name, str_find(name, '.') + 1);
    }
    return found;
}

static enum found find_range(struct look *look, const struct ip *ip)
{
    unsigned most = ip->version == 4 ? 32 : ip->version == 6 ? 128 : 0;
    const bool *has_bits = ip->version == 4 ? look->list->has_bits4 : look->list->has_bits6;
    enum found found = FOUND_NOTHING;
    for (unsigned bits = most + 1; most > 0 && found == FOUND_NOTHING && bits-- > 0;) {
        if (!has_bits[bits])
            continue;
        struct cidr range = {ip_masked(ip, bits, bits), (uint8_t)bits};
        found = find_print(look, list_print_range(look->list, &range), COVER_SELF);
    }
    return found;
}

static enum found find_ip(struct look *look, const struct ip *ip)
{
    struct ip inner = ip_embedded(ip);
    enum found found = find_range(look, ip);
    return found == FOUND_NOTHING && !ip_eq(ip, &inner) ? find_range(look, &inner) : found;
}

/* The source whose lines hold that one: the last that begins before it. */
static void tell(const struct list *list, uint32_t number, struct match *ret)
{
    unsigned line = number >> COVER_BITS;
    size_t low = 0, high = list->source_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (list->sources[middle].first_line < line)
            low = middle;
        else
            high = middle;
    }
    *ret = (struct match){str_of(list->name), list->sources[low].shown, line - list->sources[low].first_line};
}

static enum truth conclude(const struct look *look, enum found found, struct match *ret_match)
{
    if (found != FOUND_LISTED)
        return look->is_unknown ? TRUTH_UNKNOWN : TRUTH_NO;
    tell(look->list, look->number, ret_match);
    return TRUTH_YES;
}

enum truth list_find(const struct list *list, struct str host, struct str path, struct match *ret_match)
{
    must_be(list, LIST_MAGIC);
    struct look look = {.list = list, .path = path};
    struct ip ip;
    bool may_be_ip = host.len > 0 && (char_is_digit(host.at[host.len - 1]) || str_find(host, ':') < host.len);
    bool is_ip = may_be_ip && ip_parse(host, &ip);
    return conclude(&look, is_ip ? find_ip(&look, &ip) : find_name(&look, host), ret_match);
}

enum truth list_find_ip(const struct list *list, const struct ip *ip, struct match *ret_match)
{
    must_be(list, LIST_MAGIC);
    struct look look = {.list = list, .path = STR("/")};
    return conclude(&look, find_ip(&look, ip), ret_match);
}

void list_stats(const struct list *list, struct list_stats *ret)
{
    must_be(list, LIST_MAGIC);
    *ret = list->stats;
}

struct list *list_ref(struct list *list)
{
    must_be(list, LIST_MAGIC);
    atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    return list;
}

void list_unref(struct list *list)
{
    if (list == NULL)
        return;
    must_be(list, LIST_MAGIC);
    if (atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < list->source_count; i++) {
        free(list->sources[i].shown);
        free(list->sources[i].absolute);
    }
    free(list->sources);
    list_table_fini(&list->table);
    free(list->name);
    list->magic = 0;
    free(list);
    object_count_down(OBJECT_LIST);
}
