#include "base/object.h"

#include "base/must.h"

#include <stdatomic.h>

static _Atomic long shared[OBJECT_KIND_COUNT];
static _Thread_local long own[OBJECT_KIND_COUNT];

#define OBJECT_NAME(kind, name) [OBJECT_##kind] = name,
static const char *const names[OBJECT_KIND_COUNT] = {OBJECT_KINDS(OBJECT_NAME)};
#undef OBJECT_NAME

void object_count_up(enum object_kind kind)
{
    own[kind]++;
}

void object_count_down(enum object_kind kind)
{
    own[kind]--;
}

long object_alive(enum object_kind kind)
{
    return atomic_load_explicit(&shared[kind], memory_order_relaxed) + own[kind];
}

void object_report(struct text *into)
{
    const char *between = "";
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        long alive = object_alive((enum object_kind)kind);
        if (alive == 0)
            continue;
        text_printf(into, "%s%s %ld", between, names[kind], alive);
        between = ", ";
    }
}

void object_thread_done(void)
{
    for (size_t kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        atomic_fetch_add_explicit(&shared[kind], own[kind], memory_order_relaxed);
        own[kind] = 0;
    }
}
