#include "base/date.h"

#include "base/number.h"

#include <stdio.h>

enum { DAY = 86400, YEAR_MAX = 9999 };

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", NULL};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                     "Aug", "Sep", "Oct", "Nov", "Dec", NULL};

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, in eras of 400 years. */
static int64_t days_to(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = divide_down(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void set_day(struct date *date, int64_t day)
{
    int64_t from_march = day + 719468;
    int64_t era = divide_down(from_march, 146097);
    int64_t day_of_era = from_march - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    date->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    date->month = (int)(month < 10 ? month + 3 : month - 9);
    date->year = (int)(year_of_era + era * 400 + (date->month <= 2));
    date->weekday = (int)(day + 4 - divide_down(day + 4, 7) * 7);
}

struct date date_of(int64_t seconds)
{
    static const int64_t far = INT64_C(60000000000000000); /* keeps the year within an int */
    struct date date;
    seconds = seconds > far ? far : seconds < -far ? -far : seconds;
    int64_t day = divide_down(seconds, DAY);
    int in_day = (int)(seconds - day * DAY);
    set_day(&date, day);
    date.hour = in_day / 3600;
    date.minute = in_day / 60 % 60;
    date.second = in_day % 60;
    return date;
}

int64_t date_seconds(const struct date *date)
{
    return days_to(date->year, date->month, date->day) * DAY + date->hour * 3600 + date->minute * 60 + date->second;
}

static int days_in(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : lengths[month - 1];
}

bool date_is_valid(const struct date *date)
{
    return date->year >= 1 && date->year <= YEAR_MAX && date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= days_in(date->year, date->month) && date->hour >= 0 && date->hour <= 23 && date->minute >= 0 &&
           date->minute <= 59 && date->second >= 0 && date->second <= 59;
}

/* With years that have four digits. */
static struct date date_to_write(struct wall wall, int *ret_ms)
{
    int64_t seconds = divide_down(wall.us, 1000000);
    struct date date = date_of(seconds);
    int us = (int)(wall.us % 1000000);
    *ret_ms = (us < 0 ? us + 1000000 : us) / 1000;
    if (date.year < 0)
        date.year = 0;
    if (date.year > YEAR_MAX)
        date.year = YEAR_MAX;
    return date;
}

size_t date_http(struct wall wall, char into[DATE_TEXT_MAX])
{
    int ms;
    struct date d = date_to_write(wall, &ms);
    return (size_t)snprintf(into, DATE_TEXT_MAX, "%.3s, %02d %s %04d %02d:%02d:%02d GMT", days[d.weekday], d.day,
                            months[d.month - 1], d.year, d.hour, d.minute, d.second);
}

size_t date_iso(struct wall wall, char into[DATE_TEXT_MAX])
{
    int ms;
    struct date d = date_to_write(wall, &ms);
    return (size_t)snprintf(into, DATE_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", d.year, d.month, d.day, d.hour,
                            d.minute, d.second, ms);
}

size_t date_common(struct wall wall, char into[DATE_TEXT_MAX])
{
    int ms;
    struct date d = date_to_write(wall, &ms);
    return (size_t)snprintf(into, DATE_TEXT_MAX, "%02d/%s/%04d:%02d:%02d:%02d +0000", d.day, months[d.month - 1],
                            d.year, d.hour, d.minute, d.second);
}

struct str date_now(void)
{
    static _Thread_local char text[DATE_TEXT_MAX];
    static _Thread_local size_t len;
    static _Thread_local int64_t second;
    struct wall now = clock_wall();
    if (len == 0 || wall_seconds(now) != second) {
        second = wall_seconds(now);
        len = date_http(now, text);
    }
    return str_from(text, len);
}

/* Reads exactly `width` digits. */
static bool scan_number(struct str *rest, size_t width, int *ret)
{
    uint64_t value;
    if (rest->len < width || !number_parse_u64(str_head(*rest, width), YEAR_MAX, &value))
        return false;
    *ret = (int)value;
    *rest = str_skip(*rest, width);
    return true;
}

/* Reads one of the names, of which only the first `width` letters stand in the text when that is not 0. */
static bool scan_name(struct str *rest, const char *const *names, size_t width, int *ret)
{
    for (int i = 0; names[i] != NULL; i++) {
        struct str name = str_of(names[i]);
        if (width > 0)
            name = str_head(name, width);
        if (!str_starts(*rest, name))
            continue;
        *ret = i;
        *rest = str_skip(*rest, name.len);
        return true;
    }
    return false;
}

/* RFC 850 has two digits: the year that is at most 50 years ahead. */
static int full_year(int two_digits)
{
    int now = date_of(wall_seconds(clock_wall())).year;
    int year = now - now % 100 + two_digits;
    if (year > now + 50)
        return year - 100;
    return year + 100 <= now + 50 ? year + 100 : year;
}

/* One field of a form: the letters are those of strptime(3). */
static bool scan_field(char letter, struct str *rest, struct date *date)
{
    switch (letter) {
    case 'A':
        return scan_name(rest, days, 0, &date->weekday);
    case 'a':
        return scan_name(rest, days, 3, &date->weekday);
    case 'b':
        if (!scan_name(rest, months, 0, &date->month))
            return false;
        date->month++;
        return true;
    case 'Y':
        return scan_number(rest, 4, &date->year);
    case 'y':
        if (!scan_number(rest, 2, &date->year))
            return false;
        date->year = full_year(date->year);
        return true;
    case 'm':
        return scan_number(rest, 2, &date->month);
    case 'e': /* a space stands for a leading zero */
        if (str_starts(*rest, STR(" "))) {
            *rest = str_skip(*rest, 1);
            return scan_number(rest, 1, &date->day);
        }
        return scan_number(rest, 2, &date->day);
    case 'd':
        return scan_number(rest, 2, &date->day);
    case 'H':
        return scan_number(rest, 2, &date->hour);
    case 'M':
        return scan_number(rest, 2, &date->minute);
    case 'S':
        return scan_number(rest, 2, &date->second);
    default:
        return false;
    }
}

/* Reads the beginning of `*rest` in this form; what the form does not name is 0 in the date. */
static bool scan(struct str *rest, const char *form, struct date *ret)
{
    struct date date = {0};
    for (; *form != '\0'; form++) {
        if (*form == '%') {
            if (!scan_field(*++form, rest, &date))
                return false;
        } else {
            if (rest->len == 0 || rest->at[0] != *form)
                return false;
            *rest = str_skip(*rest, 1);
        }
    }
    *ret = date;
    return true;
}

static struct wall wall_of(const struct date *date, int us)
{
    return (struct wall){date_seconds(date) * 1000000 + us};
}

bool date_parse_http(struct str text, struct wall *ret)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y", NULL};
    for (const char *const *form = forms; *form != NULL; form++) {
        struct str rest = text;
        struct date date;
        if (!scan(&rest, *form, &date) || rest.len > 0)
            continue;
        if (date.second == 60)
            date.second = 59;
        if (!date_is_valid(&date) || date_of(date_seconds(&date)).weekday != date.weekday)
            return false;
        *ret = wall_of(&date, 0);
        return true;
    }
    return false;
}

/* A dot and 1 to 6 digits, as microseconds. */
static bool scan_fraction(struct str *rest, int *ret_us)
{
    size_t digits = 0;
    int us = 0;
    struct str s = str_skip(*rest, 1);
    while (digits < 6 && digits < s.len && char_is_digit(s.at[digits]))
        us = us * 10 + (s.at[digits++] - '0');
    *rest = str_skip(s, digits);
    for (size_t i = digits; i < 6; i++)
        us *= 10;
    *ret_us = us;
    return digits > 0;
}

bool date_parse_iso(struct str text, struct wall *ret)
{
    struct date date;
    int us = 0;
    if (!scan(&text, "%Y-%m-%dT%H:%M:%S", &date) || !date_is_valid(&date))
        return false;
    if (str_starts(text, STR(".")) && !scan_fraction(&text, &us))
        return false;
    if (!str_eq(text, STR("Z")))
        return false;
    *ret = wall_of(&date, us);
    return true;
}

bool date_parse_local(struct str text, struct date *ret)
{
    struct date date;
    struct str rest = text;
    bool is_read = scan(&rest, "%Y-%m-%d %H:%M", &date);
    if (!is_read) {
        rest = text;
        is_read = scan(&rest, "%Y-%m-%d", &date);
    }
    if (!is_read || rest.len > 0 || !date_is_valid(&date))
        return false;
    date.weekday = date_of(date_seconds(&date)).weekday;
    *ret = date;
    return true;
}
