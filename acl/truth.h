/*
 * The answers that a condition can give, and the entry of a list that decided.
 */
#ifndef ACL_TRUTH_H
#define ACL_TRUTH_H

#include "base/str.h"

enum truth {
    TRUTH_NO,
    TRUTH_YES,
    TRUTH_UNKNOWN, /* never to be known for this request */
    TRUTH_LATER,   /* would be known with the address (PHASE_DIAL) or the answer (PHASE_RESPONSE) */
    TRUTH_FAILED /* could not be found out, through a limit of ours: a pattern that ran too long. Whoever asks must fail
    closed */
};

/* Which entry of a list decided; `list` has at == NULL when none did. Borrowed from the list. */
struct match {
    struct str list;
    const char *file;
    unsigned line;
};

/* "no", "yes", "unknown", "later", "failed" */
const char *truth_word(enum truth truth);

#endif
