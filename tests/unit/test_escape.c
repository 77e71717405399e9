#include "base/escape.h"

#include "base/must.h"
#include "base/utf8.h"

#include <check.h>

Suite *suite_escape(void);

/* Both forms give the same. */
static void check_escape(void (*add)(struct text *, struct str), struct str (*in)(struct arena *, struct str),
                         struct str s, const char *expected)
{
    struct text text;
    struct arena arena;
    text_init(&text);
    arena_init(&arena);
    add(&text, s);
    ck_assert_str_eq(text_str(&text).at, expected);
    struct str copy = in(&arena, s);
    ck_assert(str_eq(copy, str_of(expected)));
    text_fini(&text);
    arena_reset(&arena);
}

#define JSON(s, expected) check_escape(escape_json, escape_json_in, (s), (expected))
#define LOG(s, expected) check_escape(escape_log, escape_log_in, (s), (expected))
#define HTML(s, expected) check_escape(escape_html, escape_html_in, (s), (expected))

START_TEST(test_subject)
{
    static const struct {
        const char *written, *expected;
    } rows[] = {{"CN=ann,O=Example", "CN=ann,O=Example"},
                {"CN=a \"b\",O=*?", "CN=a \"b\",O=*?"},
                {"O=M\xc3\xbcller", "O=M\\C3\\BCller"},
                {"O=M\\c3\\bCller", "O=M\\C3\\BCller"},
                {"O=a\\,b\\*\\\\c3", "O=a\\,b\\*\\\\c3"},
                {"O=a\\2cb\\41\\20,CN=\\2A\\5c", "O=a\\,bA\\ ,CN=\\*\\\\"},
                {"O=\t\x7f", "O=\\09\\7F"},
                {"O=\\", "O=\\"},
                {"O=\\c", "O=\\c"},
                {"O=\\\xc3\xbc", "O=\\C3\\BC"},
                {"", ""}};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < lengthof(rows); i++)
        ck_assert_str_eq(arena_dup(&arena, escape_subject_in(&arena, str_of(rows[i].written))).at, rows[i].expected);
    arena_reset(&arena);
}
END_TEST

START_TEST(test_json)
{
    JSON(STR_NONE, "");
    JSON(STR("plain / text ~"), "plain / text ~");
    JSON(STR("a\"b\\c"), "a\\u0022b\\u005cc");
    JSON(str_from("\0\x01\x1f\x7f\n", 5), "\\u0000\\u0001\\u001f\\u007f\\u000a");
    JSON(STR("caf\xc3\xa9"), "caf\\u00e9");
    JSON(STR("\xe2\x82\xac\xef\xbf\xbf"), "\\u20ac\\uffff");
    JSON(STR("\xf0\x9f\x98\x80!"), "\\ud83d\\ude00!");
    JSON(STR("\xf4\x8f\xbf\xbf"), "\\udbff\\udfff");
    JSON(STR("\x80"), "\\u0080");
    JSON(STR("\xff\xc3"), "\\u00ff\\u00c3");
    JSON(STR("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080"); /* a surrogate is no character */
    JSON(STR("\xc0\xaf"), "\\u00c0\\u00af");            /* nor is an overlong slash */
    JSON(STR("\xf4\x90\x80\x80"), "\\u00f4\\u0090\\u0080\\u0080");
    JSON(STR("\xe2\x82"
             "a"),
         "\\u00e2\\u0082a");
}
END_TEST

START_TEST(test_log)
{
    LOG(STR("GET /a HTTP/1.1"), "GET /a HTTP/1.1");
    LOG(STR("a\"b\\"), "a\\x22b\\x5c");
    LOG(STR("a\r\nb\x1b[2J"), "a\\x0d\\x0ab\\x1b[2J");
    LOG(str_from("\0", 1), "\\x00");
    LOG(STR("\xc3\xa9\x7f"), "\\xc3\\xa9\\x7f");
}
END_TEST

START_TEST(test_html)
{
    HTML(STR("<script>alert('x') & \"y\"</script>"),
         "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;");
    HTML(STR("caf\xc3\xa9\n"), "caf\xc3\xa9\n");
    HTML(STR("&amp;"), "&amp;amp;");
}
END_TEST

START_TEST(test_unchanged_is_not_copied)
{
    struct arena arena;
    struct str s = STR("plain");
    arena_init(&arena);
    ck_assert_ptr_eq(escape_json_in(&arena, s).at, s.at);
    ck_assert_ptr_eq(escape_log_in(&arena, s).at, s.at);
    ck_assert_ptr_eq(escape_html_in(&arena, s).at, s.at);
    ck_assert_uint_eq(arena.total, 0);
    ck_assert_uint_eq(strlen(escape_log_in(&arena, STR("\n")).at), 4); /* terminated */
    arena_reset(&arena);
}
END_TEST

/* All that comes out of json and log is printable ASCII without what ends a string, whatever goes in. */
START_TEST(test_all_bytes)
{
    struct text text;
    text_init(&text);
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            char bytes[2] = {(char)a, (char)b};
            text_clear(&text);
            escape_json(&text, str_from(bytes, 2));
            escape_log(&text, str_from(bytes, 2));
            for (size_t i = 0; i < text.len; i++)
                if (text.at[i] < 0x20 || text.at[i] > 0x7e || text.at[i] == '"')
                    ck_abort_msg("%02x %02x: %s", a, b, text.at);
        }
    text_fini(&text);
}
END_TEST

START_TEST(test_utf8)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t code;
    } good[] = {{"a", 1, 'a'},
                {"\x7f", 1, 0x7f},
                {"\xc2\x80", 2, 0x80},
                {"\xdf\xbf", 2, 0x7ff},
                {"\xe0\xa0\x80", 3, 0x800},
                {"\xed\x9f\xbf", 3, 0xd7ff},
                {"\xee\x80\x80", 3, 0xe000},
                {"\xef\xbf\xbf", 3, 0xffff},
                {"\xf0\x90\x80\x80", 4, 0x10000},
                {"\xf4\x8f\xbf\xbf", 4, 0x10ffff}};
    static const char *const wrong[] = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc2",
                                        "\xc2\x7f",
                                        "\xc2\xc0",
                                        "\xe0\x9f\xbf",
                                        "\xe0\xa0",
                                        "\xed\xa0\x80",
                                        "\xed\xbf\xbf",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xf8\x88\x80\x80\x80",
                                        "\xf0\x90\x80",
                                        "\xe2\x82\xc2",
                                        "\xf0\x90\xc0\x80"};
    uint32_t code;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_uint_eq(utf8_read(str_of(good[i].bytes), &code), good[i].len);
        ck_assert_uint_eq(code, good[i].code);
        ck_assert(utf8_is_valid(str_of(good[i].bytes)));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_uint_eq(utf8_read(str_of(wrong[i]), &code), 0);
        ck_assert(!utf8_is_valid(str_of(wrong[i])));
    }
    ck_assert_uint_eq(utf8_read(STR_NONE, &code), 0);
    ck_assert(utf8_is_valid(STR_NONE));
    ck_assert(utf8_is_valid(STR("a\xc3\xa9z")));
    ck_assert(!utf8_is_valid(STR("a\xc3\xa9z\xc3")));
}
END_TEST

Suite *suite_escape(void)
{
    Suite *suite = suite_create("escape");
    TCase *tcase = tcase_create("escape");
    tcase_add_test(tcase, test_subject);
    tcase_add_test(tcase, test_json);
    tcase_add_test(tcase, test_log);
    tcase_add_test(tcase, test_html);
    tcase_add_test(tcase, test_unchanged_is_not_copied);
    tcase_add_test(tcase, test_all_bytes);
    tcase_add_test(tcase, test_utf8);
    suite_add_tcase(suite, tcase);
    return suite;
}
