#include "proxy/trailers.h"

bool trailers_announce(const struct head *from, struct head *out, struct arena *arena)
{
    struct member_cursor cursor = {0};
    struct str name, names = STR_NONE;
    if (from->framing != FRAMING_CHUNKED || out->framing != FRAMING_CHUNKED)
        return false;
    while (fields_next_member(&from->fields, FIELD_TRAILER, &cursor, &name)) {
        if (!is_token(name) || field_id_of(name) != FIELD_OTHER)
            continue;
        names = names.at == NULL ? name : arena_printf(arena, "%.*s, %.*s", STR_ARGS(names), STR_ARGS(name));
    }
    if (names.at == NULL)
        return false;
    fields_add_known(&out->fields, FIELD_TRAILER, names);
    return true;
}

void trailers_pass(struct stream *from, struct stream *to)
{
    to->ops->trailers_out(to, from->ops->trailers_in(from), &from->head.fields);
}
