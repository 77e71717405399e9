/*
 * Cuts the text of a configuration file into words, each with its place.
 *
 * A word is bare characters or "quoted". `{` and `}` count only as words of their own; `;` and the end of a line end a
 * statement; a backslash at the end of a line continues it; `#` opens a comment where a word could begin. Behind an
 * unquoted `if`, `(` and `)` are words too. `${env.NAME}` is replaced in any word. A mistake is reported and mended on
 * the spot (a quote is closed at the end of its line, a glued brace is cut off), so that the rest of the file is read
 * as it was meant.
 */
#ifndef CONF_LEXER_H
#define CONF_LEXER_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/word.h"

#include <stdbool.h>

enum token_kind {
    TOKEN_WORD,
    TOKEN_OPEN,  /* { */
    TOKEN_CLOSE, /* } */
    TOKEN_BREAK, /* the end of a line, or ; */
    TOKEN_END
};

struct token {
    enum token_kind kind;
    struct word word; /* its place also for the other kinds */
};

struct lexer {
    struct str text;
    const char *file; /* as shown in messages */
    struct arena *arena;
    struct diag *diag;
    size_t at;         /* of the next byte */
    size_t line_start; /* of the line it is in */
    unsigned line;
    struct str line_text;
    bool is_condition; /* behind the `if` of this statement */
    bool has_word;     /* this statement has begun */
    bool is_cut;       /* at a control character: the rest is not read */
    bool has_mistake;  /* some word could not be read; whoever takes note of it sets it back */
    bool lost_brace;   /* in a quote that is not closed: which block ends where is not known */
};

/* `text`, `file` and `arena` outlive all words; the text is not copied for the places' lines. */
void lexer_init(struct lexer *lexer, struct str text, const char *file, struct arena *arena, struct diag *diag);
struct token lexer_next(struct lexer *lexer);

#endif
