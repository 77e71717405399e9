#include "http/template_conf.h"

#include "base/must.h"
#include "http/facts.h"

#include <check.h>

Suite *suite_template(void);

static struct arena arena;
static struct facts facts;
static struct fields fields;

static void set_up(void)
{
    arena_init(&arena);
    fields_init(&fields, &arena);
    fields_add(&fields, STR("User-Agent"), STR("a\"b<c>\x1b"));
    facts = (struct facts){
        .method = METHOD_GET, .method_text = STR("GET"), .scheme = STR("https"), .host = STR("example.org")};
    facts.port = 8443;
    facts.path = STR("/a");
    facts.query = STR("b=c");
    facts.request_fields = &fields;
    facts.minor = 1;
    facts.status = 403;
    facts.duration = 1234;
    facts.upstream_time = -1;
    facts.server = STR("10.0.0.1:80");
    ck_assert(ip_parse(STR("192.0.2.7"), &facts.client));
}

static void tear_down(void)
{
    arena_reset(&arena);
}

static void expect(const char *source, enum template_escape escape, const char *result)
{
    struct template template;
    struct str why = STR_NONE;
    size_t at;
    ck_assert_msg(template_parse(&arena, str_of(source), TEMPLATE_LOG, &template, &why, &at), "%s: %.*s", source,
                  STR_ARGS(why));
    struct str text = template_expand(&template, &facts, escape, &arena);
    ck_assert_msg(str_eq(text, str_of(result)), "%s: %.*s", source, STR_ARGS(text));
}

START_TEST(test_expand)
{
    expect("", ESCAPE_NONE, "");
    expect("plain", ESCAPE_NONE, "plain");
    expect("$$5 $method.", ESCAPE_NONE, "$5 GET.");
    expect("$scheme://$authority$uri", ESCAPE_NONE, "https://example.org:8443/a?b=c");
    expect("${url}x", ESCAPE_NONE, "https://example.org:8443/a?b=cx");
    expect("$header.user-agent|${header.User-Agent}", ESCAPE_HTML, "a&quot;b&lt;c&gt;\x1b|a&quot;b&lt;c&gt;\x1b");
    expect("$header.user-agent", ESCAPE_LOG, "a\\x22b<c>\\x1b");
    expect("[$header.none][$user]", ESCAPE_NONE, "[][]");
    expect("$header.none $user", ESCAPE_LOG, "- -");
    expect("$client_address $status $duration $upstream_time $server", ESCAPE_LOG, "192.0.2.7 403 1.234 - 10.0.0.1:80");
    expect("$version $path$query", ESCAPE_NONE, "HTTP/1.1 /ab=c");
    expect("$time", ESCAPE_NONE, "1970-01-01T00:00:00.000Z");
    facts.port = 443;
    expect("$authority $port", ESCAPE_NONE, "example.org 443");
    facts.query = STR_NONE;
    expect("$uri", ESCAPE_NONE, "/a");
    facts.user = STR("a\r\nb");
    expect("$user", ESCAPE_NONE, "a  b");
    facts.method = METHOD_CONNECT;
    facts.scheme = STR("tunnel");
    facts.path = STR_NONE;
    expect("$url|$uri", ESCAPE_NONE, "example.org:443|");
    facts.host = STR("::1");
    ck_assert(ip_parse(facts.host, &facts.host_ip));
    expect("$authority", ESCAPE_NONE, "[::1]:443");
    expect("$host", ESCAPE_NONE, "[::1]");
}
END_TEST

START_TEST(test_mistakes)
{
    static const struct {
        const char *source;
        enum template_scope scope;
        size_t at;
        const char *why;
    } cases[] = {
        {"a $hots", TEMPLATE_LOG, 2, "unknown variable '$hots'"},
        {"${x y}", TEMPLATE_LOG, 0, "unknown variable '$x y'"},
        {"$host.name ${host.name}", TEMPLATE_LOG, 11, "unknown variable '$host.name'"},
        {"ab$", TEMPLATE_LOG, 2, "'$' without the name of a variable; a dollar is written '$$'"},
        {"$5", TEMPLATE_LOG, 0, "'$' without the name of a variable; a dollar is written '$$'"},
        {"${host", TEMPLATE_LOG, 0, "'${' without a '}'"},
        {"$header", TEMPLATE_LOG, 0, "'$header' needs the name of a field: $header.NAME"},
        {"${header.a b}", TEMPLATE_LOG, 0, "'$header' needs the name of a field: $header.NAME"},
        {"$rule", TEMPLATE_REQUEST, 0, "'$rule' is not known while the request is decided on"},
        {"x$server", TEMPLATE_RESPONSE, 1, "'$server' is not known outside of logs"},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct template template;
        struct str why = STR_NONE;
        size_t at = 99;
        ck_assert(!template_parse(&arena, str_of(cases[i].source), cases[i].scope, &template, &why, &at));
        ck_assert_msg(str_eq(why, str_of(cases[i].why)), "%.*s", STR_ARGS(why));
        ck_assert_uint_eq(at, cases[i].at);
    }
}
END_TEST

START_TEST(test_table)
{
    size_t count = 0;
    for (const struct variable_doc *doc = variable_docs(); doc->name != NULL; doc++, count++) {
        ck_assert_str_eq(doc->name, variable_names()[count]);
        ck_assert(doc->help[0] != '\0' && doc->phase[0] != '\0');
    }
    ck_assert_ptr_null(variable_names()[count]);
}
END_TEST

Suite *suite_template(void)
{
    Suite *suite = suite_create("template");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_expand);
    tcase_add_test(tests, test_mistakes);
    tcase_add_test(tests, test_table);
    suite_add_tcase(suite, tests);
    return suite;
}
