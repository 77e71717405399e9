#include "conf/lexer.h"

#include "base/text.h"
#include "base/utf8.h"

#include <stdlib.h>

static const struct str env_begin = {"${env.", 6};

/* Of a line that is longer, messages show the beginning. */
enum { SHOWN_MAX = 8192 };

static void begin_line(struct lexer *lexer)
{
    struct str line = str_skip(lexer->text, lexer->at);
    line = str_head(line, str_find(line, '\n'));
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    lexer->line_start = lexer->at;
    lexer->line_text = str_head(line, SHOWN_MAX);
}

void lexer_init(struct lexer *lexer, struct str text, const char *file, struct arena *arena, struct diag *diag)
{
    *lexer = (struct lexer){.text = text, .file = file, .arena = arena, .diag = diag, .line = 1};
    if (str_starts(text, STR(UTF8_MARK)))
        lexer->at = STR(UTF8_MARK).len;
    begin_line(lexer);
}

/* -1 at the end. */
static int peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    return at < lexer->text.len ? (unsigned char)lexer->text.at[at] : -1;
}

/* The length of the end of line at `ahead`: 1, 2 (CR LF), or 0. */
static size_t line_end_at(const struct lexer *lexer, size_t ahead)
{
    if (peek(lexer, ahead) == '\n')
        return 1;
    return peek(lexer, ahead) == '\r' && peek(lexer, ahead + 1) == '\n' ? 2 : 0;
}

static struct place place_of(const struct lexer *lexer, size_t from, size_t width)
{
    return (struct place){
        .file = lexer->file,
        .line = lexer->line,
        .column = (unsigned)(from - lexer->line_start) + 1,
        .width = width > 0 ? (unsigned)width : 1,
        .text = lexer->line_text,
    };
}

static void next_line(struct lexer *lexer, size_t end)
{
    lexer->at += end;
    lexer->line++;
    begin_line(lexer);
}

/* Blanks, comments and continued lines. */
static void skip_blanks(struct lexer *lexer)
{
    for (;;) {
        int c = peek(lexer, 0);
        size_t end = c == '\\' ? line_end_at(lexer, 1) : 0;
        if (c == ' ' || c == '\t' || (c == '\r' && peek(lexer, 1) == '\n'))
            lexer->at++;
        else if (end > 0)
            next_line(lexer, 1 + end);
        else if (c == '#')
            lexer->at += str_find(str_skip(lexer->text, lexer->at), '\n');
        else
            return;
    }
}

/* A control character at lexer->at: this is no text, and nothing behind it is read. */
static bool stop_at_control(struct lexer *lexer)
{
    int c = peek(lexer, 0);
    if (c < 0 || (c >= 0x20 && c != 0x7f) || c == '\t')
        return false;
    struct place place = place_of(lexer, lexer->at, 1);
    diag_add(lexer->diag, DIAG_ERROR, &place, "in quotes a tab is written \\t, a line feed \\n",
             "a control character (0x%02x): this is no text file, or a damaged one", (unsigned)c);
    lexer->text.len = lexer->at;
    lexer->has_mistake = lexer->is_cut = true;
    return true;
}

/* Replaces the `${env.NAME}` at the front of `raw`; returns how many bytes it takes. `place` is of these bytes'
   first. */
static size_t add_variable(struct lexer *lexer, struct str raw, struct place place, struct text *into)
{
    size_t close = str_find(raw, '}');
    struct str name = str_skip(str_head(raw, close), env_begin.len);
    bool is_name = name.len > 0 && !char_is_digit(name.at[0]);
    for (size_t i = 0; i < name.len; i++)
        is_name = is_name && (char_is_alpha(name.at[i]) || char_is_digit(name.at[i]) || name.at[i] == '_');
    place.width = (unsigned)(close < raw.len ? close + 1 : raw.len);
    if (close == raw.len || !is_name) {
        diag_add(lexer->diag, DIAG_ERROR, &place, "write ${env.NAME}", "%s",
                 close == raw.len ? "'${env.' is not closed" : "this is not the name of an environment variable");
        lexer->has_mistake = true;
        return place.width;
    }
    const char *value = getenv(arena_cstr(lexer->arena, name));
    if (value == NULL) {
        diag_add(lexer->diag, DIAG_ERROR, &place, "set it where gatehouse is started",
                 "the environment variable '%.*s' is not set", STR_ARGS(name));
        lexer->has_mistake = true;
        return place.width;
    }
    text_add_cstr(into, value);
    return place.width;
}

/* A `$$` is passed over, so that `$${env.X}` stands for itself in a text. */
static size_t add_dollar(struct lexer *lexer, size_t from, size_t end, struct text *into)
{
    struct str raw = {lexer->text.at + from, end - from};
    if (str_starts(raw, env_begin))
        return add_variable(lexer, raw, place_of(lexer, from, 1), into);
    size_t taken = str_starts(raw, STR("$$")) ? 2 : 1;
    text_add(into, str_head(raw, taken));
    return taken;
}

static struct token word_token(struct lexer *lexer, struct place place, struct str text, bool quoted)
{
    if (!quoted && lexer->has_word && str_eq(text, STR("if")))
        lexer->is_condition = true;
    lexer->has_word = true;
    return (struct token){TOKEN_WORD, {.text = text, .place = place, .quoted = quoted}};
}

static struct token mark_token(struct lexer *lexer, enum token_kind kind, size_t len)
{
    struct token token = {kind, {.place = place_of(lexer, lexer->at, len)}};
    token.word.text = str_from(lexer->text.at + lexer->at, len);
    lexer->at += len;
    lexer->is_condition = lexer->has_word = false;
    return token;
}

/* What an escape stands for, 0 for none: elsewhere a backslash is itself. */
static char escaped(int c)
{
    static const char pairs[][2] = {{'"', '"'}, {'\\', '\\'}, {'n', '\n'}, {'t', '\t'}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == c)
            return pairs[i][1];
    return 0;
}

/* Where the `"` is that closes a quoted text, or its line ends; for `${env.` inside. */
static size_t quoted_end(const struct lexer *lexer)
{
    size_t at = lexer->at;
    while (at < lexer->text.len && lexer->text.at[at] != '"' && lexer->text.at[at] != '\n')
        at++;
    return at;
}

/* The inside of a quoted word, up to its closing quote, which is not taken; false when there is none in this line. */
static bool read_quoted(struct lexer *lexer, struct text *into)
{
    for (;;) {
        int c = peek(lexer, 0);
        size_t end = c == '\\' ? line_end_at(lexer, 1) : 0;
        if (c < 0 || line_end_at(lexer, 0) > 0)
            return false;
        if (c == '"')
            return true;
        if (end > 0) {
            next_line(lexer, 1 + end);
        } else if (c == '\\' && escaped(peek(lexer, 1)) != 0) {
            text_add_char(into, escaped(peek(lexer, 1)));
            lexer->at += 2;
        } else if (c == '$') {
            lexer->at += add_dollar(lexer, lexer->at, quoted_end(lexer), into);
        } else if (stop_at_control(lexer)) {
            return true;
        } else {
            text_add_char(into, (char)c);
            lexer->at++;
        }
    }
}

static bool ends_word(const struct lexer *lexer)
{
    int c = peek(lexer, 0);
    if (c < 0 || c == ' ' || c == '\t' || c == '\n' || c == ';' || line_end_at(lexer, 0) > 0)
        return true;
    return (c == '\\' && line_end_at(lexer, 1) > 0) || (lexer->is_condition && (c == '(' || c == ')'));
}

static bool has_brace(struct str text)
{
    return str_find(text, '{') < text.len || str_find(text, '}') < text.len;
}

static struct token quoted_word(struct lexer *lexer)
{
    struct text text;
    text_init(&text);
    struct place open = place_of(lexer, lexer->at, 1);
    size_t from = lexer->at++;
    unsigned line = lexer->line;
    if (!read_quoted(lexer, &text)) {
        lexer->lost_brace |= has_brace(text_str(&text));
        diag_add(lexer->diag, DIAG_ERROR, &open, "a quoted word ends with \" in its own line",
                 "a quote that is not closed");
        lexer->has_mistake = true;
    } else if (!lexer->is_cut) {
        lexer->at++;
        if (!ends_word(lexer)) {
            struct place place = place_of(lexer, lexer->at, 1);
            diag_add(lexer->diag, DIAG_ERROR, &place, "a quote inside a quoted word is written \\\"",
                     "missing blank after a closing quote");
            lexer->has_mistake = true;
        }
    }
    if (lexer->line == line)
        open.width = (unsigned)(lexer->at - from);
    struct str copy = arena_dup(lexer->arena, text_str(&text));
    text_fini(&text);
    return word_token(lexer, open, copy, true);
}

/* True when the brace at that end of a bare word has no partner inside it. */
static bool is_unmatched(struct str raw, bool is_last)
{
    int depth = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.at[is_last ? raw.len - 1 - i : i];
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (i == 0 && depth != (is_last ? -1 : 1))
            return depth != 0;
        if (depth == 0)
            return false;
    }
    return true;
}

static void report_glued(struct lexer *lexer, size_t brace, const char *where)
{
    struct place place = place_of(lexer, brace, 1);
    diag_add(lexer->diag, DIAG_ERROR, &place, "'{' and '}' are words of their own", "missing blank %s '%c'", where,
             lexer->text.at[brace]);
}

static struct token brace_token(struct lexer *lexer)
{
    return mark_token(lexer, lexer->text.at[lexer->at] == '{' ? TOKEN_OPEN : TOKEN_CLOSE, 1);
}

/* Cuts unmatched braces off the word's end, to be read next. */
static size_t without_glued_brace(struct lexer *lexer, size_t from, size_t end)
{
    size_t whole = end;
    while (end > from + 1 && is_unmatched(str_from(lexer->text.at + from, end - from), true))
        end--;
    if (end < whole)
        report_glued(lexer, end, "before");
    return end;
}

static struct token bare_word(struct lexer *lexer)
{
    size_t from = lexer->at;
    while (!ends_word(lexer) && !stop_at_control(lexer))
        lexer->at++;
    if (lexer->at == from)
        return mark_token(lexer, TOKEN_END, 0);
    size_t end = lexer->at;
    struct str raw = {lexer->text.at + from, end - from};
    if ((raw.len > 1 && is_unmatched(raw, false)) || str_eq(raw, STR("{}"))) {
        report_glued(lexer, from, "after");
        end = from + 1;
    }
    lexer->at = from;
    if (end - from == 1 && (raw.at[0] == '{' || raw.at[0] == '}'))
        return brace_token(lexer);
    end = without_glued_brace(lexer, from, end);
    struct place place = place_of(lexer, from, end - from);
    if (raw.at[0] == '\'')
        diag_add(lexer->diag, DIAG_WARNING, &place, "text with blanks is written \"…\"",
                 "a single quote is a character like any other");
    struct text text;
    text_init(&text);
    for (size_t at = from; at < end;) {
        size_t plain = str_find(str_from(lexer->text.at + at, end - at), '$');
        text_add(&text, str_from(lexer->text.at + at, plain));
        at += plain;
        if (at < end)
            at += add_dollar(lexer, at, end, &text);
    }
    lexer->at = end;
    struct str copy = arena_dup(lexer->arena, text_str(&text));
    text_fini(&text);
    return word_token(lexer, place, copy, false);
}

struct token lexer_next(struct lexer *lexer)
{
    skip_blanks(lexer);
    int c = peek(lexer, 0);
    if (c < 0)
        return mark_token(lexer, TOKEN_END, 0);
    if (c == '\n') {
        struct token token = mark_token(lexer, TOKEN_BREAK, 1);
        next_line(lexer, 0);
        return token;
    }
    if (c == ';')
        return mark_token(lexer, TOKEN_BREAK, 1);
    if (c == '"')
        return quoted_word(lexer);
    if (lexer->is_condition && (c == '(' || c == ')')) {
        struct place place = place_of(lexer, lexer->at, 1);
        lexer->at++;
        return word_token(lexer, place, c == '(' ? STR("(") : STR(")"), false);
    }
    return bare_word(lexer);
}
