#include "cli/args.h"

#include "base/must.h"

#include <check.h>

static const struct option_row rows[] = {
    {"-c", "FILE", false, false, ""},        {"--listen", "ADDRESS", true, true, ""},
    {"--to", "ADDRESS...", true, false, ""}, {"--print", NULL, false, false, ""},
    {NULL, NULL, false, false, NULL},
};

static struct args args;
static struct text why;

static void setup(void)
{
    text_init(&why);
}

static void teardown(void)
{
    args_free(&args);
    text_fini(&why);
}

#define READ(...) read_words((char *[]){__VA_ARGS__, NULL})

static bool read_words(char *const *words)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    return args_read(&args, rows, count, words, &why);
}

START_TEST(test_options_and_words)
{
    ck_assert(READ("one", "--listen", "a", "--to", "b", "c", "--print", "two", "--listen=d", "--", "--to"));
    ck_assert_str_eq(args_get(&args, "--listen"), "d");
    ck_assert_str_eq(args_nth(&args, "--listen", 0), "a");
    ck_assert_ptr_null(args_nth(&args, "--listen", 2));
    ck_assert_str_eq(args_nth(&args, "--to", 0), "b");
    ck_assert_str_eq(args_nth(&args, "--to", 1), "c");
    ck_assert(args_has(&args, "--print"));
    ck_assert(!args_has(&args, "-c"));
    ck_assert_ptr_null(args_get(&args, "-c"));
    ck_assert_uint_eq(args.word_count, 3);
    ck_assert_str_eq(args.words[2], "--to");
}
END_TEST

START_TEST(test_a_single_dash_is_a_word)
{
    ck_assert(READ("--listen", "a", "-c", "-"));
    ck_assert_str_eq(args_get(&args, "-c"), "-");
}
END_TEST

static const struct wrong {
    char *words[6];
    const char *why;
} wrongs[] = {
    {{"--lisen", "a"}, "there is no option '--lisen'; did you mean '--listen'?"},
    {{"--listen"}, "--listen needs a value: --listen ADDRESS"},
    {{"--listen", "--print"}, "--listen needs a value: --listen ADDRESS"},
    {{"--listen", "a", "--to", "--print"}, "--to needs a value: --to ADDRESS..."},
    {{"--listen", "a", "--print=x"}, "--print takes no value"},
    {{"--listen", "a", "-c", "b", "-c"}, "-c is given twice"},
    {{"--print"}, "--listen is missing: --listen ADDRESS"},
};

START_TEST(test_wrong)
{
    ck_assert(!read_words(wrongs[_i].words));
    ck_assert_str_eq(why.at, wrongs[_i].why);
}
END_TEST

Suite *suite_args(void)
{
    Suite *suite = suite_create("args");
    TCase *tests = tcase_create("args");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_options_and_words);
    tcase_add_test(tests, test_a_single_dash_is_a_word);
    tcase_add_loop_test(tests, test_wrong, 0, (int)lengthof(wrongs));
    suite_add_tcase(suite, tests);
    return suite;
}
