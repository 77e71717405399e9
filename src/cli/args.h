/*
 * The words of a command line, read by a table of the options that a command takes.
 *
 *   --name VALUE, --name=VALUE, -c VALUE, --switch, --name VALUE... (all words up to the next option)
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct option_row {
    const char *name;  /* "--listen", "-c" */
    const char *value; /* as usage shows it: "ADDRESS", "HOST..."; NULL: a switch */
    bool repeats;      /* may be given more than once; a value that ends in "..." takes many words */
    bool is_needed;
    const char *help;
};

enum { ARGS_MAX = 1024 };

struct args {
    const struct option_row *rows; /* ends with a row whose name is NULL; may be NULL */
    struct given_option {
        const struct option_row *row;
        const char *value; /* "" for a switch */
    } * options;
    size_t option_count;
    const char **words; /* that belong to no option */
    size_t word_count;
};

/* `words` are those behind the command's name; borrowed. False: `ret_why` says what is wrong, one line. */
bool args_read(struct args *args, const struct option_row *rows, int count, char *const *words, struct text *ret_why);
void args_free(struct args *args);

bool args_has(const struct args *args, const char *name);
/* The only, or the last value; NULL when it was not given. */
const char *args_get(const struct args *args, const char *name);
/* The `index`-th value; NULL behind the last. */
const char *args_nth(const struct args *args, const char *name, size_t index);

#endif
