#include "base/descriptors.h"

#include <stdatomic.h>

static atomic_int total = 1024;
static atomic_int fixed;
static atomic_int clients;
static atomic_int idle;
static atomic_int others;

static int load(const atomic_int *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

void descriptors_set(unsigned most, unsigned used)
{
    atomic_store(&total, (int)most);
    atomic_store(&fixed, (int)used);
}

void descriptors_client(int change)
{
    atomic_fetch_add_explicit(&clients, change, memory_order_relaxed);
}

void descriptors_idle(int change)
{
    atomic_fetch_add_explicit(&idle, change, memory_order_relaxed);
}

void descriptors_other(int change)
{
    atomic_fetch_add_explicit(&others, change, memory_order_relaxed);
}

static int reserve(void)
{
    int part = load(&total) / 16;
    return part > 16 ? part : 16;
}

/* When every client has its connection to a server. */
static int left(void)
{
    return load(&total) - load(&fixed) - load(&others) - load(&idle) - 2 * load(&clients);
}

unsigned descriptors_clients(void)
{
    int open = load(&clients);
    return open > 0 ? (unsigned)open : 0;
}

bool descriptors_may_accept(void)
{
    return left() > reserve();
}

bool descriptors_are_short(void)
{
    return left() <= reserve() + reserve() / 4;
}

bool descriptors_can_spare(int count)
{
    return left() > reserve() + count;
}
