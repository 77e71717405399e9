#include "proxy/files.h"

#include "proxy/beneath.h"
#include "tests/unit/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_files(void);

static char folder[] = "/tmp/files_XXXXXX";
static int root;
static struct head head;
static struct facts facts;
static struct files_answer answer;

static void put(const char *name, const char *content)
{
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

static void setup(void)
{
    setup_policy();
    clock_update();
    snprintf(folder, sizeof folder, "/tmp/files_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    int top = open(folder, O_PATH | O_DIRECTORY);
    ck_assert_int_eq(mkdirat(top, "www", 0755), 0);
    root = openat(top, "www", O_RDONLY | O_DIRECTORY);
    put("../secret", "secret");
    put("index.html", "<p>home");
    put("a b.txt", "0123456789");
    put(".dot", "dot");
    ck_assert_int_eq(mkdirat(root, "docs", 0755), 0);
    put("docs/index.html", "docs");
    ck_assert_int_eq(mkdirat(root, "bare", 0755), 0);
    ck_assert_int_eq(mkfifoat(root, "fifo", 0644), 0);
    ck_assert_int_eq(symlinkat("../secret", root, "out"), 0);
    ck_assert_int_eq(symlinkat("/etc/passwd", root, "absolute"), 0);
    ck_assert_int_eq(symlinkat("docs/index.html", root, "in"), 0);
    ck_assert_int_eq(symlinkat("..", root, "up"), 0);
    close(top);
}

static void teardown(void)
{
    char command[64];
    close(root);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    teardown_policy();
}

static void prepare(const char *method, const char *path)
{
    head = (struct head){.method = method_of(str_of(method)), .method_text = str_of(method)};
    fields_init(&head.fields, &memory);
    facts = request(method, "www.example.org", 80, path);
    head.target.path = facts.path;
}

static unsigned answer_of(void)
{
    files_open(root, &head, &facts, &memory, &answer);
    return answer.head.status;
}

static unsigned get(const char *path)
{
    prepare("GET", path);
    return answer_of();
}

static const char *body(void)
{
    struct buffer buffer;
    struct file_source file;
    struct text text;
    enum flow flow;
    buffer_init(&buffer);
    text_init(&text);
    file_source_init(&file, &answer);
    do {
        flow = file.source.ops->read(&file.source, &buffer, 4, NULL);
        for (struct str front; (front = buffer_front(&buffer)).len > 0; buffer_drop(&buffer, front.len))
            text_add(&text, front);
    } while (flow == FLOW_MORE);
    file_source_fini(&file);
    const char *copy = flow == FLOW_END ? arena_cstr(&memory, text_str(&text)) : "failed";
    text_fini(&text);
    return copy;
}

START_TEST(file_is_served_with_its_head)
{
    ck_assert_uint_eq(get("/a%20b.txt"), 200);
    ck_assert(!answer.wants_page);
    ck_assert_uint_eq(answer.length, 10);
    ck_assert_int_eq(answer.head.framing, FRAMING_LENGTH);
    ck_assert_uint_eq(answer.head.length, 10);
    ck_field(&answer.head.fields, "Content-Type", "text/plain; charset=utf-8");
    ck_field(&answer.head.fields, "Accept-Ranges", "bytes");
    ck_assert_ptr_nonnull(field_text(&answer.head.fields, "ETag").at);
    ck_assert_ptr_nonnull(field_text(&answer.head.fields, "Last-Modified").at);
    ck_assert_str_eq(body(), "0123456789");
    ck_assert_uint_eq(get("/.dot"), 200);
    ck_assert_str_eq(body(), "dot");
    ck_assert_uint_eq(get("//a%20b.txt"), 200);
    ck_assert_str_eq(body(), "0123456789");
}
END_TEST

START_TEST(folder_means_its_index)
{
    ck_assert_uint_eq(get("/"), 200);
    ck_field(&answer.head.fields, "Content-Type", "text/html; charset=utf-8");
    ck_assert_str_eq(body(), "<p>home");
    ck_assert_uint_eq(get("/docs/"), 200);
    ck_assert_str_eq(body(), "docs");
    ck_assert_uint_eq(get("/bare/"), 404);
    ck_assert(answer.wants_page);
    ck_assert_int_eq(answer.fd, -1);
}
END_TEST

START_TEST(folder_without_slash_is_redirected)
{
    ck_assert_uint_eq(get("/docs"), 301);
    ck_field(&answer.head.fields, "Location", "/docs/");
    prepare("GET", "/docs");
    facts.query = head.target.query = STR("a=b");
    ck_assert_uint_eq(answer_of(), 301);
    ck_field(&answer.head.fields, "Location", "/docs/?a=b");
    ck_assert_uint_eq(get("//docs"), 301);
    ck_field(&answer.head.fields, "Location", "/.//docs/");
    prepare("GET", "/site/docs"); /* a rewrite has stripped /site */
    facts.path = STR("/docs");
    ck_assert_uint_eq(answer_of(), 301);
    ck_field(&answer.head.fields, "Location", "/site/docs/");
    head.target.path = STR("/site/docs/");
    ck_assert_uint_eq(answer_of(), 200);
    ck_assert_str_eq(body(), "docs");
}
END_TEST

START_TEST(there_is_no_way_out)
{
    static const char *const paths[] = {"/../secret",   "/%2e%2e/secret", "/docs/../../secret", "/..%2fsecret", "/out",
                                        "/absolute",    "/up/secret",     "/docs%2findex.html", "/nothing",     "/a",
                                        "/index.html/", "/fifo",          "/up/www/.dot",       "/index.html/x"};
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(get(paths[i]) == 404, "%s: %u", paths[i], answer.head.status);
    ck_assert_uint_eq(get("/in"), 200);
    ck_assert_str_eq(body(), "docs");
    facts.path = STR("/docs/../../secret"); /* were it not canonical */
    ck_assert_uint_eq(answer_of(), 404);
    facts.path = STR("/%00");
    ck_assert_uint_eq(answer_of(), 404);
}
END_TEST

START_TEST(slow_way_is_as_safe)
{
    static const char *const closed[] = {"out", "absolute",          "up/secret",    "../secret",
                                         "in",  "docs/../../secret", "index.html/x", "up"};
    int fd = open_beneath_slowly(root, "docs/index.html");
    ck_assert_int_ge(fd, 0);
    close(fd);
    fd = open_beneath_slowly(root, "docs//index.html");
    ck_assert_int_ge(fd, 0);
    close(fd);
    for (unsigned i = 0; i < sizeof closed / sizeof closed[0]; i++)
        ck_assert_msg(open_beneath_slowly(root, closed[i]) == -1, "%s", closed[i]);
}
END_TEST

START_TEST(only_get_and_head)
{
    prepare("POST", "/index.html");
    ck_assert_uint_eq(answer_of(), 405);
    ck_field(&answer.head.fields, "Allow", "GET, HEAD");
    prepare("HEAD", "/index.html");
    ck_assert_uint_eq(answer_of(), 200);
    ck_assert_int_eq(answer.fd, -1);
    ck_assert_int_eq(answer.head.framing, FRAMING_NONE);
    ck_assert_uint_eq(answer.head.declared, 7);
}
END_TEST

START_TEST(conditions_are_judged)
{
    get("/index.html");
    struct str etag = field_text(&answer.head.fields, "ETag"), date = field_text(&answer.head.fields, "Last-Modified");
    body();
    prepare("GET", "/index.html");
    fields_add(&head.fields, STR("If-None-Match"), etag);
    ck_assert_uint_eq(answer_of(), 304);
    ck_assert_int_eq(answer.fd, -1);
    ck_assert(!answer.wants_page);
    ck_assert(str_eq(field_text(&answer.head.fields, "ETag"), etag));
    prepare("GET", "/index.html");
    fields_add(&head.fields, STR("If-Modified-Since"), date);
    ck_assert_uint_eq(answer_of(), 304);
    prepare("GET", "/index.html");
    fields_add(&head.fields, STR("If-Match"), STR("\"other\""));
    ck_assert_uint_eq(answer_of(), 412);
    ck_assert_int_eq(answer.fd, -1);
}
END_TEST

static unsigned get_range(const char *range, const char *if_range)
{
    prepare("GET", "/a%20b.txt");
    fields_add(&head.fields, STR("Range"), str_of(range));
    if (if_range != NULL)
        fields_add(&head.fields, STR("If-Range"), str_of(if_range));
    return answer_of();
}

START_TEST(one_range_is_cut_out)
{
    ck_assert_uint_eq(get_range("bytes=2-5", NULL), 206);
    ck_field(&answer.head.fields, "Content-Range", "bytes 2-5/10");
    ck_assert_uint_eq(answer.head.length, 4);
    ck_assert_str_eq(body(), "2345");
    ck_assert_uint_eq(get_range("bytes=-3", NULL), 206);
    ck_assert_str_eq(body(), "789");
    ck_assert_uint_eq(get_range("bytes=8-", NULL), 206);
    ck_assert_str_eq(body(), "89");
    ck_assert_uint_eq(get_range("bytes=10-", NULL), 416);
    ck_assert(answer.wants_page);
    ck_field(&answer.head.fields, "Content-Range", "bytes */10");
    ck_assert_uint_eq(get_range("bytes=0-1,4-5", NULL), 200);
    ck_assert_str_eq(body(), "0123456789");
    ck_assert_uint_eq(get_range("bytes=2-5", "\"other\""), 200);
    ck_assert_str_eq(body(), "0123456789");
    get("/a%20b.txt");
    const char *etag = arena_cstr(&memory, field_text(&answer.head.fields, "ETag"));
    body();
    ck_assert_uint_eq(get_range("bytes=2-5", etag), 206);
    ck_assert_str_eq(body(), "2345");
}
END_TEST

START_TEST(large_and_empty_files)
{
    put("empty", "");
    ck_assert_uint_eq(get("/empty"), 200);
    ck_assert_uint_eq(answer.head.length, 0);
    ck_assert_str_eq(body(), "");
    put("shrinks", "0123456789");
    ck_assert_uint_eq(get("/shrinks"), 200);
    put("shrinks", "01");
    ck_assert_str_eq(body(), "failed");
}
END_TEST

START_TEST(what_may_not_be_read_is_forbidden)
{
    put("closed", "x");
    ck_assert_int_eq(fchmodat(root, "closed", 0, 0), 0);
    ck_assert_uint_eq(get("/closed"), geteuid() == 0 ? 200 : 403);
    body();
}
END_TEST

Suite *suite_files(void)
{
    Suite *suite = suite_create("files");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, file_is_served_with_its_head);
    tcase_add_test(tests, folder_means_its_index);
    tcase_add_test(tests, folder_without_slash_is_redirected);
    tcase_add_test(tests, there_is_no_way_out);
    tcase_add_test(tests, slow_way_is_as_safe);
    tcase_add_test(tests, only_get_and_head);
    tcase_add_test(tests, conditions_are_judged);
    tcase_add_test(tests, one_range_is_cut_out);
    tcase_add_test(tests, large_and_empty_files);
    tcase_add_test(tests, what_may_not_be_read_is_forbidden);
    suite_add_tcase(suite, tests);
    return suite;
}
