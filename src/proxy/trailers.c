#include "proxy/trailers.h"

static bool is_harmless(struct str name)
{
    return is_token(name) && field_id_of(name) == FIELD_OTHER;
}

bool trailers_announce(const struct head *from, struct head *out, struct arena *arena)
{
    if (from->framing != FRAMING_CHUNKED || out->framing != FRAMING_CHUNKED)
        return false;
    struct str names = fields_join(&from->fields, FIELD_TRAILER, is_harmless, arena);
    if (names.at == NULL)
        return false;
    fields_add_known(&out->fields, FIELD_TRAILER, names);
    return true;
}

void trailers_pass(struct stream *from, struct stream *to)
{
    to->ops->trailers_out(to, from->ops->trailers_in(from), &from->head.fields);
}
