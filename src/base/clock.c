#include "base/clock.h"

#include <time.h>

static _Thread_local struct mono mono_now;
static _Thread_local struct wall wall_now;

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_update(void)
{
    mono_now.us = read_us(CLOCK_MONOTONIC);
    wall_now.us = read_us(CLOCK_REALTIME);
}

struct mono clock_mono(void)
{
    if (mono_now.us == 0)
        clock_update();
    return mono_now;
}

struct wall clock_wall(void)
{
    if (wall_now.us == 0)
        clock_update();
    return wall_now;
}
