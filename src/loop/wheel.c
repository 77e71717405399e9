#include "loop/wheel.h"

static uint64_t tick_of(struct mono instant)
{
    return (uint64_t)instant.us / (WHEEL_TICK_MS * 1000);
}

void wheel_init(struct wheel *wheel, struct mono now)
{
    wheel->now = tick_of(now);
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
            list_init(&wheel->slots[level][slot]);
    }
}

/* Beyond the last level's reach a timer is put into its farthest slot, and from there again, until it is near. */
static void place(struct wheel *wheel, struct timer *timer)
{
    uint64_t tick = tick_of(timer->due) + 1; /* never early */
    if (tick <= wheel->now)
        tick = wheel->now + 1;
    timer->tick = tick;
    uint64_t away = tick - wheel->now;
    unsigned level = 0;
    while (level < WHEEL_LEVELS - 1 && away >> (6 * (level + 1)) != 0)
        level++;
    if (away >> (6 * WHEEL_LEVELS) != 0)
        tick = wheel->now + ((uint64_t)(WHEEL_SLOTS - 1) << (6 * (WHEEL_LEVELS - 1)));
    unsigned slot = (tick >> (6 * level)) % WHEEL_SLOTS;
    wheel->occupied[level] |= (uint64_t)1 << slot;
    list_push_back(&wheel->slots[level][slot], &timer->link);
}

void wheel_add(struct wheel *wheel, struct timer *timer)
{
    list_remove(&timer->link);
    place(wheel, timer);
}

/* A timer that was set to later, or cleared, since it was put here moves on, or is dropped: that is what lazy means. */
static void empty_slot(struct wheel *wheel, unsigned level, unsigned slot, struct mono now)
{
    struct list timers;
    list_init(&timers);
    list_take_all(&timers, &wheel->slots[level][slot]);
    wheel->occupied[level] &= ~((uint64_t)1 << slot);
    struct list *link;
    while ((link = list_pop_front(&timers)) != NULL) {
        struct timer *timer = (struct timer *)(void *)link; /* link is its first member */
        if (timer->due.us == 0)
            continue;
        if (timer->due.us <= now.us)
            task_wake(timer->task);
        else
            place(wheel, timer);
    }
}

void wheel_advance(struct wheel *wheel, struct mono now)
{
    uint64_t until = tick_of(now);
    while (wheel->now < until) {
        wheel->now++;
        for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--)
            if (wheel->now % ((uint64_t)1 << (6 * level)) == 0)
                empty_slot(wheel, level, (wheel->now >> (6 * level)) % WHEEL_SLOTS, now);
        unsigned slot = wheel->now % WHEEL_SLOTS;
        if (wheel->occupied[0] >> slot & 1)
            empty_slot(wheel, 0, slot, now);
    }
}

/* The first tick after the wheel's at which a slot of the level that may hold timers is looked at. */
static uint64_t next_of_level(const struct wheel *wheel, unsigned level)
{
    uint64_t position = wheel->now >> (6 * level);
    unsigned shift = (unsigned)((position + 1) % WHEEL_SLOTS);
    uint64_t bits = wheel->occupied[level];
    uint64_t rotated = shift == 0 ? bits : bits >> shift | bits << (WHEEL_SLOTS - shift);
    return (position + 1 + (unsigned)__builtin_ctzll(rotated)) << (6 * level);
}

msec wheel_next(const struct wheel *wheel, struct mono now)
{
    uint64_t next = UINT64_MAX;
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        if (wheel->occupied[level] == 0)
            continue;
        uint64_t tick = next_of_level(wheel, level);
        if (tick < next)
            next = tick;
    }
    if (next == UINT64_MAX)
        return -1;
    msec wait = (msec)(next * WHEEL_TICK_MS) - now.us / 1000;
    return wait > 0 ? wait : 0;
}
