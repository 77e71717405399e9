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

static bool has_subject(const char *glob, const char *subject)
{
    struct facts facts = {.phase = PHASE_REQUEST, .client_certificate = str_of(subject)};
    struct word word = {.text = str_of(glob)}; /* may have blanks in it */
    const struct condition_kind *kind = condition_kind_find(STR("client-certificate"));
    struct match match;
    return kind->truth(kind->parse(&kit.scope, &word, 1), &facts, &match) == TRUTH_YES;
}

START_TEST(test_parts_of_subject)
{
    static const struct {
        const char *glob, *subject;
        bool is_match;
    } cases[] = {
        /* a star inside of a part stays there */
        {"CN=*,O=Example", "CN=eve,O=Example", true},
        {"CN=*,O=Example", "CN=eve,OU=sales,O=Example", false},
        {"CN=a*n,O=Example", "CN=a,OU=n,O=Example", false},
        {"CN=ann,OU=*,O=Example", "CN=ann,OU=web,OU=old,O=Example", false},
        {"CN=ann,*admins,O=Example", "CN=ann,OU=x,OU=admins,O=Example", false},
        {"CN=ann,*admins,O=Example", "CN=ann,OU=admins,O=Example", true},
        {"CN=ann?OU=web", "CN=ann,OU=web", false},
        {"CN=*,O=Example", "CN=eve+UID=7,O=Example", true},
        /* one that is a part is one part or more */
        {"*", "", true},
        {"*", "CN=ann,OU=web", true},
        {"CN=ann,*", "CN=ann", false},
        {"CN=ann,*", "CN=ann,OU=web,O=Example", true},
        {"*,O=Example", "O=Example", false},
        {"*,O=Example", "CN=ann,OU=web,O=Example", true},
        {"CN=ann,**,O=Example", "CN=ann,O=Example", false},
        {"CN=ann,**,O=Example", "CN=ann,OU=a,OU=b,O=Example", true},
        {"*,OU=a*b,*", "CN=x,OU=ac,OU=ab,O=y", true},
        {"*,OU=a,*,OU=b", "CN=x,OU=a,OU=b", false},
        {"*,OU=a,*,OU=b", "CN=x,OU=a,OU=a,OU=b", true},
        {"*,*", "CN=x", false},
        /* at the beginning and the end it has any parts */
        {"CN=ann*", "CN=ann", true},
        {"CN=ann*", "CN=anna,OU=web,O=Example", true},
        {"*O=Example", "O=Example", true},
        {"*O=Example", "CN=ann,OU=web,O=Example", true},
        {"*OU=web*", "CN=ann,OU=web,O=Example", true},
        {"*web,O=*", "CN=ann,OU=web,O=Example,C=DE", true},
        {"CN=*n,O=*", "CN=ann,OU=n,O=Example", false},
        {"CN=a\\*", "CN=a*,O=Example", false},
        /* what is escaped is in a name */
        {"CN=*,OU=admins,O=Example", "CN=eve\\,OU=admins,O=Example", false},
        {"CN=*,OU=admins,O=Example", "CN=eve\\,OU=admins,OU=admins,O=Example", true},
        {"CN=*,OU=admins,O=Example", "CN=eve\\\\,OU=admins,O=Example", true}, /* the backslash is escaped */
        {"CN=*,OU=admins,O=Example", "CN=eve+OU=admins,O=Example", false},
        {"CN=ann,*", "CN=ann\\,x", false},
        {"CN=ann\\,*", "CN=ann\\,x", true},
        {"CN=ann\\,*", "CN=ann,x", false},
        {"*,O=Example\\, Inc.", "CN=ann,O=Example\\, Inc.", true},
        {"CN=\\*.a.test", "CN=*.a.test", true},
        {"CN=\\*.a.test", "CN=b.a.test", false},
        {"CN=\\#0c01", "CN=#0c01", false},
        {"CN=j*4", "CN=j\\C3\\A4", false}, /* the 4 is half a character */
        {"", "CN=", false},
        {"CN=a,", "CN=a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(has_subject(cases[i].glob, cases[i].subject) == cases[i].is_match, "'%s' of '%s'", cases[i].glob,
                      cases[i].subject);
}
END_TEST

static size_t unit(const char *text)
{
    return text[0] == '\\' && text[1] != '\0' ? 2 : 1;
}

/* As one text: what no pattern may go beyond. */
static bool is_like_text(const char *glob, const char *subject)
{
    if (*glob == '\0' || *subject == '\0')
        return *subject == '\0' && strspn(glob, "*") == strlen(glob);
    if (*glob == '*')
        return is_like_text(glob + 1, subject) || is_like_text(glob, subject + unit(subject));
    bool is_same = *glob == '?' || (unit(glob) == unit(subject) && memcmp(glob, subject, unit(glob)) == 0);
    return is_same && is_like_text(glob + unit(glob), subject + unit(subject));
}

/* The same, but that a star keeps to its part unless it is one, or `glob` begins or ends with it. */
static bool is_like_parts(const char *glob, const char *subject, bool begins, bool begins_part)
{
    if (*glob == '\0' || *subject == '\0')
        return *subject == '\0' && strspn(glob, "*") == strlen(glob);
    if (*glob == '*') {
        size_t stars = strspn(glob, "*");
        bool is_free = begins || glob[stars] == '\0' || (begins_part && glob[stars] == ',');
        for (; *subject != '\0'; subject += unit(subject)) {
            if (is_like_parts(glob + stars, subject, false, false))
                return true;
            if (*subject == ',' && !is_free)
                return false;
        }
        return glob[stars] == '\0';
    }
    bool is_same = (*glob == '?' && *subject != ',') ||
                   (unit(glob) == unit(subject) && memcmp(glob, subject, unit(glob)) == 0);
    return is_same && is_like_parts(glob + unit(glob), subject + unit(subject), false, *glob == ',');
}

static void make_text(unsigned *seed, const char *of, char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 1103515245 + 12345;
        text[i] = of[*seed >> 16 & 7];
    }
    text[len] = '\0';
}

START_TEST(test_no_pattern_has_more_than_its_text)
{
    unsigned seed = 7, found = 0;
    for (int i = 0; i < 100000; i++) {
        char glob[9], subject[12];
        make_text(&seed, "x*?,*,x\\", glob, 8);
        make_text(&seed, "xx,x,x\\\0", subject, 11);
        if (strstr(glob, "\\*") != NULL || strstr(glob, "\\?") != NULL)
            continue;
        bool is_match = has_subject(glob, subject);
        found += is_match;
        ck_assert_msg(!is_match || is_like_text(glob, subject), "'%s' of '%s'", glob, subject);
        ck_assert_msg(is_match == is_like_parts(glob, subject, true, true), "'%s' of '%s'", glob, subject);
        arena_reset(&kit.arena);
    }
    ck_assert_uint_gt(found, 1000);
}
END_TEST

START_TEST(test_loose_type_of_subject)
{
    static const char *const loose[] = {"*CN=ann*", "*OU=admins,O=Example", "CN=*OU=admins", "CN=ann,?OU=x",
                                        "**2.5.4.3=x"};
    static const char *const fine[] = {"*",        "CN=*",   "CN=ann,*",   "*,CN=ann",
                                       "*+CN=ann", "CN=a*b", "CN=\\*OU=x", "CN=*a"};
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        is("client-certificate", loose[i]);
        assert_told("inside of a name");
    }
    is("client-certificate", "CN=ann,* *OU=admins");
    assert_told("test.conf:1:11: warning: '*OU=admins' is true of a certificate that has 'OU=' inside of a name");
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        is("client-certificate", fine[i]);
        assert_silent();
    }
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
        test_parts_of_subject,
        test_no_pattern_has_more_than_its_text,
        test_loose_type_of_subject,
        test_table,
    };
    Suite *suite = suite_create("conditions");
    kit_add(suite, "conditions", tests, lengthof(tests));
    return suite;
}
