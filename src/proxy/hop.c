#include "proxy/hop.h"

/* Of the fields gatehouse knows, those that end here. Proxy-Authenticate and Proxy-Authorization are between the client and us. */
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

/* One walk through the options, of which a hostile client may name thousands. */
static const bool *named_by_connection(const struct fields *from, struct arena *arena)
{
    struct member_cursor cursor = {0};
    struct str member;
    bool *is_named = arena_zalloc(arena, from->count * sizeof *is_named);
    while (fields_next_member(from, FIELD_CONNECTION, &cursor, &member))
        for (unsigned i = 0; i < from->count; i++)
            if (from->at[i].id == FIELD_OTHER && from->at[i].name.len == member.len &&
                str_eq_nocase(from->at[i].name, member))
                is_named[i] = true;
    return is_named;
}

void hop_copy(const struct fields *from, struct fields *to)
{
    bool has_connection = fields_find_known(from, FIELD_CONNECTION) != NULL;
    const bool *is_named = has_connection ? named_by_connection(from, to->arena) : NULL;
    for (unsigned i = 0; i < from->count; i++) {
        const struct field *field = &from->at[i];
        if (ends_here[field->id] || (has_connection && is_named[i]))
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
