#include "conf/lexer.h"

#include <check.h>
#include <stdlib.h>

Suite *suite_lexer(void);

/* The tokens as text: words in [ ], quoted ones in " ", and { } ; . for the rest, with their lines when asked. */
static const char *tokens_of(const char *source, struct text *into, struct diag *diag, struct arena *arena)
{
    static const char marks[] = {[TOKEN_OPEN] = '{', [TOKEN_CLOSE] = '}', [TOKEN_BREAK] = ';', [TOKEN_END] = '.'};
    struct lexer lexer;
    struct token token;
    lexer_init(&lexer, str_of(source), "t", arena, diag);
    do {
        token = lexer_next(&lexer);
        if (token.kind == TOKEN_WORD)
            text_printf(into, token.word.quoted ? "\"%.*s\"" : "[%.*s]", STR_ARGS(token.word.text));
        else
            text_add_char(into, marks[token.kind]);
    } while (token.kind != TOKEN_END);
    return text_str(into).at;
}

static void check_tokens(const char *source, const char *expected)
{
    struct diag diag;
    struct arena arena;
    struct text text;
    diag_init(&diag);
    arena_init(&arena);
    text_init(&text);
    ck_assert_str_eq(tokens_of(source, &text, &diag, &arena), expected);
    ck_assert_msg(diag.errors == 0, "a mistake in: %s", source);
    text_fini(&text);
    diag_fini(&diag);
    arena_reset(&arena);
}

static void check_mended(const char *source, const char *expected, const char *message)
{
    struct diag diag;
    struct arena arena;
    struct text text, shown;
    diag_init(&diag);
    arena_init(&arena);
    text_init(&text);
    text_init(&shown);
    ck_assert_str_eq(tokens_of(source, &text, &diag, &arena), expected);
    diag_show(&diag, &shown);
    ck_assert_msg(str_starts(text_str(&shown), str_of(message)), "expected %s, not %s", message, text_str(&shown).at);
    text_fini(&text);
    text_fini(&shown);
    diag_fini(&diag);
    arena_reset(&arena);
}

START_TEST(test_words)
{
    check_tokens("", ".");
    check_tokens(" \t\n", ";.");
    check_tokens("a b\tc\n", "[a][b][c];.");
    check_tokens("a; b;;c", "[a];[b];;[c].");
    check_tokens("a { b; }", "[a]{[b];}.");
    check_tokens("a # b ; { \nc#d e", "[a];[c#d][e].");
    check_tokens("a \\\n b\\\nc\r\nd\r\n", "[a][b][c];[d];.");
    check_tokens("a \\\r\n b", "[a][b].");
    check_tokens("a\\b \\ c\\", "[a\\b][\\][c\\].");
    check_tokens("\xEF\xBB\xBF"
                 "a",
                 "[a].");
    check_tokens("^/a{2}$ x{y} a{b", "[^/a{2}$][x{y}][a{b].");
    check_tokens("a\"b c\"d", "[a\"b][c\"d].");
    check_tokens("a(b)c ( )", "[a(b)c][(][)].");
}
END_TEST

START_TEST(test_quotes)
{
    check_tokens("\"a b\" \"\" \"#;{}\"", "\"a b\"\"\"\"#;{}\".");
    check_tokens("\"a\\\"b\\\\c\\nd\\te\"", "\"a\"b\\c\nd\te\".");
    check_tokens("\"\\d+\\.html\"", "\"\\d+\\.html\".");
    check_tokens("\"a\\\nb\"", "\"ab\".");
    check_tokens("\"a\";\"b\"\n", "\"a\";\"b\";.");
    check_mended("a \"b c\nd", "[a]\"b c\";[d].", "t:1:3: a quote that is not closed\n");
    check_mended("\"a\"b", "\"a\"[b].", "t:1:4: missing blank after a closing quote\n");
    check_mended("'a b'", "['a][b'].", "t:1:1: warning: a single quote is a character like any other\n");
}
END_TEST

START_TEST(test_braces)
{
    check_mended("a {b c; }", "[a]{[b][c];}.", "t:1:3: missing blank after '{'\n");
    check_mended("a { b 90}", "[a]{[b][90]}.", "t:1:9: missing blank before '}'\n");
    check_mended("a{\nb\n}", "[a]{;[b];}.", "t:1:2: missing blank before '{'\n");
    check_mended("a {}", "[a]{}.", "t:1:3: missing blank after '{'\n");
    check_mended("}a", "}[a].", "t:1:1: missing blank after '}'\n");
    check_mended("a { b 1}}", "[a]{[b][1]}}.", "t:1:8: missing blank before '}'\n");
    check_tokens("a { b 1; };", "[a]{[b][1];};.");
}
END_TEST

START_TEST(test_conditions)
{
    check_tokens("deny if a(b c) and (not d)\ne(f)", "[deny][if][a][(][b][c][)][and][(][not][d][)];[e(f)].");
    check_tokens("route /(x) if a(b){ c(d) }", "[route][/(x)][if][a][(][b][)]{[c(d)]}.");
    check_tokens("deny \"if\" a(b); if(x) y(z)", "[deny]\"if\"[a(b)];[if(x)][y(z)].");
    check_tokens("deny if a(\"b)\" c)# d", "[deny][if][a][(]\"b)\"[c][)].");
    check_tokens("deny if a(b) \\\n or c(d)", "[deny][if][a][(][b][)][or][c][(][d][)].");
}
END_TEST

START_TEST(test_environment)
{
    setenv("LEXER_PORT", "8080", 1);
    setenv("LEXER_EMPTY", "", 1);
    setenv("LEXER_BLANK", "a b;{", 1);
    unsetenv("LEXER_NONE");
    check_tokens("l 127.0.0.1:${env.LEXER_PORT}", "[l][127.0.0.1:8080].");
    check_tokens("${env.LEXER_PORT}${env.LEXER_PORT} \"a ${env.LEXER_PORT}\"", "[80808080]\"a 8080\".");
    check_tokens("x ${env.LEXER_EMPTY} ${env.LEXER_BLANK}", "[x][][a b;{].");
    check_tokens("$${env.LEXER_PORT} $host ${host} $", "[$${env.LEXER_PORT}][$host][${host}][$].");
    check_mended("a x${env.LEXER_NONE}y", "[a][xy].", "t:1:4: the environment variable 'LEXER_NONE' is not set\n");
    check_mended("a ${env.}", "[a][].", "t:1:3: this is not the name of an environment variable\n");
    check_mended("a \"${env.LEXER_PORT\" b", "[a]\"\"[b].", "t:1:4: '${env.' is not closed\n");
}
END_TEST

START_TEST(test_control_characters)
{
    check_mended("a b\x01"
                 "c\nd",
                 "[a][b].", "t:1:4: a control character (0x01): this is no text file");
    check_mended("a \"b\x7f"
                 "c\" d",
                 "[a]\"b\".", "t:1:5: a control character (0x7f)");
    check_mended("a\rb", "[a].", "t:1:2: a control character (0x0d)");
}
END_TEST

START_TEST(test_places)
{
    struct diag diag;
    struct arena arena;
    struct lexer lexer;
    diag_init(&diag);
    arena_init(&arena);
    setenv("LEXER_PORT", "8080", 1);
    lexer_init(&lexer, STR("\n  ab \"c d\"\t${env.LEXER_PORT}\r\n x"), "t", &arena, &diag);
    static const struct {
        unsigned line, column, width;
    } places[] = {{2, 3, 2}, {2, 6, 5}, {2, 12, 17}, {3, 2, 1}};
    size_t at = 0;
    for (struct token token; (token = lexer_next(&lexer)).kind != TOKEN_END;) {
        if (token.kind != TOKEN_WORD)
            continue;
        ck_assert_uint_eq(token.word.place.line, places[at].line);
        ck_assert_uint_eq(token.word.place.column, places[at].column);
        ck_assert_uint_eq(token.word.place.width, places[at].width);
        if (at == 1) {
            ck_assert(str_eq(token.word.place.text, STR("  ab \"c d\"\t${env.LEXER_PORT}")));
            ck_assert_uint_eq(word_place_at(&token.word, 2, 1).column, 9);
        }
        if (at == 2)
            ck_assert_uint_eq(word_place_at(&token.word, 2, 1).column, 12);
        at++;
    }
    ck_assert_uint_eq(at, 4);
    diag_fini(&diag);
    arena_reset(&arena);
}
END_TEST

Suite *suite_lexer(void)
{
    Suite *suite = suite_create("lexer");
    TCase *tests = tcase_create("lexer");
    tcase_add_test(tests, test_words);
    tcase_add_test(tests, test_quotes);
    tcase_add_test(tests, test_braces);
    tcase_add_test(tests, test_conditions);
    tcase_add_test(tests, test_environment);
    tcase_add_test(tests, test_control_characters);
    tcase_add_test(tests, test_places);
    suite_add_tcase(suite, tests);
    return suite;
}
