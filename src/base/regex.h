/*
 * Regular expressions of the configuration (PCRE2, on bytes, compiled once, with JIT where the system lets us).
 *
 * Every match is bounded in steps, depth and memory. One that hits a bound is neither a match nor none: the caller must
 * fail closed. A dot matches any byte, also a line feed, and $ only the very end, so that no rule is passed by an odd
 * byte. A compiled expression is immutable and is used by all threads at once; scratch memory belongs to the thread.
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct regex;

enum regex_result { REGEX_NO_MATCH, REGEX_MATCH, REGEX_LIMIT };

enum { REGEX_WHY_MAX = 160, REGEX_GROUPS = 10 };

/* On failure NULL; `why` is then a message without a final stop, and *ret_at the index of the byte where it went
   wrong. */
struct regex *regex_new(struct str pattern, char why[REGEX_WHY_MAX], size_t *ret_at);
void regex_free(struct regex *regex);

/* How many groups the pattern has, not counting the whole match. */
unsigned regex_group_count(const struct regex *regex);

/* Looks for a match anywhere in the text. When there is one, the first `count` of `ret_groups` (at most REGEX_GROUPS;
   NULL and 0: none wanted) are set: 0 the whole match, 1… the groups, at == NULL for one that took no part. They point
   into `text`. */
enum regex_result regex_match(const struct regex *regex, struct str text, struct str *ret_groups, size_t count);

/* Frees this thread's scratch memory: at the end of a thread. */
void regex_thread_done(void);

#endif
