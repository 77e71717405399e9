/*
 * A word of a configuration file with its place, as the lexer hands it out and as every module's *_conf.h takes it.
 */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include "base/diag.h"
#include "base/str.h"

#include <stdbool.h>

struct word {
    struct str text; /* unquoted, environment variables replaced; lives in the configuration's arena, NUL-terminated */
    struct place place;
    bool quoted;
};

/* The place of `width` bytes at `offset` inside the word; the whole word where its text is not as it stands in the
   file. */
struct place word_place_at(const struct word *word, size_t offset, size_t width);

#endif
