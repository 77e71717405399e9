#include "process/keeper_pace.h"

#include <stdbool.h>

enum { ONE = 1000 * 1000, AT_ONCE_PART = 10 };

static uint64_t most_credit(const struct pace *pace)
{
    uint64_t most = pace->per_second * ONE / AT_ONCE_PART;
    return most > ONE ? most : ONE;
}

void pace_init(struct pace *pace, uint64_t per_second, struct mono now)
{
    *pace = (struct pace){.per_second = per_second, .looked_at = now};
    pace->credit = most_credit(pace);
}

int pace_allows(struct pace *pace, int most, struct mono now)
{
    if (pace->per_second == 0)
        return most;
    uint64_t full = most_credit(pace);
    uint64_t passed_us = (uint64_t)(now.us - pace->looked_at.us);
    pace->looked_at = now;
    /* a microsecond's worth is `per_second` millionths */
    bool is_full = passed_us > full || pace->credit + passed_us * pace->per_second > full;
    pace->credit = is_full ? full : pace->credit + passed_us * pace->per_second;
    uint64_t whole = pace->credit / ONE;
    return whole < (uint64_t)most ? (int)whole : most;
}

void pace_spend(struct pace *pace, int count)
{
    if (pace->per_second != 0)
        pace->credit -= (uint64_t)count * ONE;
}

msec pace_wait(const struct pace *pace)
{
    if (pace->per_second == 0 || pace->credit >= ONE)
        return 0;
    uint64_t us = (ONE - pace->credit + pace->per_second - 1) / pace->per_second;
    return (msec)((us + 999) / 1000);
}
