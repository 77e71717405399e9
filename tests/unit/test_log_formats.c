#include "observe/log_format.h"

#include "tests/unit/policy.h"

Suite *suite_log_formats(void);

static struct fields fields, answer;
static struct facts facts;
static struct log_conf conf;

static void setup(void)
{
    setup_policy();
    conf = (struct log_conf){.names = PRIVACY_CLEAR, .addresses = PRIVACY_CLEAR};
    facts = request("GET", "www.example.org", 80, "/a/b");
    facts.client = ip_of("203.0.113.9");
    facts.query = STR("x=1");
    facts.minor = 1;
    facts.block_kind = STR("reverse");
    facts.block = STR("site");
    facts.request_id = STR("0123456789abcdef");
    facts.started.us = 1764057600123000; /* 2025-11-25T08:00:00.123Z */
    facts.duration = 42;
    facts.status = 200;
    facts.bytes_in = 3;
    facts.bytes_out = 1234;
    facts.wire_out = 1400;
    facts.verdict = STR("allow");
    facts.rule = STR("default");
    facts.pool = STR("app");
    facts.server = STR("10.0.0.7:3000");
    facts.tries = 1;
    facts.reused = true;
    facts.upstream_status = 200;
    facts.upstream_time = 7;
    fields_init(&fields, &memory);
    fields_add(&fields, STR("Referer"), STR("http://www.example.org/"));
    fields_add(&fields, STR("User-Agent"), STR("curl/7.88"));
    fields_add(&fields, STR("Cookie"), STR("sesame"));
    fields_add(&fields, STR("X-Token"), STR("sesame"));
    facts.request_fields = &fields;
    fields_init(&answer, &memory);
    fields_add(&answer, STR("Content-Type"), STR("text/html; charset=utf-8"));
    facts.response_fields = &answer;
}

static char room[LINE_ROOM];

static struct str line_of(enum log_format format)
{
    struct log_view view;
    struct line line;
    conf.format = format;
    log_view_init(&view, &conf, &facts);
    line_init(&line, room, sizeof room);
    log_format_ops(format)->line(&view, &line);
    for (size_t i = 0; i < line.len; i++)
        ck_assert_msg(line.at[i] >= 0x20 && line.at[i] < 0x7f, "byte %d at %zu", line.at[i], i);
    return str_from(line.at, line.len);
}

#define ck_has(line, part)                                                                                             \
    ck_assert_msg(str_find_str((line), str_of(part)) < (line).len, "no '%s' in %.*s", (part), STR_ARGS(line))
#define ck_has_not(line, part)                                                                                         \
    ck_assert_msg(str_find_str((line), str_of(part)) == (line).len, "'%s' in %.*s", (part), STR_ARGS(line))

START_TEST(combined_is_apaches)
{
    ck_str(line_of(LOG_COMBINED), "203.0.113.9 - - [25/Nov/2025:08:00:00 +0000] \"GET /a/b?x=1 HTTP/1.1\" 200 1234 "
                                  "\"http://www.example.org/\" \"curl/7.88\"");
    facts.user = STR("an na");
    facts.bytes_out = 0;
    facts.block_kind = STR("forward");
    fields.count = 0;
    ck_str(line_of(LOG_COMBINED),
           "203.0.113.9 - an\\x20na [25/Nov/2025:08:00:00 +0000] \"GET http://www.example.org/a/b?x=1 HTTP/1.1\" "
           "200 - \"-\" \"-\"");
    facts = (struct facts){.started = facts.started}; /* a request that could not be read */
    ck_str(line_of(LOG_COMBINED), "- - - [25/Nov/2025:08:00:00 +0000] \"-\" - - \"-\" \"-\"");
}
END_TEST

START_TEST(squid_is_squids)
{
    ck_str(line_of(LOG_SQUID),
           "1764057600.165     42 203.0.113.9 TCP_MISS/200 1400 GET http://www.example.org/a/b?x=1 - "
           "FIRSTUP_PARENT/10.0.0.7 text/html");
    facts.block_kind = STR("forward");
    facts.server = STR("[2001:db8::1]:443");
    facts.user = STR("anna");
    facts.duration = 1234567;
    ck_str(line_of(LOG_SQUID),
           "1764058834.690 1234567 203.0.113.9 TCP_MISS/200 1400 GET http://www.example.org/a/b?x=1 anna "
           "HIER_DIRECT/2001:db8::1 text/html");
    facts.duration = 0;
    facts.method = METHOD_CONNECT;
    facts.method_text = STR("CONNECT");
    facts.scheme = STR("tunnel");
    facts.path = facts.asked_path = facts.query = STR_NONE;
    facts.port = 443;
    facts.response_fields = NULL;
    ck_str(line_of(LOG_SQUID), "1764057600.123      0 203.0.113.9 TCP_TUNNEL/200 1400 CONNECT www.example.org:443 anna "
                               "HIER_DIRECT/2001:db8::1 -");
    facts.verdict = STR("deny");
    facts.server = STR_NONE;
    facts.status = 403;
    ck_str(line_of(LOG_SQUID),
           "1764057600.123      0 203.0.113.9 TCP_DENIED/403 1400 CONNECT www.example.org:443 anna HIER_NONE/- -");
    facts = (struct facts){.started = facts.started, .status = 400, .wire_out = 10};
    ck_str(line_of(LOG_SQUID), "1764057600.123      0 - NONE_NONE/400 10 - error:invalid-request - HIER_NONE/- -");
}
END_TEST

START_TEST(json_has_all_that_is_known)
{
    ck_str(
        line_of(LOG_JSON),
        "{\"time\":\"2025-11-25T08:00:00.123Z\",\"id\":\"0123456789abcdef\",\"client\":\"203.0.113.9\",\"method\":\"GET\","
        "\"host\":\"www.example.org\",\"url\":\"http://www.example.org/a/b?x=1\",\"status\":200,\"bytes_in\":3,\"bytes_out\":1234,"
        "\"duration_ms\":42,\"mode\":\"reverse\",\"block\":\"site\",\"verdict\":\"allow\",\"rule\":\"default\",\"pool\":\"app\","
        "\"server\":\"10.0.0.7:3000\",\"tries\":1,\"reused\":true,\"upstream_status\":200,\"upstream_ms\":7,"
        "\"referer\":\"http://www.example.org/\",\"user_agent\":\"curl/7.88\"}");
    facts.port = 8080;
    facts.fault = FAULT_AMBIGUOUS_PATH;
    facts.reason = STR("say \"no\"");
    struct str line = line_of(LOG_JSON);
    ck_has(line, "\"url\":\"http://www.example.org:8080/a/b?x=1\"");
    ck_has(line, "\"fault\":\"ambiguous-path\"");
    ck_has(line, "\"reason\":\"say \\u0022no\\u0022\"");
    facts = (struct facts){.started = facts.started};
    ck_str(line_of(LOG_JSON),
           "{\"time\":\"2025-11-25T08:00:00.123Z\",\"status\":0,\"bytes_in\":0,\"bytes_out\":0,\"duration_ms\":0}");
}
END_TEST

START_TEST(nothing_of_strangers_leaves_its_place)
{
    static const char evil[] = "a\"b\\c\nd\re\x1b[31m\x7f\xc3\xa4\xff\xf0\x9f\x98\x80";
    fields_set(&fields, STR("User-Agent"), str_from(evil, sizeof evil - 1));
    ck_has(line_of(LOG_COMBINED), "\"a\\x22b\\x5cc\\x0ad\\x0de\\x1b[31m\\x7f\\xc3\\xa4\\xff\\xf0\\x9f\\x98\\x80\"");
    ck_has(line_of(LOG_JSON), "\"a\\u0022b\\u005cc\\u000ad\\u000de\\u001b[31m\\u007f\\u00e4\\u00ff\\ud83d\\ude00\"");
    conf.template = text_of("${header.user-agent}\n|");
    ck_has(line_of(LOG_TEMPLATE), "a\\x22b\\x5cc\\x0ad");
}
END_TEST

START_TEST(long_values_are_cut_and_the_line_stays_whole)
{
    enum { LONG = 20000 };
    char *text = arena_bytes(&memory, LONG);
    memset(text, 0xff, LONG);
    struct str value = str_from(text, LONG);
    fields_set(&fields, STR("User-Agent"), value);
    fields_set(&fields, STR("Referer"), value);
    facts.path = facts.asked_path = facts.query = facts.rule = facts.reason = facts.matched = facts.method_text =
        facts.user = value;
    facts.pool = facts.server = facts.route = facts.block = value;
    struct str line = line_of(LOG_JSON);
    ck_assert(str_ends(line, STR("\"}")));
    ck_assert_uint_lt(line.len, LINE_ROOM);
    ck_assert(str_ends(line_of(LOG_COMBINED), STR("\"")));
    ck_assert_uint_lt(line_of(LOG_COMBINED).len, LINE_ROOM);
    ck_assert(str_ends(line_of(LOG_SQUID), STR(" text/html")));
}
END_TEST

START_TEST(secrets_are_redacted)
{
    struct str extra[] = {{"x-token", 7}, {"referer", 7}};
    conf.template = text_of("$header.cookie $header.x-token $header.user-agent");
    ck_str(line_of(LOG_TEMPLATE), "[redacted] sesame curl/7.88");
    conf.redact = extra;
    conf.redact_count = 2;
    ck_str(line_of(LOG_TEMPLATE), "[redacted] [redacted] curl/7.88");
    ck_has(line_of(LOG_COMBINED), "\"[redacted]\" \"curl/7.88\"");
    ck_assert(log_redacts(&conf, STR("Authorization")));
    ck_assert(log_redacts(&conf, STR("PROXY-AUTHORIZATION")));
    ck_assert(log_redacts(&conf, STR("Set-Cookie")));
    ck_assert(!log_redacts(&conf, STR("Host")));
}
END_TEST

START_TEST(people_are_as_private_as_asked)
{
    facts.user = STR("anna");
    conf.names = PRIVACY_PSEUDONYM;
    conf.addresses = PRIVACY_MASKED;
    struct str first = arena_dup(&memory, line_of(LOG_JSON));
    ck_has(first, "\"client\":\"203.0.113.0\"");
    ck_has(first, "\"user\":\"");
    ck_has_not(first, "anna");
    ck_assert(str_eq(first, line_of(LOG_JSON))); /* the same each time */
    facts.user = STR("bert");
    ck_assert(!str_eq(first, line_of(LOG_JSON)));
    facts.client = ip_of("2001:db8:1:2:3:4:5:6");
    ck_has(line_of(LOG_JSON), "\"client\":\"2001:db8:1::\"");

    conf.names = PRIVACY_OFF;
    conf.addresses = PRIVACY_OFF;
    ck_has_not(line_of(LOG_JSON), "\"client\"");
    ck_has_not(line_of(LOG_JSON), "\"user\"");
    ck_assert(str_starts(line_of(LOG_COMBINED), STR("- - - [")));
    fields_add(&fields, STR("X-Forwarded-For"), STR("203.0.113.9"));
    conf.template = text_of("$client_address $user $header.x-forwarded-for");
    ck_str(line_of(LOG_TEMPLATE), "- - [redacted]");
}
END_TEST

START_TEST(lost_lines_are_told_in_each_format)
{
    static const char *const want[] = {
        [LOG_JSON] = "{\"time\":\"2025-11-25T08:00:00.123Z\",\"lost_lines\":12}",
        [LOG_COMBINED] = "- - - [25/Nov/2025:08:00:00 +0000] \"-\" - - \"-\" \"gatehouse: 12 lines were lost\"",
        [LOG_SQUID] = "1764057600.123      0 - NONE_NONE/000 0 - error:lost-lines/12 - HIER_NONE/- -",
        [LOG_TEMPLATE] = "# 2025-11-25T08:00:00.123Z gatehouse: 12 lines were lost",
    };
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct line line;
        line_init(&line, room, sizeof room);
        log_format_ops((enum log_format)i)->lost(&line, facts.started, 12);
        ck_str(str_from(line.at, line.len), want[i]);
    }
}
END_TEST

Suite *suite_log_formats(void)
{
    Suite *suite = suite_create("log_formats");
    TCase *tests = tcase_create("log_formats");
    tcase_add_checked_fixture(tests, setup, teardown_policy);
    tcase_add_test(tests, combined_is_apaches);
    tcase_add_test(tests, squid_is_squids);
    tcase_add_test(tests, json_has_all_that_is_known);
    tcase_add_test(tests, nothing_of_strangers_leaves_its_place);
    tcase_add_test(tests, long_values_are_cut_and_the_line_stays_whole);
    tcase_add_test(tests, secrets_are_redacted);
    tcase_add_test(tests, people_are_as_private_as_asked);
    tcase_add_test(tests, lost_lines_are_told_in_each_format);
    suite_add_tcase(suite, tests);
    return suite;
}
