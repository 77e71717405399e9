#include "http/fields.h"

#include "base/memory.h"
#include "base/must.h"
#include "http/chars.h"
#include "http/fault.h"
#include "http/mime.h"

#include <check.h>
#include <stdio.h>

Suite *suite_fields(void);

static struct arena arena;
static struct fields fields;

static void set_up(void)
{
    arena_init(&arena);
    fields_init(&fields, &arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

/* Every known name is found, in any case, and nothing that differs in one byte. */
START_TEST(test_every_id)
{
    for (int id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        struct str name = field_name((enum field_id)id);
        char other[64];
        ck_assert(is_token(name));
        ck_assert_int_eq(field_id_of(name), id);
        ck_assert_int_eq(field_id_of(arena_lower(&arena, name)), id);
        for (size_t i = 0; i < name.len; i++) {
            other[i] = name.at[i];
            if (other[i] >= 'a' && other[i] <= 'z')
                other[i] = (char)(other[i] - 'a' + 'A');
        }
        ck_assert_int_eq(field_id_of(str_from(other, name.len)), id);
        for (size_t i = 0; i < name.len; i++) {
            char kept = other[i];
            other[i] = '!';
            ck_assert_int_eq(field_id_of(str_from(other, name.len)), FIELD_OTHER);
            other[i] = kept;
        }
        ck_assert_int_eq(field_id_of(arena_join(&arena, name, STR("x"))), FIELD_OTHER);
    }
    ck_assert_int_eq(field_id_of(STR("")), FIELD_OTHER);
    ck_assert_int_eq(field_id_of(STR("Content_Length")), FIELD_OTHER);
}
END_TEST

START_TEST(test_char_classes)
{
    for (int c = 0; c < 256; c++) {
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_visible = c > 0x20 && c < 0x7f;
        ck_assert_int_eq(char_is((char)c, CHAR_TOKEN), is_alnum || (c && strchr("!#$%&'*+-.^_`|~", c)));
        ck_assert_int_eq(char_is((char)c, CHAR_VALUE), is_visible || c == ' ' || c == '\t' || c >= 0x80);
        ck_assert_int_eq(char_is((char)c, CHAR_TARGET), is_visible && c != '#');
        ck_assert_int_eq(char_is((char)c, CHAR_UNRESERVED), is_alnum || (c && strchr("-._~", c)));
        ck_assert_int_eq(char_is((char)c, CHAR_PATH), is_alnum || (c && strchr("-._~!$&'()*+,;=:@/", c)));
        ck_assert_int_eq(char_is((char)c, CHAR_HOST), is_alnum || (c && strchr("-._", c)));
        ck_assert_int_eq(char_is((char)c, CHAR_LABEL), (is_alnum && !(c >= 'A' && c <= 'Z')) || c == '-');
        ck_assert_int_eq(char_is((char)c, CHAR_ETAG), (is_visible && c != '"') || c >= 0x80);
        ck_assert_int_eq(char_is((char)c, CHAR_QUOTED),
                         (is_visible && c != '"' && c != '\\') || c == ' ' || c == '\t' || c >= 0x80);
    }
}
END_TEST

/* The fast spans agree with the table for every byte at every offset. */
START_TEST(test_spans)
{
    char text[40];
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'a', sizeof text);
            text[at] = (char)c;
            ck_assert_uint_eq(span_of_value(text, sizeof text), span_of(text, sizeof text, CHAR_VALUE));
            ck_assert_uint_eq(span_of_target(text, sizeof text), span_of(text, sizeof text, CHAR_TARGET));
        }
    for (size_t len = 0; len <= sizeof text; len++)
        for (size_t at = 0; at < sizeof text; at++) { /* wrong from there on, or only there */
            memset(text, 'a', sizeof text);
            memset(text + at, '\r', sizeof text - at);
            ck_assert_uint_eq(span_of_value(text, len), at < len ? at : len);
            memset(text + at + 1, 'a', sizeof text - at - 1);
            ck_assert_uint_eq(span_of_value(text, len), at < len ? at : len);
        }
    for (size_t at = 0; at + 4 <= sizeof text; at++)
        for (size_t len = 0; len <= sizeof text; len++) {
            memset(text, '\r', sizeof text);
            memcpy(text + at, "\r\n\r\n", 4);
            ck_assert_uint_eq(find_head_end(text, len), len >= at + 4 ? at + 4 : 0);
        }
}
END_TEST

/* Found by fuzz_response: an empty reason is no pointer to add to. */
START_TEST(test_empty)
{
    ck_assert(is_field_value(STR_NONE) && is_field_value(STR("")) && !is_token(STR_NONE));
    ck_assert_uint_eq(span_of_target(NULL, 0), 0);
}
END_TEST

START_TEST(test_add_find_remove)
{
    for (int i = 0; i < 40; i++)
        fields_add(&fields, i % 2 ? STR("X-A") : STR("Accept"), i % 3 ? STR("1") : STR("2"));
    ck_assert_uint_eq(fields.count, 40);
    ck_assert_uint_eq(fields_count_known(&fields, FIELD_ACCEPT), 20);
    ck_assert_ptr_eq(fields_find(&fields, STR("x-a")), &fields.at[1]);
    ck_assert_ptr_eq(fields_next(&fields, STR("x-a"), &fields.at[1]), &fields.at[3]);
    ck_assert_ptr_null(fields_find(&fields, STR("x-ab")));
    fields_set(&fields, STR("x-A"), STR("new"));
    ck_assert_uint_eq(fields.count, 21);
    ck_assert_uint_eq(fields_remove_known(&fields, FIELD_ACCEPT), 20);
    fields_add(&fields, STR("X-B"), STR(""));
    fields_add_known(&fields, FIELD_X_REAL_IP, STR("::1"));
    ck_assert(str_eq(fields_find_known(&fields, FIELD_X_REAL_IP)->name, STR("X-Real-IP")));
    ck_assert_uint_eq(fields_remove(&fields, STR("x-*")), 3);
    ck_assert_uint_eq(fields.count, 0);
}
END_TEST

START_TEST(test_members)
{
    static const char *const expected[] = {"close", "a=\"b, c\"", "x=\"\\\",\"", "Keep-Alive"};
    struct member_cursor cursor = {0};
    struct str member;
    size_t count = 0;
    fields_add(&fields, STR("Connection"), STR(" , close ,,a=\"b, c\"\t, x=\"\\\",\""));
    fields_add(&fields, STR("Other"), STR("no"));
    fields_add(&fields, STR("Connection"), STR(""));
    fields_add(&fields, STR("CONNECTION"), STR("Keep-Alive"));
    while (fields_next_member(&fields, FIELD_CONNECTION, &cursor, &member)) {
        ck_assert_uint_lt(count, lengthof(expected));
        ck_assert(str_eq(member, str_of(expected[count++])));
    }
    ck_assert_uint_eq(count, lengthof(expected));
    ck_assert(fields_lists(&fields, FIELD_CONNECTION, STR("keep-alive")));
    ck_assert(!fields_lists(&fields, FIELD_CONNECTION, STR("upgrade")));
}
END_TEST

static bool is_not(struct str member, const void *of)
{
    return !str_eq(member, str_of(of));
}

START_TEST(test_join)
{
    fields_add(&fields, STR("Via"), STR("a,b,,c"));
    fields_add(&fields, STR("Other"), STR("no"));
    fields_add(&fields, STR("via"), STR("\"d,e\""));
    ck_assert(str_eq(fields_join(&fields, FIELD_VIA, NULL, NULL, &arena), STR("a, b, c, \"d,e\"")));
    ck_assert(str_eq(fields_join(&fields, FIELD_VIA, is_not, "b", &arena), STR("a, c, \"d,e\"")));
    ck_assert_ptr_null(fields_join(&fields, FIELD_TRAILER, NULL, NULL, &arena).at);
    fields_add(&fields, STR("Trailer"), STR(" , b,"));
    ck_assert_ptr_null(fields_join(&fields, FIELD_TRAILER, is_not, "b", &arena).at);
}
END_TEST

/* A head full of members of one byte costs a few times its own size. */
START_TEST(test_join_is_linear)
{
    enum { MEMBERS = 16 * 1024 };
    char *value = arena_bytes(&arena, 2 * MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++)
        memcpy(value + 2 * i, "a,", 2);
    fields_add(&fields, STR("Trailer"), str_from(value, 2 * MEMBERS - 1));
    size_t before = memory_in_use();
    ck_assert_uint_eq(fields_join(&fields, FIELD_TRAILER, NULL, NULL, &arena).len, 3 * MEMBERS - 2);
    ck_assert_uint_lt(memory_in_use() - before, 5 * MEMBERS);
}
END_TEST

START_TEST(test_faults)
{
    for (int fault = FAULT_NONE; fault < FAULT_COUNT; fault++) {
        const struct fault_info *info = fault_info((enum fault)fault);
        ck_assert_int_eq(info->fault, fault);
        ck_assert(info->word != NULL && info->reason != NULL);
        ck_assert(info->status == 0 || info->status >= 400 || fault == FAULT_NONE);
    }
}
END_TEST

START_TEST(test_mime)
{
    ck_assert(str_eq(mime_of(STR("/a/index.HTML")), STR("text/html; charset=utf-8")));
    ck_assert(str_eq(mime_of(STR("/a.b/file")), STR("application/octet-stream")));
    ck_assert(str_eq(mime_of(STR("/a/x.tar.gz")), STR("application/gzip")));
    ck_assert(str_eq(mime_of(STR("7z.7z")), STR("application/x-7z-compressed")));
    ck_assert(str_eq(mime_of(STR("/x.zst")), STR("application/zstd")));
    ck_assert(str_eq(mime_of(STR("/x.")), STR("application/octet-stream")));
    ck_assert(str_eq(mime_of(STR("/x.averyverylongextension")), STR("application/octet-stream")));
    ck_assert(mime_is_text(STR("Text/HTML; charset=x")) && mime_is_text(STR("application/ld+json")));
    ck_assert(mime_is_text(STR("image/svg+xml")) && !mime_is_text(STR("image/png")) && !mime_is_text(STR("")));
}
END_TEST

Suite *suite_fields(void)
{
    Suite *suite = suite_create("fields");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_every_id);
    tcase_add_test(tests, test_char_classes);
    tcase_add_test(tests, test_spans);
    tcase_add_test(tests, test_empty);
    tcase_add_test(tests, test_add_find_remove);
    tcase_add_test(tests, test_members);
    tcase_add_test(tests, test_join);
    tcase_add_test(tests, test_join_is_linear);
    tcase_add_test(tests, test_faults);
    tcase_add_test(tests, test_mime);
    suite_add_tcase(suite, tests);
    return suite;
}
