#include "proxy/hop.h"

#include "base/map.h"
#include "base/number.h"

/* Of the fields gatehouse knows, those that end here. Proxy-Authenticate and Proxy-Authorization are between the client
   and us. */
static const bool ends_here[FIELD_COUNT] = {
    [FIELD_CONNECTION] = true,
    [FIELD_CONTENT_LENGTH] = true,
    [FIELD_HOST] = true,
    [FIELD_HTTP2_SETTINGS] = true,
    [FIELD_KEEP_ALIVE] = true,
    [FIELD_PROXY_AUTHENTICATE] = true,
    [FIELD_PROXY_AUTHORIZATION] = true,
    [FIELD_PROXY_CONNECTION] = true,
    [FIELD_TE] = true,
    [FIELD_TRAILER] = true,
    [FIELD_TRANSFER_ENCODING] = true,
    [FIELD_UPGRADE] = true,
};

static uint64_t length_bit(struct str name)
{
    return UINT64_C(1) << (name.len % 64);
}

/* The names that Connection may take away, lower-cased, each with a mark that fields of the same name share. */
static void mark_names(const struct fields *from, struct map *names, bool **marks, struct arena *arena)
{
    for (unsigned i = 0; i < from->count; i++) {
        if (from->at[i].id != FIELD_OTHER)
            continue;
        struct str name = arena_lower(arena, from->at[i].name);
        marks[i] = map_get(names, name);
        if (marks[i] != NULL)
            continue;
        marks[i] = arena_zalloc(arena, sizeof(bool));
        map_put(names, name, marks[i]);
    }
}

/* A mark for each field (NULL: it cannot be taken away). Linear: a hostile client may name thousands of options, and
   send a hundred fields. Most options (close, keep-alive) are as long as no field's name, and then nothing is looked up
   at all. */
static bool *const *named_by_connection(const struct fields *from, struct arena *arena)
{
    struct map names = {0};
    struct member_cursor cursor = {0};
    struct str member;
    uint64_t lengths = 0;
    bool **marks = arena_zalloc(arena, from->count * sizeof *marks);
    for (unsigned i = 0; i < from->count; i++)
        if (from->at[i].id == FIELD_OTHER)
            lengths |= length_bit(from->at[i].name);
    while (fields_next_member(from, FIELD_CONNECTION, &cursor, &member)) {
        if ((lengths & length_bit(member)) == 0)
            continue;
        if (names.count == 0)
            mark_names(from, &names, marks, arena);
        bool *mark = map_get(&names, arena_lower(arena, member));
        if (mark != NULL)
            *mark = true;
    }
    map_fini(&names);
    return marks;
}

void hop_copy(const struct fields *from, struct fields *to)
{
    bool has_connection = fields_find_known(from, FIELD_CONNECTION) != NULL;
    bool *const *marks = has_connection ? named_by_connection(from, to->arena) : NULL;
    for (unsigned i = 0; i < from->count; i++) {
        const struct field *field = &from->at[i];
        if (ends_here[field->id] || (has_connection && marks[i] != NULL && *marks[i]))
            continue;
        fields_add_field(to, field);
    }
}

void hop_add_via(struct fields *fields, uint8_t minor, struct str pseudonym, struct arena *arena)
{
    struct str own = arena_join(arena, minor == 0 ? STR("1.0 ") : STR("1.1 "), pseudonym);
    fields_add_known(fields, FIELD_VIA, own);
}

bool hop_is_loop(const struct fields *fields, struct str pseudonym)
{
    struct member_cursor cursor = {0};
    struct str member;
    while (fields_next_member(fields, FIELD_VIA, &cursor, &member)) {
        struct str by = str_trim(str_skip(member, str_find(member, ' ')));
        if (str_eq(str_head(by, str_find(by, ' ')), pseudonym))
            return true;
    }
    return false;
}

bool hop_is_last(const struct fields *fields)
{
    const struct field *field = fields_find_known(fields, FIELD_MAX_FORWARDS);
    return field != NULL && str_eq(field->value, STR("0"));
}

void hop_count(struct fields *fields, struct arena *arena)
{
    uint64_t left;
    const struct field *field = fields_find_known(fields, FIELD_MAX_FORWARDS);
    if (field == NULL || !number_parse_u64(field->value, UINT64_MAX, &left) || left == 0)
        return;
    fields_remove_known(fields, FIELD_MAX_FORWARDS);
    fields_add_known(fields, FIELD_MAX_FORWARDS, arena_printf(arena, "%llu", (unsigned long long)left - 1));
}
