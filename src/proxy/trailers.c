#include "proxy/trailers.h"

#include "proxy/exchange.h"

/* Of which exchange, on which way. */
struct way {
    const struct exchange *x;
    enum rule_side side;
};

static bool may_pass(struct str name, const void *of)
{
    const struct way *way = of;
    return is_token(name) && field_id_of(name) == FIELD_OTHER && way->x->mode->passes_trailer(way->x, way->side, name);
}

const struct fields *trailers_announce(const struct exchange *x, enum rule_side side, const struct head *from,
                                       struct head *out)
{
    const struct way way = {x, side};
    if (from->framing != FRAMING_CHUNKED || out->framing != FRAMING_CHUNKED)
        return NULL;
    struct str names = fields_join(&from->fields, FIELD_TRAILER, may_pass, &way, x->arena);
    if (names.at == NULL)
        return NULL;
    struct fields *announced = arena_alloc(x->arena, sizeof *announced);
    fields_init(announced, x->arena);
    fields_add_known(announced, FIELD_TRAILER, names);
    fields_add_known(&out->fields, FIELD_TRAILER, names);
    return announced;
}

void trailers_pass(struct stream *from, struct stream *to, const struct fields *announced)
{
    to->ops->trailers_out(to, from->ops->trailers_in(from), announced);
}
