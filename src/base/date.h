/*
 * Dates of the Gregorian calendar and their texts: HTTP's (RFC 9110, 5.6.7), ISO 8601 for JSON, the common log
 * format's.
 *
 * Everything here is in UTC, except that a struct date can hold the local time of a zone (base/zone.h). Reading is
 * strict: a text that is no valid date in its form is refused, not repaired.
 */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/clock.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct date {
    int year;
    int month;   /* 1 to 12 */
    int day;     /* 1 to 31 */
    int weekday; /* 0 is Sunday */
    int hour;    /* 0 to 23 */
    int minute;
    int second;
};

enum { DATE_TEXT_MAX = 48 }; /* room for any date as text, terminated */

/* From and to seconds since 1970-01-01 00:00, in the proleptic calendar; date_seconds() does not look at the
   weekday. */
struct date date_of(int64_t seconds);
int64_t date_seconds(const struct date *date);
/* Month, day (of that month and year), hour, minute and second are in their ranges; no leap second, years 1 to 9999. */
bool date_is_valid(const struct date *date);
static inline int date_minute_of_day(const struct date *date)
{
    return date->hour * 60 + date->minute;
}

/* The present as an IMF-fixdate, for the Date field: made once a second and thread, borrowed until this thread's next
   call in a later second. */
struct str date_now(void);

/* Each writes a terminated text and returns its length. Years outside 0 to 9999 are written as the nearest of these. */
size_t date_http(struct wall wall, char into[DATE_TEXT_MAX]);   /* Wed, 25 Nov 2026 08:00:00 GMT */
size_t date_iso(struct wall wall, char into[DATE_TEXT_MAX]);    /* 2026-11-25T08:00:00.123Z */
size_t date_common(struct wall wall, char into[DATE_TEXT_MAX]); /* 25/Nov/2026:08:00:00 +0000 */

/* The three forms of RFC 9110: IMF-fixdate, RFC 850 (the two digits of its year mean the year that is at most 50 years
   after the present), asctime. Case-sensitive, as the RFC has it. The weekday must be the right one. A second 60 is
   read as 59. */
bool date_parse_http(struct str text, struct wall *ret);
/* What date_iso() writes, with or without the fraction (1 to 6 digits). */
bool date_parse_iso(struct str text, struct wall *ret);
/* `YYYY-MM-DD`, or `YYYY-MM-DD HH:MM`: a local time of no zone in particular. */
bool date_parse_local(struct str text, struct date *ret);

#endif
