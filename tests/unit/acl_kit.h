/*
 * Builds conditions, expressions, rules, facts and lists for the tests of acl/, as the loader would.
 */
#ifndef TESTS_UNIT_ACL_KIT_H
#define TESTS_UNIT_ACL_KIT_H

#include "acl/condition.h"
#include "acl/list.h"
#include "acl/verdict.h"
#include "base/regex.h"
#include "base/text.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KIT_LISTS = 4, KIT_WORDS = 16 };

static struct kit {
    struct arena arena;
    struct diag diag;
    struct acl_scope scope;
    struct list_conf lists[KIT_LISTS];
    const char *names[KIT_LISTS + 1];
    size_t list_count;
    char folder[64];
} kit;

static inline const struct list_conf *kit_find_list(const struct acl_scope *scope, struct str name)
{
    (void)scope;
    for (size_t i = 0; i < kit.list_count; i++)
        if (str_eq(kit.lists[i].name.text, name))
            return &kit.lists[i];
    return NULL;
}

static inline const char *const *kit_list_names(const struct acl_scope *scope)
{
    (void)scope;
    return kit.names;
}

static inline void kit_setup(void)
{
    memset(&kit, 0, sizeof kit);
    arena_init(&kit.arena);
    diag_init(&kit.diag);
    kit.scope = (struct acl_scope){&kit.arena, &kit.diag, kit_find_list, kit_list_names, opener_direct(), NULL};
    snprintf(kit.folder, sizeof kit.folder, "/tmp/gatehouse-acl-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(kit.folder));
}

static inline void kit_teardown(void)
{
    char command[128];
    for (size_t i = 0; i < kit.list_count; i++)
        list_unref(kit.lists[i].compiled);
    arena_reset(&kit.arena);
    diag_fini(&kit.diag);
    snprintf(command, sizeof command, "rm -rf '%s'", kit.folder);
    ck_assert_int_eq(system(command), 0);
    regex_thread_done();
    arena_thread_done();
}

/* What was told so far, borrowed from the arena; nothing is left. */
static inline const char *kit_told(void)
{
    struct text text;
    text_init(&text);
    diag_show(&kit.diag, &text);
    const char *told = arena_cstr(&kit.arena, text_str(&text));
    text_fini(&text);
    bool strict = kit.diag.strict;
    diag_fini(&kit.diag);
    diag_init(&kit.diag);
    kit.diag.strict = strict;
    return told;
}

#define assert_silent() ck_assert_str_eq(kit_told(), "")
#define assert_told(words)                                                                                             \
    do {                                                                                                               \
        const char *told_ = kit_told();                                                                                \
        ck_assert_msg(strstr(told_, (words)) != NULL, "'%s' is not in:\n%s", (words), told_);                          \
    } while (0)

/* Words separated by single blanks; column 1 on. */
static inline size_t kit_words(const char *text, struct word words[KIT_WORDS])
{
    size_t count = 0;
    struct str rest = str_of(text), piece, line = str_of(text);
    while (rest.len > 0 && str_cut(&rest, ' ', &piece)) {
        ck_assert_uint_lt(count, KIT_WORDS);
        words[count++] = (struct word){
            .text = arena_dup(&kit.arena, piece),
            .place = {"test.conf", 1, (unsigned)(piece.at - line.at) + 1, (unsigned)piece.len, line},
        };
    }
    return count;
}

static inline struct condition *kit_parse(const char *kind, const char *values)
{
    struct word words[KIT_WORDS];
    const struct condition_kind *row = condition_kind_find(str_of(kind));
    ck_assert_msg(row != NULL, "%s", kind);
    size_t count = kit_words(values, words);
    ck_assert_uint_ge(count, row->min_values);
    return row->parse(&kit.scope, words, count);
}

static inline const struct expression *is(const char *kind, const char *values)
{
    struct expression *e = arena_new(&kit.arena, struct expression);
    e->op = EXPRESSION_CONDITION;
    e->name = arena_printf(&kit.arena, "%s(%s)", kind, values);
    e->kind = condition_kind_find(str_of(kind));
    e->condition = kit_parse(kind, values);
    e->place = (struct place){"test.conf", 1, 1, 1, e->name};
    ck_assert_msg(e->condition != NULL, "%s", kit_told());
    e->phase = e->kind->phase;
    return e;
}

static inline const struct expression *kit_join(enum expression_op op, const struct expression *a,
                                                const struct expression *b)
{
    struct expression *e = arena_new(&kit.arena, struct expression);
    e->op = op;
    e->left = a;
    e->right = b;
    e->phase = b != NULL && b->phase > a->phase ? b->phase : a->phase;
    return e;
}

static inline const struct expression * not(const struct expression *a)
{
    return kit_join(EXPRESSION_NOT, a, NULL);
}

static inline const struct expression *both(const struct expression *a, const struct expression *b)
{
    return kit_join(EXPRESSION_AND, a, b);
}

static inline const struct expression *either(const struct expression *a, const struct expression *b)
{
    return kit_join(EXPRESSION_OR, a, b);
}

static inline enum truth truth_of(const struct expression *e, const struct facts *facts)
{
    struct match match;
    return expression_truth(e, facts, &match);
}

/* One condition, asked; what it holds outside the arena is freed. */
static inline enum truth ask_kind(const char *kind, const char *values, const struct facts *facts)
{
    const struct expression *e = is(kind, values);
    enum truth truth = truth_of(e, facts);
    expression_fini(e);
    return truth;
}

#define assert_truth(expected, kind, values, facts)                                                                    \
    do {                                                                                                               \
        enum truth truth_ = ask_kind(kind, values, facts);                                                             \
        ck_assert_msg(truth_ == (expected), "%s(%s): %s, not %s", kind, values, truth_word(truth_),                    \
                      truth_word(expected));                                                                           \
    } while (0)

/* A condition that must be refused, with these words in the message. */
#define assert_refused(kind, values, words)                                                                            \
    do {                                                                                                               \
        ck_assert_msg(kit_parse(kind, values) == NULL, "%s(%s)", kind, values);                                        \
        assert_told(words);                                                                                            \
    } while (0)

static inline struct ip kit_ip(const char *text)
{
    struct ip ip = {0};
    ck_assert(ip_parse(str_of(text), &ip));
    return ip;
}

/* GET http://HOST/PATH from 127.0.0.1 in a forward block, without fields. */
static inline struct facts kit_facts(const char *host, const char *path)
{
    static struct fields none;
    fields_init(&none, &kit.arena);
    return (struct facts){
        .phase = PHASE_REQUEST,
        .client = kit_ip("127.0.0.1"),
        .method = METHOD_GET,
        .method_text = STR("GET"),
        .scheme = STR("http"),
        .host = str_of(host),
        .port = 80,
        .path = str_of(path),
        .request_fields = &none,
    };
}

static inline struct facts kit_tunnel(const char *host)
{
    struct facts facts = kit_facts(host, "/");
    facts.method = METHOD_CONNECT;
    facts.method_text = STR("CONNECT");
    facts.scheme = STR("tunnel");
    facts.port = 443;
    facts.path = STR_NONE;
    return facts;
}

static inline const char *kit_write(const char *name, const void *bytes, size_t len)
{
    struct str path = arena_printf(&kit.arena, "%s/%s", kit.folder, name);
    int fd = open(path.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    return path.at;
}

/* A list of one file (or folder), not yet compiled. */
static inline struct list_conf *kit_list_conf(const char *name, const char *path)
{
    ck_assert_uint_lt(kit.list_count, KIT_LISTS);
    struct list_conf *conf = &kit.lists[kit.list_count];
    struct list_file *file = arena_new(&kit.arena, struct list_file);
    kit.names[kit.list_count++] = name;
    file->path.text = str_of(path);
    file->path.place = (struct place){"test.conf", 9, 5, 4, STR("    file")};
    file->absolute = path;
    *conf = (struct list_conf){
        .name = {.text = str_of(name)}, .files = file, .file_count = 1, .exact = -1, .bad_percent = 1};
    conf->name.place = (struct place){"test.conf", 8, 6, 4, STR("list name {")};
    return conf;
}

static inline struct list *kit_compile(struct list_conf *conf)
{
    list_unref(conf->compiled);
    conf->compiled = list_compile(conf, opener_direct(), NULL, &kit.diag);
    return conf->compiled;
}

/* A compiled list with that text; what is told stays to be looked at. */
static inline struct list *kit_list(const char *name, const char *text)
{
    struct list_conf *conf = kit_list_conf(name, kit_write(name, text, strlen(text)));
    struct list *list = kit_compile(conf);
    ck_assert_msg(list != NULL, "%s", kit_told());
    return list;
}

/* A case whose fixture is the kit. */
static inline void kit_add(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, kit_setup, kit_teardown);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
}

#endif
