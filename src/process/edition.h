/*
 * A configuration as the supervisor knows it: what it says of listeners, user, logs and paths (lists are not compiled
 * here), and the very bytes of every file that was read for it.
 *
 * The worker loads the same bytes: a file that changes in between is not seen by halves, and a worker that is started
 * again after a crash gets the configuration that was in force, not what somebody has begun to write since. The same
 * goes for certificates and keys.
 */
#ifndef PROCESS_EDITION_H
#define PROCESS_EDITION_H

#include "base/opener.h"
#include "conf/config.h"
#include "process/identity.h"
#include "process/pairs.h"

struct edition {
    unsigned refs;
    struct config *config;
    struct identity identity;
    unsigned threads;
    struct kept *kept; /* the files' bytes */
    struct pairs
        pairs; /* certificates; the one part that changes, when one is replaced while the configuration stays */
};

/* What to load: a file, or a text that stands for one of that name. `path` is absolute. */
struct edition_source {
    const char *path;
    const char *text; /* NULL: read the file */
};

/* NULL after reporting. Warnings may be reported on success too. */
struct edition *edition_load(const struct edition_source *source, struct diag *diag);
struct edition *edition_ref(struct edition *edition);
void edition_unref(struct edition *edition);

/* What the worker may have: a file's bytes as they were read (the hosts file, which is followed, as it is now), any
   other path that the text names, and the system's own tables (hosts, resolver, time zones). Else -1 with EACCES. */
int edition_open(const struct edition *edition, const char *path, enum open_purpose purpose);

/* What a reload has changed, a line each: files of the configuration, listeners, blocks, pools, lists. */
void edition_compare(const struct edition *before, const struct edition *after, struct text *into);

#endif
