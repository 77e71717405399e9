#include "tests/unit/acl_kit.h"

#include "base/object.h"
#include "flow/inflate_file.h"

#include <time.h>

Suite *suite_list(void);

static struct match match;

static enum truth find(const struct list *list, const char *host, const char *path)
{
    return list_find(list, str_of(host), str_of(path), &match);
}

static struct list_stats stats_of(const struct list *list)
{
    struct list_stats stats;
    list_stats(list, &stats);
    return stats;
}

START_TEST(test_domain_covers_its_subdomains)
{
    struct list *list = kit_list("ads", "ads.example\n.dot.example\n*.star.example\ncom\n");
    assert_silent();
    ck_assert_int_eq(find(list, "ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "www.ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "a.b.c.ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "badads.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "ads.example.org", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "dot.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "star.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "x.star.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "any.thing.com", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "any.thing.com", NULL), TRUTH_YES); /* a tunnel */
    ck_assert_uint_eq(stats_of(list).entries, 4);
}
END_TEST

START_TEST(test_match_names_list_file_and_line)
{
    struct list_file files[2] = {0};
    struct list_conf *conf = kit_list_conf("ads", kit_write("a", "# x\n\na.example\n", 15));
    files[0] = conf->files[0];
    files[1] = files[0];
    files[1].absolute = kit_write("b", "b.example\nc.example", 19); /* no line end */
    files[1].path.text = STR("b.txt");
    conf->files = files;
    conf->file_count = 2;
    struct list *list = kit_compile(conf);
    assert_silent();
    ck_assert_int_eq(find(list, "www.a.example", "/"), TRUTH_YES);
    ck_assert(str_eq(match.list, STR("ads")));
    ck_assert_str_eq(match.file, files[0].absolute);
    ck_assert_uint_eq(match.line, 3);
    ck_assert_int_eq(find(list, "c.example", "/"), TRUTH_YES);
    ck_assert_str_eq(match.file, "b.txt"); /* as it was written */
    ck_assert_uint_eq(match.line, 2);
    ck_assert_int_eq(find(list, "b.example", "/"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 1);
}
END_TEST

START_TEST(test_exact)
{
    struct list_conf *conf = kit_list_conf("intranet", kit_write("i", "wiki.example\n.apps.example\n", 27));
    conf->exact = 1;
    struct list *list = kit_compile(conf);
    ck_assert_int_eq(find(list, "wiki.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "www.wiki.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "x.apps.example", "/"), TRUTH_YES);
    list = kit_list("hosts", "127.0.0.1 localhost\n0.0.0.0 ads.example\n"); /* on for hosts lines */
    ck_assert_int_eq(find(list, "ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "www.ads.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "localhost", "/"), TRUTH_NO);
    kit.lists[1].exact = 0;
    list = kit_compile(&kit.lists[1]);
    ck_assert_int_eq(find(list, "www.ads.example", "/"), TRUTH_YES);
    assert_silent();
}
END_TEST

/* The longest match decides; at equal length an exception. */
START_TEST(test_exceptions)
{
    struct list *list = kit_list(
        "ads", "||ads.example^\n@@||good.ads.example^\n||bad.good.ads.example^\n||both.example^\n@@||both.example^\n"
               "@@||twice.example^\n||twice.example^\nexample.org##.ad\n");
    ck_assert_int_eq(find(list, "ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "x.ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "good.ads.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "x.good.ads.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "bad.good.ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "x.bad.good.ads.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "both.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "www.twice.example", "/"), TRUTH_NO);
    struct list_stats stats = stats_of(list);
    ck_assert_uint_eq(stats.entries, 4);
    ck_assert_uint_eq(stats.exceptions, 3);
    ck_assert_uint_eq(stats.unsupported, 1);
    ck_assert_uint_eq(stats.bad, 0);
    assert_silent();
}
END_TEST

START_TEST(test_entries_that_overlap)
{
    struct list *list = kit_list("ads", "a.example\nwww.a.example\na.example\nA.EXAMPLE.\n*.a.example\n.a.example\n");
    ck_assert_int_eq(find(list, "www.a.example", "/"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 2); /* the longest */
    ck_assert_int_eq(find(list, "a.example", "/"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 1); /* the first */
    ck_assert_uint_eq(stats_of(list).entries, 2);
    assert_silent();
}
END_TEST

START_TEST(test_paths)
{
    const char *urls = "example.org/games\nexample.org/games/chess/\nwww.b.example/x\nb.example\n";
    struct list_conf *conf = kit_list_conf("games", kit_write("urls", urls, strlen(urls)));
    conf->format = LIST_CATEGORY;
    struct list *list = kit_compile(conf);
    ck_assert_int_eq(find(list, "example.org", "/games"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 1);
    ck_assert_int_eq(find(list, "www.example.org", "/games/poker"), TRUTH_YES);
    ck_assert_int_eq(find(list, "example.org", "/games/chess"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 2); /* the longest path */
    ck_assert_int_eq(find(list, "example.org", "//games//chess"), TRUTH_YES);
    ck_assert_int_eq(find(list, "example.org", "/gamesters"), TRUTH_NO);
    ck_assert_int_eq(find(list, "example.org", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "example.org", "*"), TRUTH_NO);
    ck_assert_int_eq(find(list, "example.org", NULL), TRUTH_UNKNOWN); /* only the path could tell */
    ck_assert_int_eq(find(list, "other.example", NULL), TRUTH_NO);
    ck_assert_int_eq(find(list, "www.b.example", "/y"), TRUTH_YES); /* by the shorter name */
    ck_assert_uint_eq(match.line, 4);
    ck_assert_int_eq(find(list, "www.b.example", NULL), TRUTH_YES);
    ck_assert_uint_eq(stats_of(list).entries, 4);
    ck_assert_uint_eq(stats_of(list).paths, 3);
    assert_silent();
}
END_TEST

START_TEST(test_addresses)
{
    struct list *list = kit_list("net", "10.0.0.0/8\n10.1.0.0/16\n192.0.2.1\n2001:db8::/32\n0.0.0.0/1\n");
    struct ip ip = kit_ip("10.1.2.3");
    ck_assert_int_eq(list_find_ip(list, &ip, &match), TRUTH_YES);
    ck_assert_uint_eq(match.line, 2); /* the longest */
    ip = kit_ip("10.2.2.3");
    ck_assert_int_eq(list_find_ip(list, &ip, &match), TRUTH_YES);
    ck_assert_uint_eq(match.line, 1);
    ip = kit_ip("127.0.0.1");
    ck_assert_int_eq(list_find_ip(list, &ip, &match), TRUTH_YES);
    ck_assert_uint_eq(match.line, 5);
    ip = kit_ip("192.0.2.2");
    ck_assert_int_eq(list_find_ip(list, &ip, &match), TRUTH_NO);
    ip = kit_ip("64:ff9b::192.0.2.1");
    ck_assert_int_eq(list_find_ip(list, &ip, &match), TRUTH_YES);
    ip = (struct ip){0};
    ck_assert_int_eq(list_find_ip(list, &ip, &match), TRUTH_NO);
    ck_assert_int_eq(find(list, "10.1.2.3", "/"), TRUTH_YES); /* a numeric host */
    ck_assert_int_eq(find(list, "2001:db8::7", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "200.0.2.1", "/"), TRUTH_NO);
    ck_assert_uint_eq(stats_of(list).addresses, 5);
    list = kit_list("mixed", "a.example\nb.example\n198.51.100.7\n");
    ck_assert_int_eq(find(list, "198.51.100.7", "/"), TRUTH_YES);
    assert_silent();
}
END_TEST

START_TEST(test_odd_texts)
{
    struct list *list = kit_list("ads", "\xef\xbb\xbf"
                                        "a.example\r\n\r\n\n   b.example  \r\n");
    ck_assert_int_eq(find(list, "a.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "b.example", "/"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 4);
    ck_assert_uint_eq(stats_of(list).bad, 0);
    assert_silent();
}
END_TEST

/* Bad lines, empty lists */

static struct list *compile_text(struct list_conf *conf, const char *text)
{
    kit_write("text", text, strlen(text));
    return kit_compile(conf);
}

START_TEST(test_bad_lines)
{
    struct list_conf *conf = kit_list_conf("ads", kit_write("text", "", 0));
    struct text text;
    text_init(&text);
    for (int i = 0; i < 199; i++)
        text_printf(&text, "a%d.example\n", i);
    text_add_cstr(&text, "b@d.example\n");
    ck_assert_ptr_nonnull(compile_text(conf, text_str(&text).at)); /* half a percent */
    ck_assert_uint_eq(kit.diag.errors, 0);
    ck_assert_uint_eq(stats_of(conf->compiled).bad, 1);
    ck_assert_uint_eq(kit.diag.warnings, 2);
    const char *told = kit_told();
    ck_assert_msg(strstr(told, "text:200:1: ") != NULL && strstr(told, "b@d.example") != NULL, "%s", told);
    ck_assert_msg(strstr(told, "test.conf:9:5: warning: 1 of 200 lines") != NULL, "%s", told);
    text_add_cstr(&text, "!!.example b\nb@d.example\nb@d.example\n");
    ck_assert_ptr_null(compile_text(conf, text_str(&text).at)); /* three of 202; the comment is none of the lines */
    assert_told("test.conf:9:5: 3 of 202 lines");
    conf->bad_percent = 2;
    ck_assert_ptr_nonnull(compile_text(conf, text_str(&text).at));
    kit_told();
    kit.diag.strict = true; /* --strict: 0 */
    ck_assert_ptr_null(compile_text(conf, text_str(&text).at));
    ck_assert_uint_gt(kit.diag.errors, 0);
    text_fini(&text);
}
END_TEST

START_TEST(test_what_yields_nothing)
{
    struct list_conf *conf = kit_list_conf("ads", kit_write("text", "", 0));
    ck_assert_ptr_null(compile_text(conf, ""));
    assert_told("yields no entry");
    ck_assert_ptr_null(compile_text(conf, "# nothing\n\n"));
    assert_told("write 'optional' before it");
    ck_assert_ptr_null(compile_text(conf, "! Title\nexample.org##.ad\n"));
    assert_told("1 that a proxy cannot apply");
    ck_assert_ptr_null(compile_text(conf, "<html>\n<body>\n"));
    assert_told("2 of 2 lines");
    conf->files[0].optional = true;
    ck_assert_ptr_nonnull(compile_text(conf, "# nothing\n"));
    assert_told("the list 'ads' is empty");
    ck_assert_int_eq(find(conf->compiled, "a.example", "/"), TRUTH_NO);
    ck_assert_ptr_null(compile_text(conf, "<html>\n"));
}
END_TEST

START_TEST(test_files_that_are_not_there)
{
    struct list_conf *conf = kit_list_conf("ads", "/nowhere/ads.txt");
    ck_assert_ptr_null(kit_compile(conf));
    assert_told("test.conf:9:5: cannot read '/nowhere/ads.txt': No such file or directory");
    conf->files[0].optional = true;
    ck_assert_ptr_nonnull(kit_compile(conf));
    ck_assert_uint_eq(kit.diag.errors, 0);
    assert_told("is missing, and taken for an empty list");
    conf->files[0].optional = false;
    conf->files[0].absolute = "/dev/null";
    ck_assert_ptr_null(kit_compile(conf));
    assert_told("no regular file");
    if (geteuid() == 0)
        return;
    conf->files[0].absolute = kit_write("closed", "a.example\n", 10);
    conf->files[0].optional = true; /* is for what is missing, not for what may not be read */
    chmod(conf->files[0].absolute, 0);
    ck_assert_ptr_null(kit_compile(conf));
    assert_told("Permission denied");
}
END_TEST

START_TEST(test_no_crowd_of_messages)
{
    struct list_conf *conf = kit_list_conf("ads", kit_write("text", "", 0));
    struct text text;
    text_init(&text);
    for (int i = 0; i < 1000; i++)
        text_printf(&text, "b@d%d.example\x01\n", i);
    ck_assert_ptr_null(compile_text(conf, text_str(&text).at));
    ck_assert_uint_eq(kit.diag.errors, 6);
    ck_assert_ptr_null(strchr(kit_told(), '\x01'));
    text_fini(&text);
}
END_TEST

START_TEST(test_long_lines)
{
    struct list_conf *conf = kit_list_conf("ads", kit_write("text", "", 0));
    struct text text;
    text_init(&text);
    text_add_cstr(&text, "a.example\n");
    for (int i = 0; i < 200000; i++)
        text_add_char(&text, 'x');
    text_add_cstr(&text, ".example\nb.example\n");
    conf->bad_percent = 50;
    struct list *list = compile_text(conf, text_str(&text).at);
    ck_assert_ptr_nonnull(list);
    ck_assert_int_eq(find(list, "b.example", "/"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 3);
    ck_assert_uint_eq(stats_of(list).bad, 1);
    kit_told();
    text_fini(&text);
}
END_TEST

/* Folders */

static void make_folder(const char *name)
{
    struct str path = arena_printf(&kit.arena, "%s/%s", kit.folder, name);
    ck_assert_int_eq(mkdir(path.at, 0700), 0);
}

START_TEST(test_category_folder)
{
    make_folder("gambling");
    kit_write("gambling/domains", "bet.example\n", 12);
    kit_write("gambling/urls", "example.org/bet\n", 16);
    kit_write("gambling/usage", "black\n", 6); /* none of ours */
    struct list *list = kit_compile(kit_list_conf("gambling", arena_printf(&kit.arena, "%s/gambling", kit.folder).at));
    assert_silent();
    ck_assert_int_eq(find(list, "www.bet.example", "/"), TRUTH_YES);
    ck_assert(str_ends(str_of(match.file), STR("gambling/domains")));
    ck_assert_int_eq(find(list, "example.org", "/bet/x"), TRUTH_YES);
    ck_assert(str_ends(str_of(match.file), STR("gambling/urls")));
    ck_assert_uint_eq(match.line, 1);
    ck_assert_int_eq(find(list, "example.org", "/"), TRUTH_NO);
}
END_TEST

START_TEST(test_folder_of_categories)
{
    make_folder("all");
    make_folder("all/a");
    make_folder("all/b");
    make_folder("all/b/deep");
    make_folder("all/empty");
    kit_write("all/README", "hello\n", 6);
    kit_write("all/a/domains", "a.example\n", 10);
    kit_write("all/b/deep/urls", "b.example/x\n", 12);
    struct list_conf *conf = kit_list_conf("all", arena_printf(&kit.arena, "%s/all", kit.folder).at);
    struct list *list = kit_compile(conf);
    assert_silent();
    ck_assert_int_eq(find(list, "a.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(list, "b.example", "/x"), TRUTH_YES);
    conf->files[0].absolute = arena_printf(&kit.arena, "%s/all/empty", kit.folder).at;
    ck_assert_ptr_null(kit_compile(conf));
    assert_told("holds no category");
    make_folder("all/z");
    make_folder("all/z/domains"); /* no file */
    conf->files[0].absolute = arena_printf(&kit.arena, "%s/all", kit.folder).at;
    ck_assert_ptr_null(kit_compile(conf));
    assert_told("cannot read 'z/domains'");
}
END_TEST

/* Packed files */

static const char *packed(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "cd %s && printf 'a.example\\nb.example\\n' | %s > packed", kit.folder, command);
    ck_assert_int_eq(system(line), 0);
    return arena_printf(&kit.arena, "%s/packed", kit.folder).at;
}

START_TEST(test_gzip)
{
    struct list_conf *conf = kit_list_conf("ads", packed("gzip"));
    ck_assert_int_eq(find(kit_compile(conf), "b.example", "/"), TRUTH_YES);
    ck_assert_uint_eq(match.line, 2);
    packed("(gzip; echo c.example | gzip)"); /* two members are one text */
    ck_assert_int_eq(find(kit_compile(conf), "c.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(conf->compiled, "a.example", "/"), TRUTH_YES);
    assert_silent();
    packed("gzip | head -c 30");
    ck_assert_ptr_null(kit_compile(conf));
    conf->compiled = NULL;
    assert_told("gzip data ends too early");
    packed("gzip > whole && (head -c 12 whole; printf XXXX; tail -c +17 whole)");
    ck_assert_ptr_null(kit_compile(conf));
    assert_told("gzip data");
}
END_TEST

#ifdef HAVE_ZSTD
START_TEST(test_zstd)
{
    if (system("command -v zstd >/dev/null") != 0)
        return;
    struct list_conf *conf = kit_list_conf("ads", packed("zstd -q"));
    ck_assert_int_eq(find(kit_compile(conf), "b.example", "/"), TRUTH_YES);
    packed("(zstd -q; echo c.example | zstd -q)");
    ck_assert_int_eq(find(kit_compile(conf), "c.example", "/"), TRUTH_YES);
    assert_silent();
    packed("zstd -q | head -c 20");
    ck_assert_ptr_null(kit_compile(conf));
    conf->compiled = NULL;
    assert_told("zstd data ends too early");
}
END_TEST
#endif

START_TEST(test_limit_of_the_text)
{
    char bytes[64];
    const char *path = packed("gzip");
    struct inflate_file *file = inflate_file_new(open(path, O_RDONLY | O_CLOEXEC), 10);
    ck_assert_int_eq(inflate_file_read(file, bytes, 10), 10);
    ck_assert_int_eq(inflate_file_read(file, bytes, sizeof bytes), -1);
    ck_assert_int_eq(inflate_file_read(file, bytes, sizeof bytes), -1);
    ck_assert_ptr_nonnull(strstr(inflate_file_why(file), "more text"));
    inflate_file_free(file);
}
END_TEST

/* Sharing at a reload */

static void settle(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 80 * 1000 * 1000}, NULL);
}

START_TEST(test_unchanged_files_are_shared)
{
    struct list_conf *conf = kit_list_conf("ads", kit_write("text", "a.example\n", 10));
    settle();
    struct list *list = kit_compile(conf);
    struct list *again = list_compile(conf, opener_direct(), list, &kit.diag);
    ck_assert_ptr_eq(again, list);
    list_unref(again);
    conf->exact = 1; /* another meaning */
    again = list_compile(conf, opener_direct(), list, &kit.diag);
    ck_assert_ptr_ne(again, list);
    list_unref(again);
    conf->exact = -1;
    kit_write("text", "b.example\n", 10); /* of the same size */
    again = list_compile(conf, opener_direct(), list, &kit.diag);
    ck_assert_ptr_ne(again, list);
    ck_assert_int_eq(find(again, "b.example", "/"), TRUTH_YES);
    ck_assert_int_eq(find(again, "a.example", "/"), TRUTH_NO);
    ck_assert_int_eq(find(list, "a.example", "/"), TRUTH_YES); /* the old one serves on */
    list_unref(again);
    assert_silent();
}
END_TEST

START_TEST(test_a_new_file_in_a_folder_is_noticed)
{
    make_folder("all");
    make_folder("all/a");
    kit_write("all/a/domains", "a.example\n", 10);
    struct list_conf *conf = kit_list_conf("all", arena_printf(&kit.arena, "%s/all", kit.folder).at);
    settle();
    struct list *list = kit_compile(conf);
    make_folder("all/b");
    kit_write("all/b/domains", "b.example\n", 10);
    struct list *again = list_compile(conf, opener_direct(), list, &kit.diag);
    ck_assert_ptr_ne(again, list);
    ck_assert_int_eq(find(again, "b.example", "/"), TRUTH_YES);
    list_unref(again);
    assert_silent();
}
END_TEST

/* Many names: growth of the table, every name found at its line, no other. */
START_TEST(test_many)
{
    enum { COUNT = 100000 };
    char host[64];
    struct text text;
    text_init(&text);
    text_add_cstr(&text, "x.example\n"); /* short lines first: the guess is too low, or too high */
    for (int i = 0; i < COUNT; i++)
        text_printf(&text, "%s%d.name.example\n", i > COUNT / 2 ? "rather-long-label." : "", i * 7919);
    struct list_conf *conf = kit_list_conf("many", kit_write("text", "", 0));
    struct list *list = compile_text(conf, text_str(&text).at);
    text_fini(&text);
    assert_silent();
    ck_assert_uint_eq(stats_of(list).entries, COUNT + 1);
    for (int i = 0; i < COUNT; i++) {
        snprintf(host, sizeof host, "www.%s%d.name.example", i > COUNT / 2 ? "rather-long-label." : "", i * 7919);
        ck_assert_int_eq(find(list, host, "/"), TRUTH_YES);
        ck_assert_uint_eq(match.line, (unsigned)i + 2);
        snprintf(host, sizeof host, "www.%d.name.example", i * 7919 + 1);
        ck_assert_int_eq(find(list, host, "/"), TRUTH_NO);
    }
}
END_TEST

START_TEST(test_references)
{
    long before = object_alive(OBJECT_LIST);
    struct list *list = kit_list("ads", "a.example\n");
    ck_assert_int_eq(object_alive(OBJECT_LIST), before + 1);
    list_unref(list_ref(list));
    ck_assert_int_eq(find(list, "a.example", "/"), TRUTH_YES);
    list_unref(list);
    kit.lists[0].compiled = NULL;
    ck_assert_int_eq(object_alive(OBJECT_LIST), before);
    list_unref(NULL);
}
END_TEST

Suite *suite_list(void)
{
    const TTest *const tests[] = {
        test_domain_covers_its_subdomains,
        test_match_names_list_file_and_line,
        test_exact,
        test_exceptions,
        test_entries_that_overlap,
        test_paths,
        test_addresses,
        test_odd_texts,
        test_bad_lines,
        test_what_yields_nothing,
        test_files_that_are_not_there,
        test_no_crowd_of_messages,
        test_long_lines,
        test_category_folder,
        test_folder_of_categories,
        test_gzip,
        test_limit_of_the_text,
        test_unchanged_files_are_shared,
        test_a_new_file_in_a_folder_is_noticed,
        test_many,
        test_references,
#ifdef HAVE_ZSTD
        test_zstd,
#endif
    };
    Suite *suite = suite_create("list");
    kit_add(suite, "list", tests, lengthof(tests));
    return suite;
}
