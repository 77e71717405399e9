#include "proxy/readings.h"

#include "http/path.h"

struct str second_reading(struct arena *arena, struct str path)
{
    struct str canonical, second;
    if (path.len == 0 || path.at[0] != '/' || !path_canonical(arena, path, &canonical, &second) || second.at == NULL)
        return path;
    return second;
}

static bool same_acted(const struct acted *a, const struct acted *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next)
        if (a->rule != b->rule)
            return false;
    return a == b;
}

bool readings_agree(const struct verdict *a, struct str path_a, const struct verdict *b, struct str path_b,
                    struct arena *arena)
{
    return a->action == b->action && a->rule == b->rule && same_acted(a->acted, b->acted) &&
           str_eq(second_reading(arena, path_a), path_b);
}
