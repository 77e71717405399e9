/*
 * The glob of an `include`: `*`, `?` and `[…]` in any part of a path. Folders are read through the opener, so that a
 * worker in its sandbox finds the same files.
 */
#ifndef CONF_INCLUDE_H
#define CONF_INCLUDE_H

#include "base/arena.h"
#include "base/opener.h"

enum { INCLUDE_FOUND_MAX = 1000 };

struct include {
    const char *folder; /* absolute: what the path is relative to */
    struct arena *arena;
    struct opener *opener;

    const char **paths; /* found, as they are written: relative when the glob was; sorted by bytes */
    size_t count;
    const char **folders; /* that were looked into, absolute */
    size_t folder_count;
    const char *why;
};

/* A path without a glob is found without looking. A glob that matches nothing is no mistake; a folder that cannot be
   read is one: false, with `why`. Names that begin with a dot are matched by a dot only. */
bool include_find(struct include *include, struct str path);

#endif
