#include "base/zone_rule.h"

#include "base/date.h"
#include "base/number.h"

enum { DAY = 86400, HOUR = 3600 };

static bool take(struct str *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

/* 1 to 3 digits. */
static bool take_number(struct str *rest, int min, int max, int *ret)
{
    size_t digits = 0;
    uint64_t value;
    while (digits < rest->len && digits < 3 && char_is_digit(rest->at[digits]))
        digits++;
    if (!number_parse_u64(str_head(*rest, digits), (uint64_t)max, &value) || (int)value < min)
        return false;
    *ret = (int)value;
    *rest = str_skip(*rest, digits);
    return true;
}

/* Three letters or more, or in <> also digits and signs. */
static bool take_name(struct str *rest)
{
    size_t len = 0;
    if (take(rest, '<')) {
        len = str_find(*rest, '>');
        if (len < 3 || len == rest->len)
            return false;
        *rest = str_skip(*rest, len + 1);
        return true;
    }
    while (len < rest->len && char_is_alpha(rest->at[len]))
        len++;
    *rest = str_skip(*rest, len);
    return len >= 3;
}

/* [+-]hh[:mm[:ss]] as seconds. */
static bool take_time(struct str *rest, int max_hour, int *ret)
{
    bool is_negative = take(rest, '-');
    if (!is_negative)
        take(rest, '+');
    int hour, minute = 0, second = 0;
    if (!take_number(rest, 0, max_hour, &hour))
        return false;
    if (take(rest, ':')) {
        if (!take_number(rest, 0, 59, &minute))
            return false;
        if (take(rest, ':') && !take_number(rest, 0, 59, &second))
            return false;
    }
    int total = hour * HOUR + minute * 60 + second;
    *ret = is_negative ? -total : total;
    return true;
}

/* POSIX counts west of Greenwich. */
static bool take_offset(struct str *rest, int *ret)
{
    int west;
    if (!take_time(rest, 24, &west))
        return false;
    *ret = -west;
    return true;
}

static bool take_date(struct str *rest, struct zone_day *day)
{
    if (take(rest, 'M')) {
        day->kind = ZONE_DAY_WEEK;
        return take_number(rest, 1, 12, &day->month) && take(rest, '.') && take_number(rest, 1, 5, &day->week) &&
               take(rest, '.') && take_number(rest, 0, 6, &day->day);
    }
    if (take(rest, 'J')) {
        day->kind = ZONE_DAY_JULIAN;
        return take_number(rest, 1, 365, &day->day);
    }
    day->kind = ZONE_DAY_COUNT;
    return take_number(rest, 0, 365, &day->day);
}

static bool take_day(struct str *rest, struct zone_day *day)
{
    if (!take(rest, ',') || !take_date(rest, day))
        return false;
    day->time = 2 * HOUR;
    return !take(rest, '/') || take_time(rest, 167, &day->time);
}

bool zone_rule_parse(struct str text, struct zone_rule *ret)
{
    struct zone_rule rule = {0};
    if (!take_name(&text) || !take_offset(&text, &rule.standard))
        return false;
    if (text.len > 0) {
        rule.has_summer = true;
        rule.summer = rule.standard + HOUR;
        if (!take_name(&text))
            return false;
        if (text.len > 0 && text.at[0] != ',' && !take_offset(&text, &rule.summer))
            return false;
        if (!take_day(&text, &rule.begin) || !take_day(&text, &rule.end))
            return false;
    }
    if (text.len > 0)
        return false;
    *ret = rule;
    return true;
}

static int64_t first_of(int year, int month)
{
    struct date date = {.year = year, .month = month, .day = 1};
    return date_seconds(&date);
}

/* When the day's time comes in that year, by its own clock. */
static int64_t time_in(const struct zone_day *day, int year)
{
    int64_t january = first_of(year, 1);
    if (day->kind == ZONE_DAY_COUNT)
        return january + (int64_t)day->day * DAY + day->time;
    if (day->kind == ZONE_DAY_JULIAN) {
        bool is_leap = first_of(year, 3) - january == 60 * DAY;
        return january + (int64_t)(day->day - 1 + (is_leap && day->day >= 60)) * DAY + day->time;
    }
    int64_t first = first_of(year, day->month);
    int64_t next = day->month == 12 ? first_of(year + 1, 1) : first_of(year, day->month + 1);
    int64_t at = first + ((day->day - date_of(first).weekday + 7) % 7 + (day->week - 1) * 7) * DAY;
    return (at >= next ? at - 7 * DAY : at) + day->time;
}

int zone_rule_offset(const struct zone_rule *rule, int64_t seconds)
{
    if (!rule->has_summer)
        return rule->standard;
    int year = date_of(seconds + rule->standard).year;
    int64_t begin = time_in(&rule->begin, year) - rule->standard;
    int64_t end = time_in(&rule->end, year) - rule->summer;
    bool is_summer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
    return is_summer ? rule->summer : rule->standard;
}
