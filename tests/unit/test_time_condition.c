#include "tests/unit/acl_kit.h"

#include "base/date.h"

Suite *suite_time_condition(void);

/* 2026-11-23 is a Monday. */
static struct date local_of(const char *text)
{
    struct date local;
    ck_assert(date_parse_local(str_of(text), &local));
    return date_of(date_seconds(&local));
}

static enum truth at(const char *text, const char *spec)
{
    struct facts_clock clock = {.is_given = true, .local = local_of(text)};
    struct facts facts = kit_facts("example.org", "/");
    facts.clock = &clock;
    enum truth truth = ask_kind("time", spec, &facts);
    ck_assert(clock.was_asked);
    return truth;
}

START_TEST(test_specs)
{
    static const struct {
        const char *spec, *at;
        enum truth truth;
    } cases[] = {
        {"Mon-Fri 08:00-18:00", "2026-11-23 07:59", TRUTH_NO},
        {"Mon-Fri 08:00-18:00", "2026-11-23 08:00", TRUTH_YES},
        {"Mon-Fri 08:00-18:00", "2026-11-27 17:59", TRUTH_YES},
        {"Mon-Fri 08:00-18:00", "2026-11-27 18:00", TRUTH_NO}, /* the end is exclusive */
        {"Mon-Fri 08:00-18:00", "2026-11-28 12:00", TRUTH_NO},
        {"Sat,Sun", "2026-11-28 00:00", TRUTH_YES}, /* days alone: all day */
        {"Sat,Sun", "2026-11-29 23:59", TRUTH_YES},
        {"Sat,Sun", "2026-11-27 23:59", TRUTH_NO},
        {"sat,SUN", "2026-11-29 12:00", TRUTH_YES},
        {"Fri-Mon", "2026-11-23 12:00", TRUTH_YES}, /* over the end of the week */
        {"Fri-Mon", "2026-11-24 12:00", TRUTH_NO},
        {"Mon-Tue,Sat", "2026-11-28 12:00", TRUTH_YES},
        {"08:00-18:00", "2026-11-29 12:00", TRUTH_YES}, /* hours alone: every day */
        {"08:00-24:00", "2026-11-29 23:59", TRUTH_YES},
        {"00:00-24:00", "2026-11-29 00:00", TRUTH_YES},
        {"8:00-9:30", "2026-11-29 09:29", TRUTH_YES},
        {"22:00-06:00", "2026-11-23 23:00", TRUTH_YES}, /* past midnight */
        {"22:00-06:00", "2026-11-23 05:59", TRUTH_YES},
        {"22:00-06:00", "2026-11-23 06:00", TRUTH_NO},
        {"22:00-06:00", "2026-11-23 21:59", TRUTH_NO},
        {"Fri 22:00-06:00", "2026-11-27 23:00", TRUTH_YES}, /* belongs to the day it begins on */
        {"Fri 22:00-06:00", "2026-11-28 05:59", TRUTH_YES},
        {"Fri 22:00-06:00", "2026-11-27 05:59", TRUTH_NO},
        {"Fri 22:00-06:00", "2026-11-28 23:00", TRUTH_NO},
        {"Sat 22:00-06:00", "2026-11-29 01:00", TRUTH_YES},
        {"22:00-00:00", "2026-11-29 00:00", TRUTH_NO},
        {"22:00-00:00", "2026-11-29 23:59", TRUTH_YES},
        {"Mon 08:00-12:00 Tue", "2026-11-24 20:00", TRUTH_YES}, /* specs are alternatives */
        {"Mon 08:00-12:00 Tue", "2026-11-23 20:00", TRUTH_NO},
        {"Mon Wed 10:00-11:00", "2026-11-23 20:00", TRUTH_YES},
        {"Mon Wed 10:00-11:00", "2026-11-25 20:00", TRUTH_NO},
    };
    for (size_t i = 0; i < lengthof(cases); i++)
        ck_assert_msg(at(cases[i].at, cases[i].spec) == cases[i].truth, "time(%s) at %s", cases[i].spec, cases[i].at);
    assert_silent();
}
END_TEST

START_TEST(test_mistakes)
{
    assert_refused("time", "Mo-Fr", "days are Mon Tue");
    assert_refused("time", "Mon-Fir", "did you mean");
    assert_refused("time", "08:00", "two times");
    assert_refused("time", "8-18", "no time");
    assert_refused("time", "08:00-25:00", "00:00 to 24:00");
    assert_refused("time", "08:00-24:01", "00:00 to 24:00");
    assert_refused("time", "24:00-06:00", "00:00 to 24:00");
    assert_refused("time", "08:60-09:00", "00:00 to 24:00");
    assert_refused("time", "08:00-08:00", "00:00-24:00");
    assert_refused("time", "zone Europe/Paris", "needs days or hours");
    assert_refused("time", "Mon zone", "zone");
    assert_refused("time", "Mon zone Europe/Parris", "no time zone");
    assert_refused("time", "Mon zone ../../etc/passwd", "no time zone");
    ck_assert_ptr_nonnull(kit_parse("time", "Mon-Fri 08:00-12:00 13:00-18:00"));
    assert_told("every day of the week");
}
END_TEST

static struct facts started_at(const char *iso)
{
    struct facts facts = kit_facts("example.org", "/");
    ck_assert(date_parse_iso(str_of(iso), &facts.started));
    return facts;
}

START_TEST(test_zones)
{
    if (access("/usr/share/zoneinfo/Europe/Paris", R_OK) != 0)
        return;
    struct facts winter = started_at("2026-11-23T07:30:00Z"), summer = started_at("2026-07-20T06:30:00Z");
    assert_truth(TRUTH_YES, "time", "Mon 08:00-09:00 zone Europe/Paris", &winter);
    assert_truth(TRUTH_NO, "time", "Mon 08:00-09:00 zone UTC", &winter);
    assert_truth(TRUTH_YES, "time", "Mon 08:00-09:00 zone Europe/Paris", &summer);
    struct facts sunday = started_at("2026-11-22T23:30:00Z"); /* Monday already, there */
    assert_truth(TRUTH_YES, "time", "Mon 00:00-01:00 zone Europe/Paris", &sunday);
    assert_truth(TRUTH_YES, "time", "Sun zone America/New_York", &sunday);
}
END_TEST

START_TEST(test_machine_zone)
{
    struct facts facts = started_at("2026-11-23T07:30:00Z");
    setenv("TZ", "UTC0", 1);
    assert_truth(TRUTH_YES, "time", "Mon 07:00-08:00", &facts);
    setenv("TZ", "XYZ-3", 1);
    assert_truth(TRUTH_YES, "time", "Mon 10:00-11:00", &facts);
    unsetenv("TZ");
}
END_TEST

START_TEST(test_without_a_time)
{
    struct facts_clock clock = {0};
    struct facts facts = kit_facts("example.org", "/");
    facts.clock = &clock;
    assert_truth(TRUTH_YES, "port", "80", &facts);
    ck_assert(!clock.was_asked);
    assert_truth(TRUTH_UNKNOWN, "time", "Mon-Sun", &facts);
    ck_assert(clock.was_asked);
}
END_TEST

Suite *suite_time_condition(void)
{
    const TTest *const tests[] = {test_specs, test_mistakes, test_zones, test_machine_zone, test_without_a_time};
    Suite *suite = suite_create("time_condition");
    kit_add(suite, "time", tests, lengthof(tests));
    return suite;
}
