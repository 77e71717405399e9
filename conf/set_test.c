/* `test` blocks: what is asked and what is expected. They are run elsewhere, when nothing is wrong. */
#include "conf/setters.h"

#include "conf/array.h"
#include "conf/block.h"
#include "conf/value.h"

#include "base/date.h"

bool set_test(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    mode->tests = array_room(load->arena, mode->tests, mode->test_count, sizeof *mode->tests);
    mode->tests[mode->test_count++] = *setting;
    return true;
}

bool test_read(struct scope *outer, const struct setting *setting, const struct reverse_conf *reverse,
               const struct forward_conf *forward)
{
    struct loading *load = outer->load;
    struct config *config = load->config;
    struct test_conf test = {.place = setting->name->place, .reverse = reverse, .forward = forward};
    struct scope scope;
    scope_init(&scope, load, outer, BLOCK_TEST, &test);
    scope_set_defaults(&scope);
    block_read(&scope, setting->statement->block);
    if (!scope_may_have(&scope, "METHOD"))
        return mistake(load, setting->name, "as in GET http://example.org/", "this test has no request");
    if (!scope_may_have(&scope, "expect"))
        return mistake(load, setting->name, "add: expect allow, deny, redirect or respond",
                       "this test expects nothing");
    config->tests = array_room(load->arena, config->tests, config->test_count, sizeof *config->tests);
    config->tests[config->test_count++] = test;
    return true;
}

bool set_test_from(struct scope *scope, const struct setting *setting)
{
    struct test_conf *test = scope->target;
    return value_ip(&setting->args[0], scope->load->diag, &test->from);
}

bool set_test_to(struct scope *scope, const struct setting *setting)
{
    struct test_conf *test = scope->target;
    if (scope->mode->kind != BLOCK_FORWARD)
        return mistake(scope->load, setting->name, NULL,
                       "'to' is for the tests of a forward block: a reverse block goes to its own servers");
    test->to_place = setting->args[0].place;
    return value_ip(&setting->args[0], scope->load->diag, &test->to);
}

bool set_test_at(struct scope *scope, const struct setting *setting)
{
    struct test_conf *test = scope->target;
    const struct word *word = &setting->args[0];
    struct date date;
    bool has_hours = str_find(word->text, ' ') < word->text.len;
    test->at = word->text;
    return (has_hours && date_parse_local(word->text, &date)) ||
           mistake(scope->load, word, "as in \"2026-11-24 10:00\"", "expected a date and a time, not '%.*s'",
                   STR_ARGS(word->text));
}

bool set_test_header(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct test_conf *test = scope->target;
    struct word word = setting->args[0];
    struct str name, value = word.text;
    str_cut(&value, ':', &name);
    if (value.at == NULL)
        return mistake(load, &word, "as in \"Accept: text/html\"", "expected \"NAME: VALUE\", not '%.*s'",
                       STR_ARGS(word.text));
    word.text = name;
    test->headers = array_room(load->arena, test->headers, test->header_count, sizeof *test->headers);
    test->headers[test->header_count].value = str_trim(value);
    return value_field(&word, load->diag, load->arena, &test->headers[test->header_count++].name);
}

bool set_test_request(struct scope *scope, const struct setting *setting)
{
    struct test_conf *test = scope->target;
    const struct word *url = &setting->args[0];
    test->method = setting->name->text;
    test->url = url->text;
    test->url_place = url->place;
    return str_starts_nocase(url->text, STR("http://")) || str_starts_nocase(url->text, STR("https://")) ||
           mistake(scope->load, url, "as in GET https://example.org/path", "expected a URL, not '%.*s'",
                   STR_ARGS(url->text));
}

bool set_expect(struct scope *scope, const struct setting *setting)
{
    static const char *const names[] = {[EXPECT_ALLOW] = "allow",
                                        [EXPECT_DENY] = "deny",
                                        [EXPECT_REDIRECT] = "redirect",
                                        [EXPECT_RESPOND] = "respond",
                                        NULL};
    struct loading *load = scope->load;
    struct test_conf *test = scope->target;
    const struct word *word = &setting->args[0];
    for (unsigned i = 0; names[i] != NULL; i++)
        if (str_eq(word->text, str_of(names[i]))) {
            test->expect = (enum test_expect)i;
            return options_read(scope, setting, test);
        }
    const char *nearest = diag_nearest(word->text, names);
    const char *hint = nearest ? arena_printf(load->arena, "did you mean '%s'?", nearest).at
                               : "allow, deny, redirect or respond";
    return mistake(load, word, hint, "nothing can be expected to '%.*s'", STR_ARGS(word->text));
}

bool set_expect_pool(struct scope *scope, const struct setting *setting)
{
    struct test_conf *test = scope->target;
    const struct word *word = &setting->args[0];
    test->expect_pool = word->text;
    const struct names *pools = &scope->load->names[NAME_POOL];
    return names_find(pools, word->text) != NULL || names_refer(scope->load, pools, "pool", word) != NULL;
}
