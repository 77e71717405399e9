#include "acl/list_reader.h"
#include "base/must.h"
#include "base/text.h"

#include <check.h>
#include <stdio.h>

Suite *suite_list_readers(void);

/* Writes what it gets: `name`, `*.name` (below only), `=name` (itself only), `!` for an exception, ranges, and paths behind names. */
struct writer {
    struct list_sink sink;
    struct text text;
};

static void write_entry(struct list_sink *sink, const struct list_entry *entry)
{
    struct writer *writer = container_of(sink, struct writer, sink);
    unsigned cover = entry->cover & COVER_BOTH;
    char range[ADDR_TEXT_MAX] = "";
    if (entry->name.at == NULL)
        cidr_text(&entry->range, range);
    text_printf(&writer->text, "%s%s%s%.*s%s%.*s", writer->text.len > 0 ? " " : "",
                entry->cover & COVER_EXCEPTION ? "!" : "",
                entry->name.at == NULL || cover == COVER_BOTH ? ""
                : cover == COVER_SELF                         ? "="
                                                              : "*.",
                STR_ARGS(entry->name), range, STR_ARGS(entry->path));
}

struct line_case {
    const char *line;
    enum line_result result;
    const char *entries;
};

static void check_lines(enum list_format format, int exact, const struct line_case *cases, size_t count)
{
    struct writer writer = {.sink = {write_entry}};
    struct list_reader reader;
    text_init(&writer.text);
    list_reader_init(&reader, format, exact, &writer.sink);
    for (size_t i = 0; i < count; i++) {
        text_clear(&writer.text);
        enum line_result result = list_reader_take(&reader, str_of(cases[i].line));
        ck_assert_msg(result == cases[i].result, "'%s': %d", cases[i].line, (int)result);
        ck_assert_msg(str_eq(text_str(&writer.text), str_of(cases[i].entries)), "'%s': %s", cases[i].line,
                      text_str(&writer.text).at);
        if (result == LINE_BAD || result == LINE_UNSUPPORTED)
            ck_assert_ptr_nonnull(reader.why);
    }
    ck_assert(list_reader_is_complete(&reader));
    list_reader_fini(&reader);
    text_fini(&writer.text);
}

#define CHECK_LINES(format, exact, ...)                                                                                \
    do {                                                                                                               \
        static const struct line_case cases_[] = {__VA_ARGS__};                                                        \
        check_lines(format, exact, cases_, lengthof(cases_));                                                          \
    } while (0)

START_TEST(test_domains)
{
    CHECK_LINES(
        LIST_DOMAINS, -1, {"example.org", LINE_ENTRY, "example.org"}, {"  Example.ORG.  ", LINE_ENTRY, "example.org"},
        {"b\xc3\xbc"
         "cher.example",
         LINE_ENTRY, "xn--bcher-kva.example"},
        {"xn--bcher-kva.example", LINE_ENTRY, "xn--bcher-kva.example"},
        {"_dmarc.example", LINE_ENTRY, "_dmarc.example"}, {".example.org", LINE_ENTRY, "example.org"},
        {"*.example.org", LINE_ENTRY, "*.example.org"}, {"example.org # why", LINE_ENTRY, "example.org"},
        {"example.org\t#why", LINE_ENTRY, "example.org"}, {"com", LINE_ENTRY, "com"},
        {"192.0.2.1", LINE_ENTRY, "192.0.2.1/32"}, {"2001:DB8::1", LINE_ENTRY, "2001:db8::1/128"},
        {"", LINE_NOTHING, ""}, {"   \t", LINE_NOTHING, ""}, {"# comment", LINE_NOTHING, ""},
        {"; comment", LINE_NOTHING, ""}, {"! comment", LINE_NOTHING, ""}, {"// comment", LINE_NOTHING, ""},
        {"example.org example.com", LINE_BAD, ""}, {"exa!mple.org", LINE_BAD, ""}, {"a..b", LINE_BAD, ""},
        {"*.*.example.org", LINE_BAD, ""}, {"http://example.org/", LINE_BAD, ""}, {"example.org:80", LINE_BAD, ""},
        {"127.1", LINE_BAD, ""}, {"300.1.1.1", LINE_BAD, ""}, {"example.org\xff", LINE_BAD, ""});
    CHECK_LINES(LIST_DOMAINS, 1, {"example.org", LINE_ENTRY, "=example.org"},
                {".example.org", LINE_ENTRY, "example.org"}, /* it says so itself */
                {"*.example.org", LINE_ENTRY, "*.example.org"});
}
END_TEST

START_TEST(test_longest_names)
{
    char label[65], name[400];
    memset(label, 'a', 64);
    label[63] = '\0';
    struct writer writer = {.sink = {write_entry}};
    struct list_reader reader;
    text_init(&writer.text);
    list_reader_init(&reader, LIST_DOMAINS, -1, &writer.sink);
    int len = snprintf(name, sizeof name, "%s.%s.%s.%.61s", label, label, label, label);
    ck_assert_int_eq(len, 253);
    ck_assert_int_eq(list_reader_take(&reader, str_of(name)), LINE_ENTRY);
    snprintf(name, sizeof name, "%s.%s.%s.%.62s", label, label, label, label);
    ck_assert_int_eq(list_reader_take(&reader, str_of(name)), LINE_BAD);
    snprintf(name, sizeof name, "%sa.example", label);
    ck_assert_int_eq(list_reader_take(&reader, str_of(name)), LINE_BAD);
    list_reader_fini(&reader);
    text_fini(&writer.text);
}
END_TEST

START_TEST(test_hosts)
{
    CHECK_LINES(LIST_HOSTS, -1, {"0.0.0.0 ads.example", LINE_ENTRY, "=ads.example"},
                {"127.0.0.1\tAds.Example  more.example # both", LINE_ENTRY, "=ads.example =more.example"},
                {":: six.example", LINE_ENTRY, "=six.example"}, {"127.0.0.1 localhost", LINE_NOTHING, ""},
                {"127.0.0.1 localhost.localdomain local", LINE_NOTHING, ""},
                {"::1 ip6-localhost ip6-loopback localhost", LINE_NOTHING, ""},
                {"fe80::1%lo0 localhost", LINE_NOTHING, ""}, {"255.255.255.255 broadcasthost", LINE_NOTHING, ""},
                {"0.0.0.0 0.0.0.0", LINE_NOTHING, ""}, {"127.0.0.1 localhost ads.example", LINE_ENTRY, "=ads.example"},
                {"# 0.0.0.0 not.example", LINE_NOTHING, ""}, {"ads.example", LINE_BAD, ""}, {"0.0.0.0", LINE_BAD, ""},
                {"0.0.0.0 # nothing", LINE_BAD, ""}, {"0.0.0.0 good.example b@d.example", LINE_BAD, "=good.example"});
    CHECK_LINES(LIST_HOSTS, 0, {"0.0.0.0 ads.example", LINE_ENTRY, "ads.example"});
}
END_TEST

START_TEST(test_adblock)
{
    CHECK_LINES(LIST_ADBLOCK, -1, {"[Adblock Plus 2.0]", LINE_NOTHING, ""}, {"! Title: ads", LINE_NOTHING, ""},
                {"# comment", LINE_NOTHING, ""}, {"||ads.example^", LINE_ENTRY, "ads.example"},
                {"||ADS.example^|", LINE_ENTRY, "ads.example"},
                {"@@||good.ads.example^", LINE_ENTRY, "!good.ads.example"},
                {"||ads.example^$important", LINE_ENTRY, "ads.example"},
                {"||ads.example^$all", LINE_ENTRY, "ads.example"}, {"||*.ads.example^", LINE_ENTRY, "*.ads.example"},
                {"||192.0.2.1^", LINE_ENTRY, "192.0.2.1/32"}, {"||ads.example^$third-party", LINE_UNSUPPORTED, ""},
                {"||ads.example^$important,third-party", LINE_UNSUPPORTED, ""},
                {"@@||ads.example^$document", LINE_UNSUPPORTED, ""},
                {"||ads.example", LINE_UNSUPPORTED, ""}, /* covers ads.example.org, too: no domain */
                {"||ads.example/banner^", LINE_UNSUPPORTED, ""}, {"||ads.example^banner", LINE_UNSUPPORTED, ""},
                {"||ads*.example^", LINE_UNSUPPORTED, ""}, {"||ads.example:8080^", LINE_UNSUPPORTED, ""},
                {"|https://ads.example^", LINE_UNSUPPORTED, ""}, {"/banner/*", LINE_UNSUPPORTED, ""},
                {"ads.example", LINE_UNSUPPORTED, ""}, {"##.ad", LINE_UNSUPPORTED, ""},
                {"example.org##.ad", LINE_UNSUPPORTED, ""}, {"#@#.ad", LINE_UNSUPPORTED, ""},
                {"||^", LINE_UNSUPPORTED, ""}, {"||a..b^", LINE_BAD, ""});
    CHECK_LINES(LIST_ADBLOCK, 1, {"||ads.example^", LINE_ENTRY, "=ads.example"});
}
END_TEST

START_TEST(test_dnsmasq)
{
    CHECK_LINES(
        LIST_DNSMASQ, -1, {"# comment", LINE_NOTHING, ""}, {"address=/ads.example/0.0.0.0", LINE_ENTRY, "ads.example"},
        {"address=/ads.example/", LINE_ENTRY, "ads.example"},
        {"address=/a.example/.b.example/#", LINE_ENTRY, "a.example b.example"},
        {"server=/ads.example/", LINE_ENTRY, "ads.example"}, {"local=/ads.example/ # why", LINE_ENTRY, "ads.example"},
        {"ipset=/ads.example/set", LINE_ENTRY, "ads.example"}, {"server=/good.example/#", LINE_ENTRY, "!good.example"},
        {"address=/#/0.0.0.0", LINE_UNSUPPORTED, ""}, {"address=/*ads.example/0.0.0.0", LINE_UNSUPPORTED, ""},
        {"server=192.0.2.53", LINE_UNSUPPORTED, ""}, {"cache-size=1000", LINE_UNSUPPORTED, ""},
        {"address=/ads.example", LINE_BAD, ""}, {"address=/b@d.example/", LINE_BAD, ""}, {"ads.example", LINE_BAD, ""});
}
END_TEST

START_TEST(test_rpz)
{
    CHECK_LINES(
        LIST_RPZ, -1, {"$TTL 2h", LINE_NOTHING, ""}, {"@ IN SOA localhost. root.localhost. (", LINE_NOTHING, ""},
        {"  1 ; serial", LINE_NOTHING, ""}, {"  2h 1h 1w 1h )", LINE_NOTHING, ""},
        {"  IN NS localhost.", LINE_NOTHING, ""}, {"; comment", LINE_NOTHING, ""},
        {"ads.example CNAME .", LINE_ENTRY, "ads.example"}, {"*.ads.example CNAME .", LINE_ENTRY, "*.ads.example"},
        {"ads.example. 3600 IN CNAME *. ; NODATA", LINE_ENTRY, "ads.example"},
        {"ads.example IN 1h A 0.0.0.0", LINE_ENTRY, "ads.example"}, {"  IN AAAA ::", LINE_NOTHING, ""},
        {"ads.example TXT \"a;b (c\"", LINE_ENTRY, "ads.example"},
        {"good.example CNAME rpz-passthru.", LINE_ENTRY, "!good.example"},
        {"*.good.example CNAME rpz-passthru.", LINE_ENTRY, "!*.good.example"},
        {"old.example CNAME old.example.", LINE_ENTRY, "!old.example"},
        {"drop.example CNAME rpz-drop.", LINE_ENTRY, "drop.example"},
        {"tcp.example CNAME rpz-tcp-only.", LINE_UNSUPPORTED, ""},
        {"32.1.2.0.192.rpz-ip CNAME .", LINE_UNSUPPORTED, ""}, {"ns.example.rpz-nsdname CNAME .", LINE_UNSUPPORTED, ""},
        {"$INCLUDE other", LINE_UNSUPPORTED, ""}, {"ads.example", LINE_BAD, ""}, {"b@d.example CNAME .", LINE_BAD, ""});
    CHECK_LINES(LIST_RPZ, -1, {"$ORIGIN RPZ.example.", LINE_NOTHING, ""},
                {"ads.example.rpz.example. CNAME .", LINE_ENTRY, "ads.example"},
                {"ads.example CNAME .", LINE_ENTRY, "ads.example"},
                {"ads.other.example. CNAME .", LINE_ENTRY, "ads.other.example"});
    CHECK_LINES(LIST_RPZ, -1, /* as a transferred zone is written */
                {"rpz.example. 60 IN SOA a. b. 1 2 3 4 5", LINE_NOTHING, ""},
                {"*.ads.example.rpz.example. 60 IN CNAME .", LINE_ENTRY, "*.ads.example"});
}
END_TEST

START_TEST(test_category)
{
    CHECK_LINES(LIST_CATEGORY, -1, {"games.example", LINE_ENTRY, "games.example"},
                {"example.org/games", LINE_ENTRY, "example.org/games"},
                {"Example.org/Games/", LINE_ENTRY, "example.org/Games/"},
                {"example.org/%7euser", LINE_ENTRY, "example.org/~user"}, /* canonical */
                {"example.org/a/../b", LINE_ENTRY, "example.org/b"}, {"example.org/", LINE_ENTRY, "example.org"},
                {"192.0.2.1/games", LINE_ENTRY, "192.0.2.1/32/games"}, {"# comment", LINE_NOTHING, ""},
                {"example.org/games?id=1", LINE_UNSUPPORTED, ""}, {"example.org:8080/games", LINE_UNSUPPORTED, ""},
                {"http://example.org/games", LINE_UNSUPPORTED, ""},
                {"example.org/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g", LINE_UNSUPPORTED, ""},
                {"example.org/%zz", LINE_BAD, ""}, {"example.org/a b", LINE_BAD, ""}, {"/games", LINE_BAD, ""});
}
END_TEST

START_TEST(test_cidr)
{
    CHECK_LINES(LIST_CIDR, -1, {"192.0.2.0/24", LINE_ENTRY, "192.0.2.0/24"}, {"192.0.2.1", LINE_ENTRY, "192.0.2.1/32"},
                {"2001:db8::/32", LINE_ENTRY, "2001:db8::/32"}, {"192.0.2.0/24 ; SBL1", LINE_ENTRY, "192.0.2.0/24"},
                {"192.0.2.0/24; SBL1", LINE_ENTRY, "192.0.2.0/24"}, {"192.0.2.0/24 # ours", LINE_ENTRY, "192.0.2.0/24"},
                {"# comment", LINE_NOTHING, ""}, {"192.0.2.1/24", LINE_BAD, ""}, {"192.0.2.0/33", LINE_BAD, ""},
                {"192.0.2.1-192.0.2.9", LINE_BAD, ""}, {"192.0.2.1 192.0.2.2", LINE_BAD, ""},
                {"example.org", LINE_BAD, ""});
}
END_TEST

START_TEST(test_detection)
{
    static const struct {
        const char *text;
        enum list_format format;
    } cases[] = {
        {"", LIST_DOMAINS},
        {"# only comments\n# http://example.org/\n", LIST_DOMAINS},
        {"# a list\nexample.org\nexample.com\n", LIST_DOMAINS},
        {"127.0.0.1 localhost\n::1 localhost\n0.0.0.0 ads.example\r\n", LIST_HOSTS},
        {"[Adblock Plus 2.0]\n! Title\n||ads.example^\nexample.org##.ad\n", LIST_ADBLOCK},
        {"! Title\n||ads.example^\n@@||good.example^\n", LIST_ADBLOCK},
        {"# x\naddress=/ads.example/0.0.0.0\nserver=/b.example/\n", LIST_DNSMASQ},
        {"$TTL 60\n@ SOA a. b. 1 2 3 4 5\n  NS a.\nads.example CNAME .\n*.ads.example CNAME .\n", LIST_RPZ},
        {"10.0.0.0/8\n192.0.2.1 # one\n2001:db8::/32\n", LIST_CIDR},
        {"1.2.3.4\n5.6.7.8", LIST_CIDR},
        {"example.org/a\nexample.com/b/c\nexample.net\n", LIST_CATEGORY},
        {"a.example\nb.example\n10.0.0.1\n", LIST_DOMAINS}, /* what most lines are */
    };
    for (size_t i = 0; i < lengthof(cases); i++)
        ck_assert_msg(list_detect(str_of(cases[i].text)) == cases[i].format, "%s: %s", cases[i].text,
                      list_format_name(list_detect(str_of(cases[i].text))));
}
END_TEST

Suite *suite_list_readers(void)
{
    const TTest *const tests[] = {test_domains, test_longest_names, test_hosts, test_adblock,  test_dnsmasq,
                                  test_rpz,     test_category,      test_cidr,  test_detection};
    Suite *suite = suite_create("list_readers");
    TCase *tcase = tcase_create("readers");
    for (size_t i = 0; i < lengthof(tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    return suite;
}
