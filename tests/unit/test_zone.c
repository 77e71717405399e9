#include "base/zone.h"

#include "base/opener.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

Suite *suite_zone(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

static struct wall wall_at(int64_t seconds)
{
    return (struct wall){seconds * 1000000};
}

/* UTC as "YYYY-MM-DD HH:MM". */
static struct wall utc(const char *text)
{
    struct date date = {0};
    ck_assert_msg(date_parse_local(str_of(text), &date), "%s", text);
    return wall_at(date_seconds(&date));
}

static const char *local(const struct zone *zone, struct wall wall)
{
    static char text[64];
    struct date d = zone_local(zone, wall);
    snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d", d.year, d.month, d.day, d.hour, d.minute);
    return text;
}

static const struct zone *rule_zone(const char *rule)
{
    const struct zone *zone = zone_of_rule(&arena, str_of(rule));
    ck_assert_msg(zone != NULL, "%s", rule);
    return zone;
}

START_TEST(test_rules)
{
    const struct zone *paris = rule_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    ck_assert_str_eq(local(paris, utc("2026-01-01 00:00")), "2026-01-01 01:00");
    ck_assert_str_eq(local(paris, utc("2026-03-29 00:59")), "2026-03-29 01:59");
    ck_assert_str_eq(local(paris, utc("2026-03-29 01:00")), "2026-03-29 03:00");
    ck_assert_str_eq(local(paris, utc("2026-10-25 00:59")), "2026-10-25 02:59");
    ck_assert_str_eq(local(paris, utc("2026-10-25 01:00")), "2026-10-25 02:00");
    ck_assert_str_eq(local(paris, utc("2026-12-31 23:30")), "2027-01-01 00:30");

    const struct zone *sydney = rule_zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
    ck_assert_str_eq(local(sydney, utc("2026-01-01 00:00")), "2026-01-01 11:00");
    ck_assert_str_eq(local(sydney, utc("2025-12-31 13:30")), "2026-01-01 00:30");
    ck_assert_str_eq(local(sydney, utc("2026-04-04 16:00")), "2026-04-05 02:00");
    ck_assert_str_eq(local(sydney, utc("2026-07-01 00:00")), "2026-07-01 10:00");

    const struct zone *dublin = rule_zone("IST-1GMT0,M10.5.0,M3.5.0/1"); /* summer is the standard */
    ck_assert_str_eq(local(dublin, utc("2026-01-01 00:00")), "2026-01-01 00:00");
    ck_assert_str_eq(local(dublin, utc("2026-07-01 00:00")), "2026-07-01 01:00");

    const struct zone *nuuk = rule_zone("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
    ck_assert_str_eq(local(nuuk, utc("2026-03-29 00:59")), "2026-03-28 22:59");
    ck_assert_str_eq(local(nuuk, utc("2026-03-29 01:00")), "2026-03-29 00:00");

    const struct zone *always = rule_zone("XXX3EDT4,0/0,J365/23"); /* RFC 8536: summer time all year */
    ck_assert_int_eq(zone_offset(always, utc("2026-01-01 02:00")), -4 * 3600);
    ck_assert_int_eq(zone_offset(always, utc("2026-07-01 02:00")), -4 * 3600);
    ck_assert_int_eq(zone_offset(rule_zone("<+0545>-5:45"), wall_at(0)), 20700);
    ck_assert_int_eq(zone_offset(rule_zone("LMT-0:09:21"), wall_at(0)), 561);
    ck_assert_int_eq(zone_offset(zone_utc(), wall_at(0)), 0);

    const struct zone *julian = rule_zone("AAA0BBB,J60,J300"); /* 1 March in every year */
    ck_assert_str_eq(local(julian, utc("2024-03-01 02:00")), "2024-03-01 03:00");
    ck_assert_str_eq(local(julian, utc("2024-02-29 23:00")), "2024-02-29 23:00");
    const struct zone *counted = rule_zone("AAA0BBB,59,300"); /* 29 February in leap years */
    ck_assert_str_eq(local(counted, utc("2024-02-29 02:00")), "2024-02-29 03:00");
    ck_assert_str_eq(local(counted, utc("2023-03-01 02:00")), "2023-03-01 03:00");
}
END_TEST

START_TEST(test_rules_refused)
{
    static const char *const wrong[] = {
        "",
        "CET",
        "CE-1",
        "CET-25",
        "CET-1CEST",
        "CET-1CEST,",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,J0,J300",
        "CET-1CEST,J366,J300",
        "CET-1CEST,366,300",
        "CET-1CEST,M3.5.0,M10.5.0x",
        "CET-1:60",
        "<+01",
        "<>1",
        "1CET",
        "CET-1 ",
        "CET-1CEST,M3.5.0/,M10.5.0",
        "CET--1",
        "CET-1CEST,M3..0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.0.0,M10.5.0",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(zone_of_rule(&arena, str_of(wrong[i])) == NULL, "%s", wrong[i]);
}
END_TEST

static void check_instant(const struct zone *zone, const char *local_text, const char *utc_text)
{
    struct date date = {0};
    ck_assert(date_parse_local(str_of(local_text), &date));
    ck_assert_msg(zone_instant(zone, &date).us == utc(utc_text).us, "%s", local_text);
}

START_TEST(test_instant)
{
    const struct zone *paris = rule_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    check_instant(paris, "2026-01-15 12:00", "2026-01-15 11:00");
    check_instant(paris, "2026-07-15 12:00", "2026-07-15 10:00");
    check_instant(paris, "2026-03-29 01:59", "2026-03-29 00:59");
    check_instant(paris, "2026-03-29 02:30", "2026-03-29 01:30"); /* skipped: comes out as 03:30 */
    check_instant(paris, "2026-03-29 03:00", "2026-03-29 01:00");
    check_instant(paris, "2026-10-25 01:59", "2026-10-24 23:59");
    check_instant(paris, "2026-10-25 02:30", "2026-10-25 00:30"); /* twice: the earlier */
    check_instant(paris, "2026-10-25 03:00", "2026-10-25 02:00");
    check_instant(rule_zone("AEST-10AEDT,M10.1.0,M4.1.0/3"), "2026-01-01 00:00", "2025-12-31 13:00");
    check_instant(rule_zone("<+14>-14"), "2026-01-01 00:00", "2025-12-31 10:00");
    check_instant(rule_zone("<-12>12"), "2026-01-01 00:00", "2026-01-01 12:00");
    check_instant(zone_utc(), "2026-01-01 00:00", "2026-01-01 00:00");
}
END_TEST

START_TEST(test_names)
{
    static const char *const good[] = {"UTC",       "Europe/Paris", "America/Argentina/Buenos_Aires",
                                       "Etc/GMT+5", "Etc/GMT-14",   "EST5EDT"};
    static const char *const wrong[] = {"",        "/",   "/etc/passwd", "../UTC",        "Europe/..", "Europe//Paris",
                                        "Europe/", "a.b", ".",           "Europe/Paris ", "a\\b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(zone_is_name(str_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!zone_is_name(str_of(wrong[i])), "%s", wrong[i]);
    ck_assert(!zone_is_name(str_from("UTC\0", 4)));
}
END_TEST

/* A file made by hand: two changes, 3600 from 1000 on, 7200 from 2000 on, 0 before; then the rule. */
struct file {
    char bytes[400];
    size_t len;
};

static void put(struct file *file, const void *bytes, size_t len)
{
    memcpy(file->bytes + file->len, bytes, len);
    file->len += len;
}

static void put_number(struct file *file, int64_t value, size_t size)
{
    for (size_t i = size; i-- > 0;)
        file->bytes[file->len++] = (char)((uint64_t)value >> 8 * i);
}

static void put_part(struct file *file, char version, size_t time_size)
{
    put(file, "TZif", 4);
    put(file, &version, 1);
    put(file, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    static const int counts[] = {0, 0, 0, 2, 3, 4};
    for (size_t i = 0; i < 6; i++)
        put_number(file, counts[i], 4);
    put_number(file, 1000, time_size);
    put_number(file, 2000, time_size);
    put(file, "\1\2", 2);
    for (int i = 0; i < 3; i++) {
        put_number(file, 3600 * i, 4);
        put(file, "\0", 2);
    }
    put(file, "ABC", 4);
}

static struct file make_file(char version, const char *footer)
{
    struct file file = {.len = 0};
    put_part(&file, version, 4);
    if (version >= '2') {
        put_part(&file, version, 8);
        put(&file, footer, strlen(footer));
    }
    return file;
}

static const char *why_not(const struct file *file)
{
    const char *why = NULL;
    /* Exactly as long as it is, so that a reader that goes too far is found. */
    char *copy = malloc(file->len > 0 ? file->len : 1);
    memcpy(copy, file->bytes, file->len);
    const struct zone *zone = zone_load(&arena, copy, file->len, &why);
    free(copy);
    ck_assert((zone == NULL) == (why != NULL));
    return why ? why : "";
}

START_TEST(test_file)
{
    struct file file = make_file('2', "\nABC-5\n");
    const char *why;
    const struct zone *zone = zone_load(&arena, file.bytes, file.len, &why);
    memset(file.bytes, 0, sizeof(file.bytes));
    ck_assert_ptr_nonnull(zone);
    ck_assert_int_eq(zone_offset(zone, wall_at(-1)), 0);
    ck_assert_int_eq(zone_offset(zone, wall_at(999)), 0);
    ck_assert_int_eq(zone_offset(zone, wall_at(1000)), 3600);
    ck_assert_int_eq(zone_offset(zone, wall_at(1999)), 3600);
    ck_assert_int_eq(zone_offset(zone, wall_at(2000)), 18000);

    file = make_file('2', "\n\n"); /* no rule: the last offset holds for ever */
    zone = zone_load(&arena, file.bytes, file.len, &why);
    ck_assert_int_eq(zone_offset(zone, wall_at(1 << 30)), 7200);
    file = make_file('\0', "");
    zone = zone_load(&arena, file.bytes, file.len, &why);
    ck_assert_int_eq(zone_offset(zone, wall_at(1999)), 3600);
    ck_assert_int_eq(zone_offset(zone, wall_at(1 << 30)), 7200);
    ck_assert_int_eq(zone_offset(zone, (struct wall){999999999}), 0); /* rounded down */
}
END_TEST

START_TEST(test_file_broken)
{
    struct file whole = make_file('2', "\nABC-5\n");
    ck_assert_str_eq(why_not(&whole), "");
    for (size_t len = 0; len < whole.len; len++) {
        struct file cut = whole;
        cut.len = len;
        ck_assert_msg(why_not(&cut)[0] != '\0', "%zu", len);
    }
    for (size_t i = 0; i < whole.len; i++) /* any byte changed: no crash, sound or not */
        for (int bit = 0; bit < 8; bit++) {
            struct file changed = whole;
            changed.bytes[i] = (char)(changed.bytes[i] ^ 1 << bit);
            why_not(&changed);
        }
    struct file footer = make_file('2', "\nABC\n");
    ck_assert_str_ne(why_not(&footer), "");
    footer = make_file('2', "ABC-5\n");
    ck_assert_str_ne(why_not(&footer), "");

    static const size_t head = 44 + 2 * 4 + 2 + 3 * 6 + 4, times = 44;
    struct file order = whole;
    order.bytes[head + times + 7] ^= 0x7f; /* the first change then comes after the second or not at all before it */
    order.bytes[head + times + 6] = 0x7f;
    ck_assert_str_ne(why_not(&order), "");
    struct file index = whole;
    index.bytes[head + times + 16] = 3;
    ck_assert_str_ne(why_not(&index), "");
    struct file leaps = whole;
    leaps.bytes[head + 31] = 1;
    ck_assert_str_ne(why_not(&leaps), "");
    struct file large = whole;
    memset(large.bytes + 20, 0xff, 24);
    ck_assert_str_ne(why_not(&large), "");
    const char *why = NULL;
    ck_assert_ptr_null(zone_load(&arena, NULL, 0, &why));
    ck_assert_ptr_nonnull(why);
}
END_TEST

/* The machine's own files, against its libc. */
static void compare(const char *name)
{
    char path[100], *bytes;
    size_t len;
    const char *why = "";
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    if (!opener_read(opener_direct(), path, ZONE_FILE_MAX, &bytes, &len))
        return; /* none installed */
    const struct zone *zone = zone_load(&arena, bytes, len, &why);
    free(bytes);
    ck_assert_msg(zone != NULL, "%s: %s", name, why);
    setenv("TZ", name, 1);
    tzset();
    for (int64_t seconds = -4000000000; seconds < 8000000000; seconds += 7 * 3600 + 1801) {
        time_t as_time = (time_t)seconds;
        struct tm tm;
        localtime_r(&as_time, &tm);
        ck_assert_msg(zone_offset(zone, wall_at(seconds)) == tm.tm_gmtoff, "%s at %lld: %d, not %ld", name,
                      (long long)seconds, zone_offset(zone, wall_at(seconds)), tm.tm_gmtoff);
        struct date date = zone_local(zone, wall_at(seconds));
        int64_t back = zone_instant(zone, &date).us / 1000000;
        ck_assert_msg(back == seconds || (back < seconds && zone_local(zone, wall_at(back)).hour == date.hour),
                      "%s %lld", name, (long long)seconds);
    }
}

START_TEST(test_like_libc)
{
    static const char *const names[] = {"Europe/Paris",  "America/New_York",  "Australia/Sydney", "Asia/Kathmandu",
                                        "Europe/Dublin", "Africa/Casablanca", "America/Nuuk",     "Pacific/Apia",
                                        "UTC",           "America/Sao_Paulo", "Asia/Tehran",      "Antarctica/Troll"};
    char *before = getenv("TZ") ? strdup(getenv("TZ")) : NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        compare(names[i]);
    if (before != NULL)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    free(before);
}
END_TEST

Suite *suite_zone(void)
{
    Suite *suite = suite_create("zone");
    TCase *tcase = tcase_create("zone");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_rules);
    tcase_add_test(tcase, test_rules_refused);
    tcase_add_test(tcase, test_instant);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_file);
    tcase_add_test(tcase, test_file_broken);
    tcase_add_test(tcase, test_like_libc);
    suite_add_tcase(suite, tcase);
    return suite;
}
