/* time: days and hours on the clock of a zone. */
#include "acl/condition.h"

#include "base/number.h"
#include "base/opener.h"
#include "base/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVERY_DAY = 0x7f, DAY_MINUTES = 24 * 60, DAYS = 7 };

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", NULL};
#define ZONE_FOLDER "/usr/share/zoneinfo/"

/* `from` below `to`: on the days; else from the days' `from` to the next days' `to`. */
struct time_span {
    unsigned days; /* bit 0 is Sunday */
    int from;      /* minutes of the day */
    int to;        /* exclusive; DAY_MINUTES is midnight */
};

struct time_condition {
    struct time_span *spans;
    size_t count;
    const struct zone *zone;
};

static int read_day(struct str text)
{
    for (int i = 0; i < DAYS; i++)
        if (str_eq_nocase(text, str_of(day_names[i])))
            return i;
    return -1;
}

/* `Mon-Fri`, `Sat,Sun`, `Fri-Mon,Wed`: 0 when it is none. */
static unsigned read_days(struct str text)
{
    unsigned days = 0;
    struct str piece;
    while (str_cut(&text, ',', &piece)) {
        size_t dash = str_find(piece, '-');
        int first = read_day(str_head(piece, dash));
        int last = dash < piece.len ? read_day(str_skip(piece, dash + 1)) : first;
        if (first < 0 || last < 0)
            return 0;
        days |= 1u << last;
        for (int day = first; day != last; day = (day + 1) % DAYS)
            days |= 1u << day;
    }
    return days;
}

/* `8:00` or `08:00` as minutes, -1 when it is none. */
static int read_clock(struct str text)
{
    uint64_t hour, minute;
    size_t colon = str_find(text, ':');
    struct str minutes = str_skip(text, colon + 1);
    if (colon > 2 || minutes.len != 2 || !number_parse_u64(str_head(text, colon), 24, &hour) ||
        !number_parse_u64(minutes, 59, &minute) || (hour == 24 && minute > 0))
        return -1;
    return (int)(hour * 60 + minute);
}

/* NULL, or what is wrong. */
static const char *read_hours(struct str text, struct time_span *into)
{
    size_t dash = str_find(text, '-');
    int from = read_clock(str_head(text, dash)), to = dash < text.len ? read_clock(str_skip(text, dash + 1)) : -1;
    if (from < 0 || to < 0 || from == DAY_MINUTES)
        return "hours are two times from 00:00 to 24:00";
    if (from == to)
        return "it ends when it begins; the whole day is 00:00-24:00";
    into->from = from;
    into->to = to;
    return NULL;
}

static bool are_hours(const struct word *word)
{
    return str_find(word->text, ':') < word->text.len;
}

static bool refuse(const struct acl_scope *scope, const struct word *word, const char *why)
{
    char hint[32];
    const char *near = diag_nearest(str_head(word->text, 3), day_names);
    if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    diag_add(scope->diag, DIAG_ERROR, &word->place,
             near != NULL ? hint : "expected days like Mon-Fri or hours like 08:00-18:00", "'%.*s' is no time: %s",
             STR_ARGS(word->text), why);
    return false;
}

/* Cuts one SPEC off: days, hours, or days and hours. */
static bool take_span(const struct acl_scope *scope, const struct word **word, const struct word *end,
                      struct time_span *ret)
{
    const char *why = NULL;
    *ret = (struct time_span){EVERY_DAY, 0, DAY_MINUTES};
    if (!are_hours(*word)) {
        ret->days = read_days((*word)->text);
        if (ret->days == 0)
            return refuse(scope, *word, "days are Mon Tue Wed Thu Fri Sat Sun");
        if (++*word == end || !are_hours(*word))
            return true;
    }
    why = read_hours((*word)->text, ret);
    if (why != NULL)
        return refuse(scope, *word, why);
    ++*word;
    return true;
}

/* An opener may know only what the configuration names; a zone's file is no secret, and is read directly then. */
static const struct zone *read_zone(const struct acl_scope *scope, const char *path, const char **ret_why)
{
    char *bytes;
    size_t len;
    bool is_read = scope->opener != NULL && opener_read(scope->opener, path, ZONE_FILE_MAX, &bytes, &len);
    if (!is_read && !opener_read(opener_direct(), path, ZONE_FILE_MAX, &bytes, &len)) {
        *ret_why = errno == ENOENT ? "there is no such file" : strerror(errno);
        return NULL;
    }
    const struct zone *zone = zone_load(scope->arena, bytes, len, ret_why);
    free(bytes);
    return zone;
}

static const struct zone *named_zone(const struct acl_scope *scope, const struct word *word)
{
    char path[sizeof ZONE_FOLDER + 64];
    const char *why = "a zone is a name like Europe/Paris";
    const struct zone *zone = NULL;
    if (zone_is_name(word->text) && word->text.len < 64) {
        snprintf(path, sizeof path, ZONE_FOLDER "%.*s", STR_ARGS(word->text));
        zone = read_zone(scope, path, &why);
    }
    if (zone == NULL)
        diag_add(scope->diag, DIAG_ERROR, &word->place, "expected a name like Europe/Paris, a file below " ZONE_FOLDER,
                 "'%.*s' is no time zone: %s", STR_ARGS(word->text), why);
    return zone;
}

/* TZ, where it is set to a zone's name or to a rule, else /etc/localtime; without it, UTC (tzset(3)). */
static const struct zone *machine_zone(const struct acl_scope *scope)
{
    const char *set = getenv("TZ"), *why;
    char path[sizeof ZONE_FOLDER + 64];
    const struct zone *zone = NULL;
    struct str name = str_of(set != NULL && *set == ':' ? set + 1 : set);
    if (name.len > 0 && name.len < 64 && zone_is_name(name)) {
        snprintf(path, sizeof path, ZONE_FOLDER "%.*s", STR_ARGS(name));
        zone = read_zone(scope, path, &why);
    }
    if (zone == NULL && name.len > 0)
        zone = zone_of_rule(scope->arena, name);
    if (zone == NULL)
        zone = read_zone(scope, "/etc/localtime", &why);
    return zone != NULL ? zone : zone_utc();
}

struct condition *time_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct time_condition *condition = arena_new(scope->arena, struct time_condition);
    const struct word *end = values + count, *zone = NULL, *word = values;
    condition->spans = arena_zalloc(scope->arena, count * sizeof *condition->spans);
    if (count >= 2 && str_eq(values[count - 2].text, STR("zone"))) {
        zone = end - 1;
        end -= 2;
    }
    if (word == end || (zone == NULL && str_eq(end[-1].text, STR("zone")))) {
        diag_add(scope->diag, DIAG_ERROR, &values[0].place, "expected Mon-Fri, 08:00-18:00, or both; then zone NAME",
                 "'time' needs days or hours, and 'zone' a name behind it");
        return NULL;
    }
    bool had_days = false;
    while (word < end) {
        bool has_days = !are_hours(word);
        if (had_days && !has_days)
            diag_add(scope->diag, DIAG_WARNING, &word->place, "repeat the days before these hours, if they are meant",
                     "'%.*s' holds on every day of the week", STR_ARGS(word->text));
        if (!take_span(scope, &word, end, &condition->spans[condition->count++]))
            return NULL;
        had_days |= has_days;
    }
    condition->zone = zone != NULL ? named_zone(scope, zone) : machine_zone(scope);
    return condition->zone != NULL ? (void *)condition : NULL;
}

static bool has_day(const struct time_span *span, int weekday)
{
    return (span->days >> weekday & 1u) != 0;
}

/* What goes past midnight belongs to the day it begins on. */
static bool is_within(const struct time_span *span, const struct date *local)
{
    int minute = date_minute_of_day(local);
    if (span->from < span->to)
        return has_day(span, local->weekday) && minute >= span->from && minute < span->to;
    return (has_day(span, local->weekday) && minute >= span->from) ||
           (has_day(span, (local->weekday + DAYS - 1) % DAYS) && minute < span->to);
}

enum truth time_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct time_condition *time = (const void *)condition;
    struct date local;
    (void)ret_match;
    if (facts->clock != NULL) {
        facts->clock->was_asked = true;
        if (!facts->clock->is_given)
            return TRUTH_UNKNOWN;
        local = facts->clock->local;
    } else {
        local = zone_local(time->zone, facts->started);
    }
    for (size_t i = 0; i < time->count; i++)
        if (is_within(&time->spans[i], &local))
            return TRUTH_YES;
    return TRUTH_NO;
}
