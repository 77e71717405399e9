#include "base/memory.h"

#include <stdatomic.h>

enum { STEP = 64 * 1024 };

static _Atomic ptrdiff_t shared;
static _Atomic size_t limit;
static _Thread_local ptrdiff_t own;

void memory_count(ptrdiff_t change)
{
    own += change;
    if (own > STEP || own < -STEP)
        memory_thread_done();
}

void memory_thread_done(void)
{
    atomic_fetch_add_explicit(&shared, own, memory_order_relaxed);
    own = 0;
}

size_t memory_in_use(void)
{
    ptrdiff_t sum = atomic_load_explicit(&shared, memory_order_relaxed) + own;
    return sum > 0 ? (size_t)sum : 0;
}

void memory_set_limit(size_t bytes)
{
    atomic_store_explicit(&limit, bytes, memory_order_relaxed);
}

unsigned memory_pressure(void)
{
    size_t bytes = atomic_load_explicit(&limit, memory_order_relaxed);
    if (bytes == 0)
        return 0;
    size_t percent = memory_in_use() / (bytes / 100 + 1);
    return percent > 1000 ? 1000 : (unsigned)percent;
}
