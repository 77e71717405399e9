#include "net/client_hello.h"

#include "base/must.h"
#include "base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

Suite *suite_client_hello(void);

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena);
}

static void tear_down(void)
{
    arena_reset(&arena);
}

/* Each piece is a copy of its own, so that a sanitizer sees what is read beyond it. */
static void feed(struct client_hello *hello, struct str piece)
{
    size_t used = 0;
    char *copy = malloc(piece.len > 0 ? piece.len : 1);
    memcpy(copy, piece.at, piece.len);
    enum client_hello_state state = client_hello_read(hello, str_from(copy, piece.len), &used);
    ck_assert_uint_le(used, piece.len);
    ck_assert(state != CLIENT_HELLO_MORE || used == piece.len);
    ck_assert(state == hello->state && (state == CLIENT_HELLO_MALFORMED) == (hello->wrong != NULL));
    free(copy);
}

static struct client_hello read_in(struct str bytes, size_t first, size_t second)
{
    struct client_hello hello;
    client_hello_init(&hello, &arena);
    feed(&hello, str_head(bytes, first));
    feed(&hello, str_head(str_skip(bytes, first), second));
    feed(&hello, str_skip(bytes, first + second));
    return hello;
}

static struct client_hello read_whole(struct str bytes)
{
    return read_in(bytes, 0, 0);
}

static struct str of_client(const char *name)
{
    char path[500];
    const char *data = getenv("TESTDATA");
    snprintf(path, sizeof path, "%s/../fuzz/corpus/client_hello/%s", data != NULL ? data : "tests/unit", name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    char *bytes = arena_bytes(&arena, CLIENT_HELLO_MAX);
    size_t len = fread(bytes, 1, CLIENT_HELLO_MAX, file);
    fclose(file);
    return str_from(bytes, len);
}

/* Protocols with commas. */
static struct str shown_protocols(const struct client_hello *hello)
{
    struct str rest = hello->protocols, name, shown = STR("");
    while (client_hello_protocol(&rest, &name))
        shown = arena_printf(&arena, "%.*s%s%.*s", STR_ARGS(shown), shown.len > 0 ? "," : "", STR_ARGS(name));
    return shown;
}

static const struct {
    const char *file;
    const char *name; /* NULL: none */
    const char *protocols;
} clients[] = {
    {"openssl", "www.site.test", "h2,http/1.1"},
    {"openssl-tls12", "www.site.test", ""},
    {"openssl-tls1", "old.test", ""},
    {"openssl-no-name", NULL, ""},
    {"curl", "site.test", "h2,http/1.1"},
    {"curl-http11", "a.site.test", "http/1.1"},
    {"python", "python.test", ""},
    {"node", "node.test", "http/1.1"},
};

static void check_client(const struct client_hello *hello, size_t i)
{
    ck_assert_msg(hello->state == CLIENT_HELLO_WHOLE, "%s: %s", clients[i].file, hello->wrong);
    ck_assert(str_eq(hello->name, str_of(clients[i].name)) && (hello->name.at == NULL) == (clients[i].name == NULL));
    ck_assert(str_eq(shown_protocols(hello), str_of(clients[i].protocols)));
    ck_assert(!hello->has_ech);
}

START_TEST(real_clients_cut_at_every_byte)
{
    struct str bytes = of_client(clients[_i].file);
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct client_hello hello = read_in(bytes, cut, bytes.len);
        check_client(&hello, (size_t)_i);
        ck_assert_uint_eq(hello.taken, bytes.len);
        hello = read_in(bytes, cut, 1);
        check_client(&hello, (size_t)_i);
        if (cut < bytes.len)
            ck_assert_int_eq(read_whole(str_head(bytes, cut)).state, CLIENT_HELLO_MORE);
    }
}
END_TEST

START_TEST(real_clients_byte_by_byte)
{
    struct str bytes = of_client(clients[_i].file);
    struct client_hello hello;
    client_hello_init(&hello, &arena);
    for (size_t i = 0; i < bytes.len; i++) {
        ck_assert_int_eq(hello.state, CLIENT_HELLO_MORE);
        feed(&hello, str_from(bytes.at + i, 1));
    }
    check_client(&hello, (size_t)_i);
}
END_TEST

/* The message in records of `size` bytes each. */
static struct str in_records(struct str bytes, size_t size)
{
    struct text text;
    text_init(&text);
    for (struct str rest = str_skip(bytes, 5); rest.len > 0; rest = str_skip(rest, size)) {
        struct str piece = str_head(rest, size);
        const char header[] = {22, 3, 1, (char)(piece.len >> 8), (char)piece.len};
        text_add(&text, str_from(header, sizeof header));
        text_add(&text, piece);
    }
    struct str copy = arena_dup(&arena, text_str(&text));
    text_fini(&text);
    return copy;
}

START_TEST(real_clients_in_many_records)
{
    struct str bytes = of_client(clients[_i].file);
    for (size_t size = 1; size < bytes.len; size++) {
        struct str records = in_records(bytes, size);
        struct client_hello hello = read_in(records, size, records.len / 2);
        check_client(&hello, (size_t)_i);
    }
}
END_TEST

/* Hostile or odd: whatever is changed, nothing is read beyond the bytes, and no name comes out that is none. */
START_TEST(real_clients_with_every_byte_changed)
{
    struct str bytes = of_client(clients[_i].file);
    char *copy = arena_bytes(&arena, bytes.len);
    memcpy(copy, bytes.at, bytes.len);
    for (size_t i = 0; i < bytes.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            copy[i] = (char)(bytes.at[i] ^ 1 << bit);
            struct client_hello hello = read_whole(str_from(copy, bytes.len));
            for (size_t n = 0; hello.state == CLIENT_HELLO_WHOLE && n < hello.name.len; n++)
                ck_assert(char_is_alpha(hello.name.at[n]) || char_is_digit(hello.name.at[n]) ||
                          strchr("-_.", hello.name.at[n]) != NULL);
        }
        copy[i] = bytes.at[i];
    }
}
END_TEST

/* A hello of our own, around extensions. */

static void add_vector(struct text *into, size_t size, struct str bytes)
{
    for (size_t i = size; i > 0; i--)
        text_add_char(into, (char)(bytes.len >> 8 * (i - 1)));
    text_add(into, bytes);
}

static struct str taken(struct text *text)
{
    struct str copy = arena_dup(&arena, text_str(text));
    text_fini(text);
    return copy;
}

static struct str message_of(struct str body)
{
    struct text message, record;
    text_init(&message);
    text_init(&record);
    text_add_char(&message, 1);
    add_vector(&message, 3, body);
    text_add(&record, STR("\x16\x03\x01"));
    add_vector(&record, 2, taken(&message));
    return taken(&record);
}

static struct str body_of(struct str session, struct str ciphers, struct str compressions)
{
    struct text body;
    text_init(&body);
    text_add(&body, STR("\x03\x03"
                        "0123456789abcdef0123456789abcdef"));
    add_vector(&body, 1, session);
    add_vector(&body, 2, ciphers);
    add_vector(&body, 1, compressions);
    return taken(&body);
}

static struct str hello_of(struct str extensions)
{
    struct text body;
    text_init(&body);
    text_add(&body, body_of(STR(""), STR("\x13\x01"), STR("\0")));
    add_vector(&body, 2, extensions);
    return message_of(taken(&body));
}

static struct str extension_of(unsigned type, struct str data)
{
    struct text text;
    text_init(&text);
    text_add_char(&text, (char)(type >> 8));
    text_add_char(&text, (char)type);
    add_vector(&text, 2, data);
    return taken(&text);
}

static struct str server_name_of(struct str name)
{
    struct text entry, list;
    text_init(&entry);
    text_init(&list);
    text_add_char(&entry, 0);
    add_vector(&entry, 2, name);
    add_vector(&list, 2, taken(&entry));
    return extension_of(0, taken(&list));
}

static struct str both(struct str a, struct str b)
{
    return arena_join(&arena, a, b);
}

static void check_name(const char *sent, const char *normal)
{
    struct client_hello hello = read_whole(hello_of(server_name_of(str_of(sent))));
    if (normal == NULL)
        ck_assert_msg(hello.state == CLIENT_HELLO_MALFORMED, "%s", sent);
    else
        ck_assert_msg(hello.state == CLIENT_HELLO_WHOLE && str_eq(hello.name, str_of(normal)), "%s", sent);
}

START_TEST(names_are_made_normal_or_refused)
{
    static const char *const refused[] = {"",
                                          ".",
                                          "a..b",
                                          ".a",
                                          "a b",
                                          "a/b",
                                          "a:443",
                                          "a%41",
                                          "192.0.2.1",
                                          "[::1]",
                                          "::1",
                                          "127.1",
                                          "0x7f.1",
                                          "2130706433",
                                          "1.2.3.4.",
                                          ("b\xc3\xbc"
                                           "cher.test"),
                                          "*.a.test",
                                          "u@a.test",
                                          "a\r\n.test"};
    check_name("example.org", "example.org");
    check_name("EXAMPLE.Org.", "example.org");
    check_name("xn--bcher-kva.test", "xn--bcher-kva.test");
    check_name("_srv.a-b.test", "_srv.a-b.test");
    for (size_t i = 0; i < lengthof(refused); i++)
        check_name(refused[i], NULL);
    struct str with_nul = {"a.test\0.b.test", 14};
    ck_assert_int_eq(read_whole(hello_of(server_name_of(with_nul))).state, CLIENT_HELLO_MALFORMED);
}
END_TEST

static void check_extensions(struct str extensions, enum client_hello_state expected)
{
    struct str bytes = hello_of(extensions);
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct client_hello hello = read_in(bytes, cut, 1);
        ck_assert_msg(hello.state == expected, "%s", hello.wrong);
    }
}

START_TEST(one_name_and_no_more)
{
    struct str name = server_name_of(STR("a.test"));
    check_extensions(both(name, name), CLIENT_HELLO_MALFORMED);
    check_extensions(both(name, server_name_of(STR("b.test"))), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0, STR("\0\x08\0\0\x01"
                                         "a\0\0\x01"
                                         "b")),
                     CLIENT_HELLO_MALFORMED); /* two in one list */
    check_extensions(extension_of(0, STR("\0\x04\x01\0\x01"
                                         "a")),
                     CLIENT_HELLO_MALFORMED); /* of another type */
    check_extensions(extension_of(0, STR("")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0, STR("\0\0")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0, STR("\0\x04\0\0\x02"
                                         "a")),
                     CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0, STR("\0\x04\0\0\x01"
                                         "a!")),
                     CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0, STR("\0\x05\0\0\x01"
                                         "a!")),
                     CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0, STR("\0\x04\0\0\x01"
                                         "a")),
                     CLIENT_HELLO_WHOLE);
}
END_TEST

START_TEST(encrypted_hellos)
{
    struct str name = server_name_of(STR("front.test"));
    struct client_hello hello = read_whole(
        hello_of(both(name, extension_of(0xfe0d, STR("\0\0\x01\0\x01\x2a\0\0\0\0")))));
    ck_assert(hello.state == CLIENT_HELLO_WHOLE && hello.has_ech && str_eq(hello.name, STR("front.test")));
    hello = read_whole(hello_of(both(name, extension_of(0xfe0d, STR("\x01")))));
    ck_assert(hello.state == CLIENT_HELLO_WHOLE && !hello.has_ech);
    check_extensions(extension_of(0xfe0d, STR("")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0xfe0d, STR("\x02")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(0xfe0d, STR("\x01\0")), CLIENT_HELLO_MALFORMED);
    struct str outer = extension_of(0xfe0d, STR("\0")), inner = extension_of(0xfe0d, STR("\x01"));
    check_extensions(both(outer, inner), CLIENT_HELLO_MALFORMED);
}
END_TEST

START_TEST(protocols)
{
    struct client_hello hello = read_whole(hello_of(extension_of(16, STR("\0\x0c\x02h2\x08http/1.1"))));
    ck_assert(hello.state == CLIENT_HELLO_WHOLE && str_eq(shown_protocols(&hello), STR("h2,http/1.1")));
    check_extensions(extension_of(16, STR("")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(16, STR("\0\0")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(16, STR("\0\x01\0")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(16, STR("\0\x02\x02h")), CLIENT_HELLO_MALFORMED);
    check_extensions(extension_of(16, STR("\0\x02\x01hh")), CLIENT_HELLO_MALFORMED);
}
END_TEST

START_TEST(the_message_itself)
{
    struct str sound = body_of(STR(""), STR("\x13\x01"), STR("\0"));
    struct str long_session = STR("0123456789abcdef0123456789abcdef!");
    ck_assert_int_eq(read_whole(message_of(sound)).state, CLIENT_HELLO_WHOLE); /* without extensions */
    ck_assert_int_eq(read_whole(message_of(both(sound, STR("\0\0")))).state, CLIENT_HELLO_WHOLE);
    const struct str bad[] = {
        both(sound, STR("\0")),
        both(sound, STR("\0\0\0")),
        both(sound, STR("\0\x03\0\x2b\0")),
        both(sound, STR("\0\x05\0\x2b\0\x02"
                        "a")),
        both(sound, STR("\0\x08\0\x2b\0\0")),
        body_of(long_session, STR("\x13\x01"), STR("\0")),
        body_of(STR(""), STR(""), STR("\0")),
        body_of(STR(""), STR("\x13\x01\x13"), STR("\0")),
        body_of(STR(""), STR("\x13\x01"), STR("")),
        STR("\x02\x03"),
        STR("\x03\x03 too short"),
    };
    for (size_t i = 0; i < lengthof(bad); i++)
        ck_assert_int_eq(read_whole(message_of(bad[i])).state, CLIENT_HELLO_MALFORMED);
}
END_TEST

START_TEST(what_is_no_tls)
{
    static const char *const others[] = {"GET / HTTP/1.1\r\n\r\n",
                                         "SSH-2.0-OpenSSH",
                                         "\x80\x2e\x02\x03\x01",
                                         "\xff\xff\xff",
                                         "\x16\x10\x01",
                                         "\x15GET",
                                         "\x13\x03",
                                         "\x19\x03",
                                         "\x01"};
    for (size_t i = 0; i < lengthof(others); i++)
        ck_assert_int_eq(read_whole(str_of(others[i])).state, CLIENT_HELLO_NOT_TLS);
    ck_assert_int_eq(read_whole(STR("")).state, CLIENT_HELLO_MORE);
    ck_assert_int_eq(read_whole(STR("\x16")).state, CLIENT_HELLO_MORE);
}
END_TEST

/* There are servers that go on with it. */
START_TEST(what_is_tls_of_an_odd_kind)
{
    static const char *const odd[] = {
        "\x80\x2e\x01\x03\x01",                 /* a hello of SSL 2.0 */
        "\x16\x02\x01",                         /* a version that never was */
        "\x16\x04\x01",                         /* … */
        "\x15\x03\x01",                         /* a warning before the hello */
        "\x17\x03\x03",         "\x14\x03\x03", /* … or something else */
    };
    for (size_t i = 0; i < lengthof(odd); i++)
        ck_assert_int_eq(read_whole(str_of(odd[i])).state, CLIENT_HELLO_MALFORMED);
    ck_assert_int_eq(read_whole(STR("\x80\x2e")).state, CLIENT_HELLO_MORE);
}
END_TEST

static struct client_hello read_again(struct str bytes, size_t cut)
{
    struct client_hello hello;
    size_t used;
    client_hello_init_again(&hello, &arena);
    client_hello_read(&hello, str_head(bytes, cut), &used);
    client_hello_read(&hello, str_skip(bytes, cut), &used);
    return hello;
}

START_TEST(the_one_that_was_asked_for)
{
    struct str hello = hello_of(server_name_of(STR("a.test")));
    struct str before = both(STR("\x14\x03\x03\0\x01\x01"), STR("\x17\x03\x03\0\x03\x16\x03\x01"));
    struct str warned = both(before, STR("\x15\x03\x03\0\x02\x01\x5a"));
    struct str all = both(warned, hello);
    for (size_t cut = 0; cut <= all.len; cut++) {
        struct client_hello again = read_again(all, cut);
        ck_assert(again.state == CLIENT_HELLO_WHOLE && str_eq(again.name, STR("a.test")));
        ck_assert(again.skipped == warned.len && again.taken == all.len);
        again = read_again(warned, cut < warned.len ? cut : warned.len);
        ck_assert(again.state == CLIENT_HELLO_MORE && client_hello_has_not_begun(&again));
    }
    const struct str bad[] = {STR("\x16\x03\x01\0\x04\x02\0\0\0"),
                              STR("\x18\x03\x03\0\x01\x01"),
                              STR("GET"),
                              STR("\x17\x04\x03\0\x01\x01"),
                              STR("\x17\x03\x03\0\0"),
                              both(str_head(in_records(hello, 20), 25), STR("\x14\x03\x03\0\x01\x01"))};
    for (size_t i = 0; i < lengthof(bad); i++)
        ck_assert_int_eq(read_again(both(before, bad[i]), 3).state, CLIENT_HELLO_MALFORMED);
}
END_TEST

START_TEST(records_that_are_none)
{
    struct str bytes = hello_of(server_name_of(STR("a.test")));
    struct str records = in_records(bytes, 20);
    const struct str bad[] = {
        STR("\x16\x03\x01\0\0"),                                    /* empty */
        STR("\x16\x03\x01\x40\x01\x01"),                            /* longer than a record is */
        STR("\x16\x03\x01\0\x04\x02\0\0\0"),                        /* a ServerHello */
        STR("\x16\x03\x01\0\x04\x01\0\0\0"),                        /* an empty ClientHello */
        STR("\x16\x03\x01\0\x04\x01\0\x40\x01"),                    /* one that is too long */
        both(str_head(records, 25), STR("\x14\x03\x01\0\x01\x01")), /* another record in between */
        both(str_head(records, 25), STR("\x16\x02\x01\0\x01\x01")),
    };
    for (size_t i = 0; i < lengthof(bad); i++)
        for (size_t cut = 0; cut <= bad[i].len; cut++)
            ck_assert_int_eq(read_in(bad[i], cut, 1).state, CLIENT_HELLO_MALFORMED);
    char *longer = arena_bytes(&arena, bytes.len + 1);
    memcpy(longer, bytes.at, bytes.len);
    longer[bytes.len] = 0;
    longer[4]++; /* something else in the record of the hello */
    ck_assert_int_eq(read_whole(str_from(longer, bytes.len + 1)).state, CLIENT_HELLO_MALFORMED);
}
END_TEST

START_TEST(bytes_behind_it_are_left)
{
    struct str bytes = both(hello_of(STR("")), STR("\x14\x03\x03\0\x01\x01"
                                                   "early"));
    struct client_hello hello;
    size_t used;
    client_hello_init(&hello, &arena);
    ck_assert_int_eq(client_hello_read(&hello, bytes, &used), CLIENT_HELLO_WHOLE);
    ck_assert_uint_eq(used, bytes.len - 11);
}
END_TEST

START_TEST(it_is_bounded)
{
    char *padding = arena_zalloc(&arena, CLIENT_HELLO_MAX);
    size_t around = hello_of(extension_of(21, STR(""))).len;
    struct str largest = hello_of(extension_of(21, str_from(padding, CLIENT_HELLO_MAX - around)));
    ck_assert_uint_eq(largest.len, CLIENT_HELLO_MAX);
    ck_assert_int_eq(read_whole(largest).state, CLIENT_HELLO_WHOLE);
    struct str larger = hello_of(extension_of(21, str_from(padding, CLIENT_HELLO_MAX - around + 1)));
    ck_assert_int_eq(read_whole(larger).state, CLIENT_HELLO_MALFORMED);
    struct client_hello hello = read_whole(in_records(str_head(largest, CLIENT_HELLO_MAX / 2), 1));
    ck_assert_int_eq(hello.state, CLIENT_HELLO_MALFORMED);
    ck_assert_uint_eq(hello.taken, CLIENT_HELLO_MAX);
}
END_TEST

START_TEST(what_was_announced_takes_no_memory)
{
    char *padding = arena_zalloc(&arena, CLIENT_HELLO_MAX);
    size_t around = hello_of(extension_of(21, STR(""))).len;
    struct str bytes = hello_of(extension_of(21, str_from(padding, CLIENT_HELLO_MAX - around)));
    struct client_hello hello;
    client_hello_init(&hello, &arena);
    size_t before = arena.total;
    for (size_t i = 0; i < bytes.len; i++) {
        feed(&hello, str_from(bytes.at + i, 1));
        ck_assert_uint_le(arena.total - before, 1024 + 4 * i);
    }
    ck_assert_int_eq(hello.state, CLIENT_HELLO_WHOLE);
}
END_TEST

Suite *suite_client_hello(void)
{
    Suite *suite = suite_create("client_hello");
    TCase *tcase = tcase_create("all");
    int count = (int)lengthof(clients);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, real_clients_cut_at_every_byte, 0, count);
    tcase_add_loop_test(tcase, real_clients_byte_by_byte, 0, count);
    tcase_add_loop_test(tcase, real_clients_in_many_records, 0, count);
    tcase_add_loop_test(tcase, real_clients_with_every_byte_changed, 0, count);
    tcase_add_test(tcase, names_are_made_normal_or_refused);
    tcase_add_test(tcase, one_name_and_no_more);
    tcase_add_test(tcase, encrypted_hellos);
    tcase_add_test(tcase, protocols);
    tcase_add_test(tcase, the_message_itself);
    tcase_add_test(tcase, what_is_no_tls);
    tcase_add_test(tcase, what_is_tls_of_an_odd_kind);
    tcase_add_test(tcase, the_one_that_was_asked_for);
    tcase_add_test(tcase, records_that_are_none);
    tcase_add_test(tcase, bytes_behind_it_are_left);
    tcase_add_test(tcase, it_is_bounded);
    tcase_add_test(tcase, what_was_announced_takes_no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
