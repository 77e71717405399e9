#include "tests/unit/acl_kit.h"

Suite *suite_conditions(void);

/* source */

START_TEST(test_source)
{
    struct facts facts = kit_facts("example.org", "/");
    facts.client = kit_ip("10.1.2.3");
    assert_truth(TRUTH_YES, "source", "10.0.0.0/8", &facts);
    assert_truth(TRUTH_YES, "source", "192.0.2.0/24 10.1.2.3", &facts); /* values are alternatives */
    assert_truth(TRUTH_NO, "source", "10.1.2.4/32 ::/0", &facts);
    facts.client = kit_ip("2001:db8::1");
    assert_truth(TRUTH_YES, "source", "2001:db8::/32", &facts);
    assert_truth(TRUTH_NO, "source", "0.0.0.0/0", &facts);
    facts.client = kit_ip("::ffff:10.1.2.3"); /* mapped: the IPv4 address it is */
    assert_truth(TRUTH_YES, "source", "10.0.0.0/8", &facts);
    facts.client = (struct ip){0}; /* a unix socket's peer has none, and so is in no range */
    assert_truth(TRUTH_NO, "source", "0.0.0.0/0 ::/0", &facts);
}
END_TEST

START_TEST(test_source_mistakes)
{
    assert_refused("source", "10.0.0.0/33", "10.0.0.0/33");
    assert_refused("source", "1.1.1.1 10.0.0.0/33", "test.conf:1:9");
    assert_refused("source", "10.1.2.3/8", "bits behind the prefix");
    assert_refused("source", "example.org", "expected an address");
    assert_refused("source", "@nolist", "no list 'nolist'");
    kit_list("office", "10.0.0.0/8\n");
    assert_refused("source", "@offise", "did you mean 'office'?");
    assert_refused("source", "300.1.1.1 @nolist 10.0.0.0/33", "10.0.0.0/33"); /* all of them */
}
END_TEST

START_TEST(test_source_list)
{
    struct match match;
    struct facts facts = kit_facts("example.org", "/");
    kit_list("office", "# ours\n10.0.0.0/8\n192.0.2.7\n2001:db8::/32\n");
    assert_silent();
    facts.client = kit_ip("10.9.9.9");
    assert_truth(TRUTH_YES, "source", "@office", &facts);
    assert_truth(TRUTH_YES, "source", "127.0.0.1 @office", &facts);
    ck_assert_int_eq(expression_truth(is("source", "@office"), &facts, &match), TRUTH_YES);
    ck_assert(str_eq(match.list, STR("office")));
    ck_assert_uint_eq(match.line, 2);
    facts.client = kit_ip("192.0.2.8");
    assert_truth(TRUTH_NO, "source", "@office", &facts);
    list_unref(kit.lists[0].compiled);
    kit.lists[0].compiled = NULL; /* where lists are not loaded */
    assert_truth(TRUTH_UNKNOWN, "source", "@office", &facts);
}
END_TEST

/* destination */

START_TEST(test_destination)
{
    struct facts facts = kit_facts("example.org", "/");
    assert_truth(TRUTH_LATER, "destination", "10.0.0.0/8", &facts);
    facts.phase = PHASE_DIAL; /* a parent resolves: never known */
    assert_truth(TRUTH_UNKNOWN, "destination", "10.0.0.0/8", &facts);
    facts.destination = kit_ip("10.0.0.1");
    assert_truth(TRUTH_YES, "destination", "10.0.0.0/8", &facts);
    facts.destination = kit_ip("192.0.2.1");
    assert_truth(TRUTH_NO, "destination", "10.0.0.0/8", &facts);
    facts.destination = kit_ip("64:ff9b::10.0.0.1"); /* NAT64: compared as the IPv4 address in it */
    assert_truth(TRUTH_YES, "destination", "10.0.0.0/8", &facts);
    kit_list("inside", "10.0.0.0/8\n");
    assert_truth(TRUTH_YES, "destination", "@inside", &facts);
}
END_TEST

START_TEST(test_destination_of_a_numeric_host)
{
    struct facts facts = kit_facts("10.0.0.1", "/");
    ck_assert(ip_parse(facts.host, &facts.host_ip));
    assert_truth(TRUTH_YES, "destination", "10.0.0.0/8", &facts);
    facts.phase = PHASE_DIAL; /* checked with a parent, too */
    assert_truth(TRUTH_YES, "destination", "10.0.0.0/8", &facts);
    facts.host = STR("::1");
    ck_assert(ip_parse(facts.host, &facts.host_ip));
    assert_truth(TRUTH_YES, "destination", "::1", &facts);
    assert_truth(TRUTH_NO, "destination", "10.0.0.0/8", &facts);
}
END_TEST

/* host: example.org, *.example.org (any depth below), .example.org (itself and below) */

START_TEST(test_host_patterns)
{
    static const struct {
        const char *pattern, *host;
        enum truth truth;
    } cases[] = {
        {"example.org", "example.org", TRUTH_YES},
        {"example.org", "www.example.org", TRUTH_NO},
        {"example.org", "example.org.evil.example", TRUTH_NO},
        {"example.org", "anexample.org", TRUTH_NO},
        {"*.example.org", "example.org", TRUTH_NO},
        {"*.example.org", "www.example.org", TRUTH_YES},
        {"*.example.org", "a.b.c.example.org", TRUTH_YES},
        {"*.example.org", "anexample.org", TRUTH_NO},
        {".example.org", "example.org", TRUTH_YES},
        {".example.org", "a.b.example.org", TRUTH_YES},
        {".example.org", "anexample.org", TRUTH_NO},
        {"EXAMPLE.org.", "example.org", TRUTH_YES},                           /* lower case, without the final dot */
        {".M\xc3\xbcnchen.example", "www.xn--mnchen-3ya.example", TRUTH_YES}, /* A-label form */
        {"a.example b.example", "b.example", TRUTH_YES},
        {"10.1.2.3", "10.1.2.3", TRUTH_YES},
        {"[2001:DB8:0::1]", "2001:db8::1", TRUTH_YES},
        {"2001:db8::1", "2001:db8::1", TRUTH_YES},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct facts facts = kit_facts(cases[i].host, "/");
        facts.port = 8080; /* ports are ignored */
        assert_truth(cases[i].truth, "host", cases[i].pattern, &facts);
    }
    struct facts facts = kit_facts(NULL, "/");
    assert_truth(TRUTH_UNKNOWN, "host", "example.org", &facts); /* HTTP/1.0 without Host */
    struct facts tunnel = kit_tunnel("example.org");
    assert_truth(TRUTH_YES, "host", "example.org", &tunnel);
}
END_TEST

START_TEST(test_host_mistakes)
{
    assert_refused("host", "www.*.example.org", "a '*' stands only at the beginning");
    assert_refused("host", "*", "'*'");
    assert_refused("host", "*example.org", "a '*' stands only at the beginning");
    assert_refused("host", "ex*mple.org", "a '*'");
    assert_refused("host", "example.org:80", "no port");
    assert_refused("host", "http://example.org", "no scheme");
    assert_refused("host", "exa!mple.org", "no host name");
    assert_refused("host", "a..b", "no host name");
    assert_refused("host", "127.1", "ends in a number");
    assert_refused("host", ".10.0.0.1", "ends in a number");
}
END_TEST

START_TEST(test_listed)
{
    struct match match;
    struct facts facts = kit_facts("www.ads.example", "/x");
    kit_list("ads", "ads.example\n");
    kit_list("games", "example.org/games\n");
    assert_truth(TRUTH_YES, "listed", "ads", &facts);
    assert_truth(TRUTH_YES, "listed", "games ads", &facts);
    assert_truth(TRUTH_NO, "listed", "games", &facts);
    ck_assert_int_eq(expression_truth(is("listed", "games ads"), &facts, &match), TRUTH_YES);
    ck_assert(str_eq(match.list, STR("ads")));
    facts = kit_facts("example.org", "/games/chess");
    assert_truth(TRUTH_YES, "listed", "games", &facts);
    facts = kit_tunnel("example.org"); /* only the path could tell */
    assert_truth(TRUTH_UNKNOWN, "listed", "games", &facts);
    assert_truth(TRUTH_UNKNOWN, "listed", "games ads", &facts);
    facts = kit_tunnel("ads.example");
    assert_truth(TRUTH_YES, "listed", "games ads", &facts);
    facts = kit_facts(NULL, "/");
    assert_truth(TRUTH_UNKNOWN, "listed", "ads", &facts);
    assert_refused("listed", "adds", "did you mean 'ads'?");
}
END_TEST

/* path: compared with the whole value; * is any run, / included; ? is one; with case; a final slash-star covers the path without it */

START_TEST(test_path)
{
    static const struct {
        const char *glob, *path;
        enum truth truth;
    } cases[] = {
        {"/admin/*", "/admin", TRUTH_YES},
        {"/admin/*", "/admin/", TRUTH_YES},
        {"/admin/*", "/admin/a/b", TRUTH_YES},
        {"/admin/*", "/administrator", TRUTH_NO},
        {"/admin/*", "/Admin/x", TRUTH_NO},
        {"/admin", "/admin/", TRUTH_NO},
        {"*.php", "/a/b.php", TRUTH_YES},
        {"/a*z", "/a/b/c/z", TRUTH_YES},
        {"/a?c", "/abc", TRUTH_YES},
        {"/a?c", "/a/c", TRUTH_YES},
        {"/a?c", "/ac", TRUTH_NO},
        {"/x /y", "/y", TRUTH_YES},
        {"/*", "/", TRUTH_YES},
        {"*", "/any/thing", TRUTH_YES},
        {"/%7euser/*", "/~user/x", TRUTH_YES}, /* written as a canonical path has it */
        {"/caf\xc3\xa9", "/caf%C3%A9", TRUTH_YES},
        {"/caf%c3%a9", "/caf%C3%A9", TRUTH_YES},
        {"/a%2fb", "/a%2fb", TRUTH_YES}, /* an encoded slash stays as written */
        {"/a%2fb", "/a/b", TRUTH_NO},
    };
    for (size_t i = 0; i < lengthof(cases); i++) {
        struct facts facts = kit_facts("example.org", cases[i].path);
        assert_truth(cases[i].truth, "path", cases[i].glob, &facts);
    }
    struct facts tunnel = kit_tunnel("example.org");
    assert_truth(TRUTH_UNKNOWN, "path", "*", &tunnel);
    assert_refused("path", "admin/*", "begins with a slash");
    assert_refused("path", "/a/../b", "dot segments");
}
END_TEST

START_TEST(test_regexes)
{
    struct facts facts = kit_facts("example.org", "/a/b.php"), tunnel = kit_tunnel("example.org");
    facts.query = STR("q=1");
    assert_truth(TRUTH_YES, "path-regex", "\\.php$", &facts);
    assert_truth(TRUTH_NO, "path-regex", "^b", &facts);
    assert_truth(TRUTH_YES, "path-regex", "^b b", &facts);
    assert_truth(TRUTH_YES, "url-regex", "^http://example\\.org/a/b\\.php\\?q=1$", &facts);
    facts.port = 8080;
    assert_truth(TRUTH_YES, "url-regex", "^http://example\\.org:8080/a", &facts);
    facts.scheme = STR("https");
    facts.port = 443;
    facts.host = STR("2001:db8::1");
    assert_truth(TRUTH_YES, "url-regex", "^https://\\[2001:db8::1\\]/a", &facts);
    assert_truth(TRUTH_UNKNOWN, "path-regex", "x", &tunnel);
    assert_truth(TRUTH_UNKNOWN, "url-regex", "x", &tunnel);
    assert_refused("path-regex", "a(b", "regular expression");
    assert_refused("url-regex", "good [z-a]", "test.conf:1:");
}
END_TEST

START_TEST(test_regex_limit)
{
    char path[4000];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    struct facts facts = kit_facts("example.org", path);
    assert_truth(TRUTH_FAILED, "path-regex", "^/(a+a+)+[bc]$", &facts);
}
END_TEST

START_TEST(test_method_scheme_port)
{
    struct facts facts = kit_facts("example.org", "/"), tunnel = kit_tunnel("example.org");
    assert_truth(TRUTH_YES, "method", "POST GET", &facts);
    assert_truth(TRUTH_NO, "method", "POST", &facts);
    assert_truth(TRUTH_YES, "method", "CONNECT", &tunnel);
    assert_truth(TRUTH_YES, "scheme", "http", &facts);
    assert_truth(TRUTH_NO, "scheme", "https", &facts);
    assert_truth(TRUTH_YES, "scheme", "tunnel", &tunnel);
    assert_truth(TRUTH_NO, "scheme", "https http", &tunnel);
    assert_truth(TRUTH_YES, "port", "80 443", &facts);
    assert_truth(TRUTH_YES, "port", "1-79 80-80", &facts);
    assert_truth(TRUTH_NO, "port", "81-65535", &facts);
    assert_truth(TRUTH_YES, "port", "443", &tunnel);
    facts.method_text = STR("PURGE");
    assert_truth(TRUTH_YES, "method", "PURGE", &facts);
    assert_refused("method", "post", "write POST");
    assert_refused("method", "G(T", "no method");
    assert_refused("scheme", "ftp", "expected http, https, or tunnel");
    assert_refused("port", "0", "no port");
    assert_refused("port", "99999", "expected a port");
    assert_refused("port", "90-80", "no port");
    assert_refused("port", "80-", "no port");
    assert_refused("port", "http", "no port");
}
END_TEST

START_TEST(test_header)
{
    struct fields fields;
    struct facts facts = kit_facts("example.org", "/");
    fields_init(&fields, &kit.arena);
    fields_add(&fields, STR("Content-Type"), STR("image/PNG"));
    fields_add(&fields, STR("X-Role"), STR("guest"));
    fields_add(&fields, STR("X-Role"), STR("Editor, Admin"));
    fields_add(&fields, STR("X-Empty"), STR(""));
    facts.request_fields = &fields;
    assert_truth(TRUTH_YES, "header", "content-type", &facts);
    assert_truth(TRUTH_YES, "header", "x-empty", &facts);
    assert_truth(TRUTH_NO, "header", "x-none", &facts);
    assert_truth(TRUTH_YES, "header", "content-type image/*", &facts); /* in any case */
    assert_truth(TRUTH_NO, "header", "content-type image", &facts);    /* the whole value */
    assert_truth(TRUTH_YES, "header", "x-role admin", &facts);         /* one of its values */
    assert_truth(TRUTH_YES, "header", "x-role nobody guest", &facts);
    assert_truth(TRUTH_NO, "header", "x-role nobody", &facts);
    facts.request_fields = NULL;
    assert_truth(TRUTH_UNKNOWN, "header", "x-role", &facts);
    assert_refused("header", "x:y", "no name of a field");
}
END_TEST

START_TEST(test_response)
{
    struct fields fields;
    struct facts facts = kit_facts("example.org", "/"), tunnel = kit_tunnel("example.org");
    assert_truth(TRUTH_LATER, "response-type", "text/html", &facts);
    assert_truth(TRUTH_LATER, "response-size", ">1k", &facts);
    assert_truth(TRUTH_UNKNOWN, "response-type", "text/html", &tunnel);
    assert_truth(TRUTH_UNKNOWN, "response-size", ">1k", &tunnel);
    fields_init(&fields, &kit.arena);
    fields_add(&fields, STR("Content-Type"), STR("Text/HTML; charset=utf-8"));
    facts.phase = PHASE_RESPONSE;
    facts.response_fields = &fields;
    facts.response_size = 1025;
    assert_truth(TRUTH_YES, "response-type", "text/html", &facts);
    assert_truth(TRUTH_YES, "response-type", "image/* text/*", &facts);
    assert_truth(TRUTH_NO, "response-type", "image/*", &facts);
    assert_truth(TRUTH_YES, "response-size", ">1k", &facts);
    assert_truth(TRUTH_YES, "response-size", ">1024B", &facts);
    assert_truth(TRUTH_NO, "response-size", ">1025B", &facts);
    assert_truth(TRUTH_NO, "response-size", ">1M", &facts);
    facts.response_size = BODY_UNKNOWN;
    assert_truth(TRUTH_UNKNOWN, "response-size", ">1k", &facts);
    fields_remove(&fields, STR("Content-Type"));
    assert_truth(TRUTH_NO, "response-type", "*/*", &facts);
    assert_refused("response-type", "html", "media type");
    assert_refused("response-size", "1k", "'>'");
    assert_refused("response-size", ">1", "unit");
    assert_refused("response-size", ">1x", "one of B, k");
    assert_refused("response-size", ">99999999999T", "too large");
}
END_TEST

START_TEST(test_client_certificate)
{
    struct facts facts = {.phase = PHASE_REQUEST};
    assert_truth(TRUTH_NO, "client-certificate", "*", &facts);
    facts.client_certificate = STR("");
    assert_truth(TRUTH_YES, "client-certificate", "*", &facts);
    assert_truth(TRUTH_NO, "client-certificate", "CN=*", &facts);
    facts.client_certificate = STR("CN=ann,OU=web,O=Example\\, Inc.");
    assert_truth(TRUTH_YES, "client-certificate", "CN=ann,*", &facts);
    assert_truth(TRUTH_YES, "client-certificate", "CN=bob,* *,OU=web,*", &facts);
    assert_truth(TRUTH_NO, "client-certificate", "CN=ann", &facts);
    assert_truth(TRUTH_NO, "client-certificate", "CN=Ann,*", &facts);
    facts.client_certificate = STR("CN=eve\\,OU=admins,O=Example"); /* all of it a name */
    assert_truth(TRUTH_NO, "client-certificate", "CN=*,OU=admins,O=Example", &facts);
    facts.client_certificate = STR("CN=eve,OU=admins,O=Example");
    assert_truth(TRUTH_YES, "client-certificate", "CN=*,OU=admins,O=Example", &facts);
    facts.client_certificate = STR("CN=a");
    assert_truth(TRUTH_NO, "client-certificate", "CN=a/*", &facts);
}
END_TEST

START_TEST(test_table)
{
    unsigned rows = 0;
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++, rows++) {
        ck_assert_ptr_eq(condition_kind_find(str_of(kind->name)), kind);
        ck_assert_msg(kind->help != NULL && kind->values != NULL && kind->parse != NULL && kind->truth != NULL, "%s",
                      kind->name);
        ck_assert_uint_le(kind->min_values, kind->max_values);
    }
    ck_assert_uint_eq(rows, 16);
    ck_assert_ptr_null(condition_kind_find(STR("country")));
    ck_assert_int_eq(condition_kind_find(STR("destination"))->phase, PHASE_DIAL);
}
END_TEST

Suite *suite_conditions(void)
{
    const TTest *const tests[] = {
        test_source,
        test_source_mistakes,
        test_source_list,
        test_destination,
        test_destination_of_a_numeric_host,
        test_host_patterns,
        test_host_mistakes,
        test_listed,
        test_path,
        test_regexes,
        test_regex_limit,
        test_method_scheme_port,
        test_header,
        test_response,
        test_client_certificate,
        test_table,
    };
    Suite *suite = suite_create("conditions");
    kit_add(suite, "conditions", tests, lengthof(tests));
    return suite;
}
