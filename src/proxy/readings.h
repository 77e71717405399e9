/*
 * The second reading of a path (http/path.h), and whether it was decided like the first. For the modes' pure decisions.
 */
#ifndef PROXY_READINGS_H
#define PROXY_READINGS_H

#include "acl/verdict.h"

#include <stdbool.h>

/* Of a canonical path; the path itself when there is only one reading (of `*`, or of none, too). */
struct str second_reading(struct arena *arena, struct str path);

/* `a` and `b` are the verdicts on the two readings, the paths what rewrites have made of them: the same action by the
   same rule, the same rules reached on the way, and two readings of one path still. */
bool readings_agree(const struct verdict *a, struct str path_a, const struct verdict *b, struct str path_b,
                    struct arena *arena);

#endif
