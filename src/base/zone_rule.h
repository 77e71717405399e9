/*
 * The rule of a time zone as POSIX writes it in TZ, and as the last line of a TZif file holds it (RFC 8536, 3.3):
 * `CET-1CEST,M3.5.0,M10.5.0/3`. Part of base/zone.
 */
#ifndef BASE_ZONE_RULE_H
#define BASE_ZONE_RULE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { ZONE_OFFSET_MAX = 26 * 3600 }; /* RFC 8536 allows no more */

enum zone_day_kind {
    ZONE_DAY_WEEK,   /* Mm.w.d: a weekday of a week of a month; week 5 is the last */
    ZONE_DAY_JULIAN, /* Jn: 1 to 365, never 29 February */
    ZONE_DAY_COUNT   /* n: 0 to 365, 29 February counts */
};

struct zone_day {
    enum zone_day_kind kind;
    int month;
    int week;
    int day;
    int time; /* seconds from midnight, may be negative or beyond the day */
};

/* Offsets in seconds east of UTC. */
struct zone_rule {
    int standard;
    int summer;
    bool has_summer;
    struct zone_day begin; /* of summer time, in standard time */
    struct zone_day end;   /* of summer time, in summer time */
};

bool zone_rule_parse(struct str text, struct zone_rule *ret);
int zone_rule_offset(const struct zone_rule *rule, int64_t seconds);

#endif
