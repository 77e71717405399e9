#include "tests/unit/conf_kit.h"

#include "conf/block.h"
#include "conf/doc.h"
#include "conf/value.h"

#include <inttypes.h>

Suite *suite_doc(void);

/* Every row is documented. */

static bool has(const struct text *text, const char *part)
{
    return str_find_str(text_str(text), str_of(part)) < text->len;
}

START_TEST(test_rows_are_whole)
{
    for (const struct directive *row = directives; row->name != NULL; row++) {
        ck_assert_msg(row->help != NULL && strlen(row->help) > 8, "%s: no help", row->name);
        ck_assert_msg(row->help[strlen(row->help) - 1] != '.', "%s: help ends with a stop", row->name);
        ck_assert_msg(row->blocks != 0, "%s: stands nowhere", row->name);
        ck_assert_msg(row->type == VALUE_SPECIAL || row->size > 0, "%s: no member", row->name);
        ck_assert_msg(row->type != VALUE_SPECIAL || row->set != NULL || strcmp(row->name, "include") == 0,
                      "%s: no setter", row->name);
        ck_assert_msg(row->type != VALUE_SPECIAL || row->most == 0 || row->arguments != NULL, "%s: no arguments told",
                      row->name);
        for (const struct directive *other = row + 1; other->name != NULL; other++)
            ck_assert_msg(strcmp(row->name, other->name) != 0 || !(row->blocks & other->blocks),
                          "%s stands twice in a block", row->name);
    }
}
END_TEST

START_TEST(test_manual_has_all)
{
    struct text manual, name;
    text_init(&manual);
    text_init(&name);
    manual_write("1.2.3", &manual);
    ck_assert(has(&manual, ".TH GATEHOUSE.CONF 5") && has(&manual, "gatehouse 1.2.3"));
    for (const struct directive *row = directives; row->name != NULL; row++) {
        text_clear(&name);
        text_add_cstr(&name, "\\fB");
        for (const char *c = row->name; *c != '\0'; c++)
            text_printf(&name, *c == '-' ? "\\%c" : "%c", *c);
        text_add_cstr(&name, "\\fR");
        ck_assert_msg(has(&manual, text_str(&name).at), "%s is not in the manual", row->name);
    }
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++)
        ck_assert_msg(kind->help != NULL && kind->help[0] != '\0', "%s: no help", kind->name);
    text_fini(&name);
    text_fini(&manual);
}
END_TEST

/* A head may have blanks in a row; the lines below it have them at their beginning only. */
static bool has_joined_lines(struct str text)
{
    struct str line;
    while (str_cut(&text, '\n', &line))
        if (str_starts(line, STR(" ")) && str_find_str(str_trim(line), STR("    ")) < str_trim(line).len)
            return true;
    return false;
}

START_TEST(test_help_is_wrapped)
{
    const char **names = doc_names();
    for (size_t i = 0; names[i] != NULL; i++) {
        struct text text;
        text_init(&text);
        ck_assert(doc_write(names[i], &text));
        ck_assert_msg(!has_joined_lines(text_str(&text)), "%s", text_str(&text).at);
        text_fini(&text);
    }
    free(names);
}
END_TEST

START_TEST(test_doc)
{
    struct text text;
    text_init(&text);
    ck_assert(doc_write("deny", &text));
    ck_assert(has(&text, "deny [as NAME] [status N] [page FILE] [reason TEXT] [if EXPRESSION]"));
    ck_assert(has(&text, "default: 403") && has(&text, "range:   400 to 599") &&
              has(&text, "a reverse block, a route block, a forward block"));
    text_clear(&text);
    ck_assert(doc_write("pool", &text));
    ck_assert(has(&text, "pool NAME { … }") && has(&text, "server ADDRESS") && has(&text, "balance round-robin"));
    text_clear(&text);
    ck_assert(doc_write("threads", &text) && has(&text, "threads N|auto") && has(&text, "default: auto"));
    text_clear(&text);
    ck_assert(doc_write(NULL, &text));
    for (const struct directive *row = directives; row->name != NULL; row++)
        ck_assert_msg(has(&text, row->name), "%s is not in the overview", row->name);
    text_clear(&text);
    ck_assert(doc_write("conditions", &text) && has(&text, "destination(CIDR") && has(&text, "[dial]"));
    ck_assert(doc_write("variables", &text) && has(&text, "$host"));
    ck_assert(doc_write("$host", &text) && doc_write("destination", &text) && doc_write("DURATION", &text) &&
              doc_write("types", &text));
    text_clear(&text);
    ck_assert(doc_write("PATTERN", &text) && has(&text, "*.example.org"));
    ck_assert(doc_write("types", &text) && has(&text, "ADDRESS\n") && has(&text, "DURATION\n"));
    text_clear(&text);
    ck_assert(!doc_write("denny", &text) && has(&text, "did you mean 'deny'?"));
    text_clear(&text);
    ck_assert(!doc_write("compress", &text));
    text_fini(&text);
    const char **names = doc_names();
    for (size_t i = 0; names[i] != NULL; i++) {
        text_init(&text);
        ck_assert_msg(doc_write(names[i], &text), "%s", names[i]);
        text_fini(&text);
    }
    free(names);
}
END_TEST

/* Every row can be written. */

/* A text around a statement of each block; % is where it stands. */
static const struct {
    unsigned kind;
    const char *around;
} around[] = {
    {BLOCK_TOP,
     "reverse r { listen :80; to a; log l if office }\npool q { server a; }\nacl office source 10.0.0.0/8\n%\n"},
    {BLOCK_LIMITS, "limits { % }\n"},
    {BLOCK_LIMITS_MODE, "reverse r { listen :80; to a; limits { % } }\n"},
    {BLOCK_LIMITS_ROUTE, "reverse r { listen :80; to a; route * { limits { % } } }\n"},
    {BLOCK_TIMEOUTS, "timeouts { % }\n"},
    {BLOCK_TIMEOUTS_MODE, "forward f { listen 127.0.0.1:3128; allow; timeouts { % } }\n"},
    {BLOCK_TIMEOUTS_ROUTE, "reverse r { listen :80; to a; route * { timeouts { % } } }\n"},
    {BLOCK_RESOLVER, "resolver { % }\n"},
    {BLOCK_LOG, "log l { % }\n"},
    {BLOCK_LIST, "list l { file optional other.txt\n% }\n"},
    {BLOCK_POOL, "pool p { server b\n% }\n"},
    {BLOCK_POOL_TLS, "pool p { server b; tls { % } }\n"},
    {BLOCK_REVERSE, "log l { }\npool p { server b }\nreverse r { listen :80\n% }\n"},
    {BLOCK_ROUTE, "log l { }\npool p { server b }\nreverse r { listen :80; route * { % } }\n"},
    {BLOCK_FORWARD, "log l { }\nforward f { listen 127.0.0.1:3128\n%\n allow }\n"},
    {BLOCK_ACME, "reverse r { host r.example; listen :80; to a; certificate auto { % ; agree-terms on } }\n"},
    {BLOCK_PASSTHROUGH, "log l { }\npool p { server b }\nreverse r { listen :80 tls-passthrough\n% }\n"},
    {BLOCK_TIMEOUTS_PASSTHROUGH, "reverse r { listen :80 tls-passthrough; to a; timeouts { % } }\n"},
    {OPTIONS_DENY_PASSTHROUGH, "reverse r { listen :80 tls-passthrough; to a; deny % \n}\n"},
    {BLOCK_TUNNEL_CHECK, "forward f { listen 127.0.0.1:3128; tunnel-check { % }\n allow }\n"},
    {BLOCK_TLS, "reverse r { listen :80 tls; certificate authorities.pem authorities.key; to a; tls { % } }\n"},
    {BLOCK_TEST, "forward f { listen 127.0.0.1:3128; allow\n test { % } }\n"},
    {OPTIONS_USER, "user www %\n"},
    {OPTIONS_CONTROL, "control x %\n"},
    {OPTIONS_SERVER, "pool p { server b % }\n"},
    {OPTIONS_LISTEN, "reverse r { listen :80 % \n to a }\n"},
    {OPTIONS_DENY, "reverse r { listen :80; deny % \n}\n"},
    {OPTIONS_REDIRECT, "reverse r { listen :80; redirect http://x/ % \n}\n"},
    {OPTIONS_RESPOND, "reverse r { listen :80; respond 200 % \n}\n"},
    {OPTIONS_EXPECT,
     "pool p { server b }\nreverse r { listen :80; pool p; test { GET http://x/; expect allow % \n} }\n"},
};

/* Of a row that its default or its type do not tell: something that may be written. */
static const struct {
    const char *name;
    const char *statement;
} written[] = {
    {"include", "include sub.conf"},
    {"limits", "limits { body-size 3M }"},
    {"timeouts", "timeouts { connect 2s }"},
    {"resolver", "resolver { timeout 1s }"},
    {"nameserver", "nameserver 192.0.2.1"},
    {"log", "log l { }"},
    {"redact", "redact x-key"},
    {"acl", "acl x method POST"},
    {"list", "list l { file list.txt }"},
    {"file", "file list.txt"},
    {"pool", "pool p { server b }"},
    {"server", "server c weight 2"},
    {"tls", "tls { verify off }"},
    {"ca", "ca authorities.pem"},
    {"server-name", "server-name app.example"},
    {"versions", "versions 1.3"},
    {"ciphers", "ciphers ECDHE+AESGCM:!SHA1 TLS_AES_256_GCM_SHA384"},
    {"client-ca", "client-ca authorities.pem"},
    {"reverse", "reverse s { listen :81; to b }"},
    {"forward", "forward s { listen 127.0.0.1:81; allow }"},
    {"listen", "listen 127.0.0.1:82"},
    {"forwarded", "forwarded from 10.0.0.0/8"},
    {"proxy-protocol", "proxy-protocol from 10.0.0.0/8"},
    {"certificate", "certificate authorities.pem authorities.key"},
    {"email", "email admin@a.example"},
    {"host", "host a.example"},
    {"to", "to b c"},
    {"files", "files www"},
    {"error-page", "error-page 502 page.html"},
    {"route", "route /a/* if method(GET) { }"},
    {"allow", "allow as x if method(GET)"},
    {"deny", "deny as x if method(GET)"},
    {"page", "page page.html"},
    {"reason", "reason \"Not here.\""},
    {"redirect", "redirect http://x/$uri if method(GET)"},
    {"respond", "respond 204 if method(GET)"},
    {"type", "type text/html"},
    {"body", "body \"Hello.\""},
    {"set-header", "set-header request x-a \"$host\""},
    {"add-header", "add-header response x-a b"},
    {"remove-header", "remove-header response x-*"},
    {"rewrite", "rewrite path ^/a(.*)$ /b$1"},
    {"tunnel-check", "tunnel-check { mismatch allow }"},
    {"test", "test { GET http://x/; expect allow }"},
    {"at", "at \"2026-11-24 10:00\""},
    {"header", "header \"Accept: x\""},
    {"METHOD", "GET http://x/"},
    {"expect", "expect allow"},
};

/* By block, where one name means several things. */
static const struct {
    unsigned block;
    const char *name;
    const char *statement;
} written_in[] = {
    {OPTIONS_LISTEN, "tls", "tls\n certificate authorities.pem authorities.key"},
    {BLOCK_REVERSE | BLOCK_FORWARD, "tls",
     "tls { tickets off }\n listen 127.0.0.1:81 tls\n certificate authorities.pem authorities.key"},
    {BLOCK_TLS, "client-certificate", "client-certificate optional; client-ca authorities.pem"},
    {BLOCK_REVERSE | BLOCK_ROUTE | BLOCK_FORWARD, "log", "log l if method(GET)"},
    {BLOCK_REVERSE | BLOCK_PASSTHROUGH | BLOCK_ROUTE | OPTIONS_EXPECT, "pool", "pool p"},
    {BLOCK_PASSTHROUGH, "log", "log l if tls-sni(a.example)"},
    {BLOCK_PASSTHROUGH, "allow", "allow as x if source(10.0.0.0/8)"},
    {BLOCK_PASSTHROUGH, "deny", "deny as x if tls-sni(a.example)"},
    {BLOCK_PASSTHROUGH, "listen", "listen 127.0.0.1:82 tls-passthrough"},
    {BLOCK_TEST, "to", "to 192.0.2.1"},
    {BLOCK_ACME, "agree-terms", ""},
    {BLOCK_LOG, "to", "to stderr"},
    {OPTIONS_RESPOND, "file", "file page.html"},
};

/* A certificate of nobody, valid for a hundred years. */
#define AUTHORITY                                                                                                      \
    "-----BEGIN CERTIFICATE-----\n"                                                                                    \
    "MIIBdTCCARugAwIBAgIUcvOHffjRch2MC7ZAOnWSfJ2cJB4wCgYIKoZIzj0EAwIw\n"                                               \
    "DzENMAsGA1UEAwwEVGVzdDAgFw0yNjExMjUxMjM0NTJaGA8yMTI2MTEwMTEyMzQ1\n"                                               \
    "MlowDzENMAsGA1UEAwwEVGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGNV\n"                                               \
    "XJOlYpR7PhsyzJbHlv7201VeOkbJ7T5jtRIrWiB68n23w5/BDlvxkQDKu3Ql4nCw\n"                                               \
    "/J0l9Q6sVm8iA4grdVajUzBRMB0GA1UdDgQWBBTuIRjI6pwSY6U5CmIPT5FcylBJ\n"                                               \
    "xjAfBgNVHSMEGDAWgBTuIRjI6pwSY6U5CmIPT5FcylBJxjAPBgNVHRMBAf8EBTAD\n"                                               \
    "AQH/MAoGCCqGSM49BAMCA0gAMEUCIDT/FjoVB7Q6/dtGRVUSXbqgeWjwWmw6TWJj\n"                                               \
    "eapmjBjJAiEAm1ZrlXLd6DjrKQy/vSsS7R1WJ6B/Zpkvqyu8tHAaCVw=\n"                                                       \
    "-----END CERTIFICATE-----\n"

static const struct kit_file files[] = {
    {"/t/authorities.pem", AUTHORITY},
    {"/t/authorities.key", "510355bd09f70282a34b4b6cb67fc9c50ac6a5c3a4cae9caece83c29fd0f296a"},
    {"/t/list.txt", "a.example\n"},
    {"/t/page.html", "<h1>$status</h1>"},
    {"/t/www", NULL},
    {"/t/sub.conf", "\n"},
    {NULL, NULL}};

static const char *by_type(const struct directive *row)
{
    static const char *const values[VALUE_TYPE_COUNT] = {
        [VALUE_FLAG] = "",  [VALUE_SWITCH] = "on", [VALUE_COUNT] = "404",
        [VALUE_NAME] = "x", [VALUE_PATH] = "p",    [VALUE_TEXT] = "text"};
    return row->fallback != NULL ? row->fallback : values[row->type];
}

static void write_statement(const struct directive *row, unsigned kind, struct text *into)
{
    for (size_t i = 0; i < sizeof written_in / sizeof *written_in; i++)
        if ((written_in[i].block & kind) && strcmp(written_in[i].name, row->name) == 0) {
            text_add_cstr(into, written_in[i].statement);
            return;
        }
    for (size_t i = 0; i < sizeof written / sizeof *written && row->type == VALUE_SPECIAL; i++)
        if (strcmp(written[i].name, row->name) == 0) {
            text_add_cstr(into, written[i].statement);
            return;
        }
    ck_assert_msg(by_type(row) != NULL, "add '%s' to the table 'written'", row->name);
    text_printf(into, "%s %s", row->name, by_type(row));
}

static void check_written(const struct directive *row, unsigned kind, const char *frame)
{
    static const char *const completions[] = {"expect allow", "GET http://x/"};
    struct text text;
    struct kit kit = {0};
    const char *hole = strchr(frame, '%');
    text_init(&text);
    text_add(&text, str_from(frame, (size_t)(hole - frame)));
    write_statement(row, kind, &text);
    for (size_t i = 0; kind == BLOCK_TEST && i < 2; i++)
        if (strcmp(row->name, i == 0 ? "expect" : "METHOD") != 0)
            text_printf(&text, "; %s", completions[i]);
    text_add_cstr(&text, hole + 1);
    if (kind == BLOCK_TOP && strcmp(row->name, "log") != 0)
        text_add_cstr(&text, "log l { }\n");
    kit_load(&kit, text_str(&text).at, files);
    ck_assert_msg(kit.config != NULL, "%s\n%s", text_str(&text).at, text_str(&kit.shown).at);
    kit_fini(&kit);
    text_fini(&text);
}

START_TEST(test_every_row_can_be_written)
{
    for (const struct directive *row = directives; row->name != NULL; row++)
        for (size_t i = 0; i < sizeof around / sizeof *around; i++)
            if (row->blocks & around[i].kind)
                check_written(row, around[i].kind, around[i].around);
    for (const struct block_name *block = block_names; block->kind != 0; block++) {
        size_t i = 0;
        while (i < sizeof around / sizeof *around && around[i].kind != block->kind)
            i++;
        ck_assert_msg(i < sizeof around / sizeof *around, "add %s to the table 'around'", block->title);
    }
}
END_TEST

/* Every typed row fills its member. */

static uint64_t member_of(const void *target, const struct directive *row)
{
    uint64_t value = 0;
    memcpy(&value, (const char *)target + row->offset,
           row->size < sizeof value ? row->size : sizeof value); /* little endian */
    return value;
}

static void check_member(const struct directive *row, const char *written_value, uint64_t expected)
{
    static union {
        char bytes[16384];
        max_align_t align;
    } target;
    struct diag diag;
    struct arena arena;
    struct conf_options options = {0};
    struct loading load = {.arena = &arena, .diag = &diag, .options = &options, .opener = opener_direct()};
    struct scope scope;
    char text[200];
    diag_init(&diag);
    arena_init(&arena);
    memset(&target, 0x55, sizeof target);
    ck_assert_uint_le(row->offset + row->size, sizeof target);
    snprintf(text, sizeof text, "%s %s", row->name, written_value);
    tree_read(&load.tree, "/t", str_of(text), load.opener, &arena, &diag);
    unsigned kind = row->blocks & -row->blocks;
    scope_init(&scope, &load, NULL, kind, &target);
    block_read(&scope, &load.tree.top);
    ck_assert_msg(diag.errors == 0, "%s", text);
    ck_assert_msg(member_of(&target, row) == expected, "%s: %" PRIu64 ", not %" PRIu64, text, member_of(&target, row),
                  expected);
    diag_fini(&diag);
    arena_reset(&arena);
}

static void check_bound(const struct directive *row, uint64_t value)
{
    char text[VALUE_TEXT_MAX];
    if (row->type == VALUE_DURATION)
        check_member(row, value_duration_text((msec)value, text), value);
    else if (row->type == VALUE_SIZE)
        check_member(row, value_size_text(value, text), value);
    else if (row->type == VALUE_COUNT)
        check_member(row, (snprintf(text, sizeof text, "%" PRIu64, value), text), value);
}

START_TEST(test_every_typed_row_fills_its_member)
{
    for (const struct directive *row = directives; row->name != NULL; row++) {
        if (row->type == VALUE_SWITCH || row->type == VALUE_FLAG) {
            check_member(row, row->type == VALUE_FLAG ? "" : "on", 1);
            if (row->type == VALUE_SWITCH)
                check_member(row, "off", 0);
        }
        if (row->type == VALUE_PERCENT)
            check_member(row, "37%", 37);
        if (row->type == VALUE_BANDWIDTH)
            check_member(row, "3k/s", 3072);
        if (row->max != 0) {
            check_bound(row, row->min);
            check_bound(row, row->max);
        }
        for (const struct value_word *word = row->words; word != NULL && word->name != NULL; word++)
            check_member(row, word->name,
                         row->size == 8 ? word->value : word->value & ((UINT64_C(1) << 8 * row->size) - 1));
    }
}
END_TEST

Suite *suite_doc(void)
{
    Suite *suite = suite_create("doc");
    TCase *tests = tcase_create("doc");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_rows_are_whole);
    tcase_add_test(tests, test_manual_has_all);
    tcase_add_test(tests, test_help_is_wrapped);
    tcase_add_test(tests, test_doc);
    tcase_add_test(tests, test_every_row_can_be_written);
    tcase_add_test(tests, test_every_typed_row_fills_its_member);
    suite_add_tcase(suite, tests);
    return suite;
}
