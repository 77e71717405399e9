#include "proxy/trailers.h"

#include "base/map.h"
#include "proxy/exchange.h"

/* Of which exchange, on which way. */
struct way {
    const struct exchange *x;
    enum rule_side side;
    struct map for_us; /* the names in Connection, in lower case */
};

static bool may_pass(struct str name, const void *of)
{
    const struct way *way = of;
    return is_token(name) && field_id_of(name) == FIELD_OTHER &&
           map_get(&way->for_us, arena_lower(way->x->arena, name)) == NULL &&
           way->x->mode->passes_trailer(way->x, way->side, name);
}

/* As hop_copy() leaves out of the head. */
static void find_names(const struct fields *from, struct way *way)
{
    static char mark;
    struct member_cursor cursor = {0};
    struct str member;
    while (fields_next_member(from, FIELD_CONNECTION, &cursor, &member))
        map_put(&way->for_us, arena_lower(way->x->arena, member), &mark);
}

const struct fields *trailers_announce(const struct exchange *x, enum rule_side side, const struct head *from,
                                       struct head *out)
{
    struct way way = {.x = x, .side = side};
    if (from->framing != FRAMING_CHUNKED || out->framing != FRAMING_CHUNKED)
        return NULL;
    if (fields_find_known(&from->fields, FIELD_TRAILER) == NULL)
        return NULL;
    find_names(&from->fields, &way);
    struct str names = fields_join(&from->fields, FIELD_TRAILER, may_pass, &way, x->arena);
    map_fini(&way.for_us);
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
