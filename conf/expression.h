/*
 * Reads the condition of a rule: EXPRESSION = NAME | KIND(VALUE ...) | not E | E and E | E or E | ( E )
 *
 * `not` binds tighter than `and`, `and` tighter than `or`, left to right. Each condition and acl is held against the
 * phases that are known where the rule stands, so that none is asked for what it can never know.
 */
#ifndef CONF_EXPRESSION_H
#define CONF_EXPRESSION_H

#include "conf/loading.h"

enum {
    EXPRESSION_DEPTH_MAX = 32,      /* parentheses and nots inside one another */
    EXPRESSION_CONDITIONS_MAX = 256 /* in one expression */
};

/* Where an expression stands. */
struct expression_place {
    const struct names *acls;
    unsigned phases;   /* 1 << PHASE_… of those that may be asked */
    bool knows_hello;  /* of a tunnel, once it is open */
    const char *title; /* "a 'redirect' of a reverse block" */
};

/* NULL after reporting. `if_word` is the `if` before the words. */
const struct expression *expression_read(struct loading *load, const struct expression_place *place,
                                         const struct word *if_word, const struct word *words, size_t count);

/* KIND VALUE..., as behind `acl NAME`; NULL after reporting. The configuration owns what it compiled. */
const struct expression *condition_read(struct loading *load, const struct word *kind, const struct word *values,
                                        size_t count);
/* NULL-terminated. */
const char *const *condition_names(struct loading *load);

#endif
