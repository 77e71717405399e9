/*
 * What is wrong with a file, with its place: collected all, shown in the order of the text.
 *
 *   gatehouse.conf:14:5: unknown directive 'compres' in a reverse block
 *       14 |     compres gzip br
 *          |     ^~~~~~~ did you mean 'compress'?
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/arena.h"
#include "base/str.h"
#include "base/text.h"

#include <stdbool.h>

/* Lines and columns count from 1; a column is one of bytes. `text` is the whole line, without its end. */
struct place {
    const char *file; /* as shown to the reader; NULL: no place */
    unsigned line;
    unsigned column;
    unsigned width; /* bytes that the caret underlines, at least 1 */
    struct str text;
};

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag_item;

struct diag {
    struct arena arena;
    struct diag_item *first;
    struct diag_item **last;
    unsigned errors;
    unsigned warnings;
    bool strict; /* warnings count as errors (`check --strict`) */
};

void diag_init(struct diag *diag);
void diag_fini(struct diag *diag);

/* The message is one line without a final stop. `hint` (may be NULL) goes behind the caret: what was expected, or the
   nearest known name. Both are copied, and so are the place's file and text. The same message at the same place is kept
   once. */
void diag_add(struct diag *diag, enum diag_level level, const struct place *place, const char *hint, const char *format,
              ...) __attribute__((format(printf, 5, 6)));
void diag_vadd(struct diag *diag, enum diag_level level, const struct place *place, const char *hint,
               const char *format, va_list args) __attribute__((format(printf, 5, 0)));

/* Errors, or anything at all when strict. */
bool diag_has_failed(const struct diag *diag);
/* All of it, sorted by file (in the order in which files first appear), line and column. */
void diag_show(const struct diag *diag, struct text *into);
/* The same, on standard error. */
void diag_print(const struct diag *diag);

/* The known name nearest to `word` (Damerau-Levenshtein, at most a third of its length, at least 1), or NULL. `names`
   ends with NULL; of several that are as near, the first. */
const char *diag_nearest(struct str word, const char *const *names);

#endif
