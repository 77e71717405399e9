/*
 * A `list` block, plain; and the compiled list that `listed(NAME)` and `@NAME` ask.
 */
#ifndef ACL_LIST_CONF_H
#define ACL_LIST_CONF_H

#include "base/opener.h"
#include "base/word.h"

#include <stdint.h>

enum list_format {
    LIST_AUTO,
    LIST_DOMAINS,
    LIST_HOSTS,
    LIST_ADBLOCK,
    LIST_DNSMASQ,
    LIST_RPZ,
    LIST_CATEGORY,
    LIST_CIDR
};

struct list_file {
    struct word path; /* as written, for messages */
    const char *absolute;
    bool optional; /* missing: an empty list and a warning */
};

struct list_conf {
    struct word name;
    struct list_file *files;
    size_t file_count;
    enum list_format format;
    int exact;             /* 1 on, 0 off, -1: by format (on for hosts lines) */
    unsigned bad_percent;  /* default 1 */
    struct list *compiled; /* by list_compile(), reference-counted; NULL where lists are not loaded (the supervisor) */
};

/* Reads all files through `opener` and compiles the set; mistakes go to `diag`. NULL on failure. One reference. When
   `previous` (may be NULL) was made from the same files, unchanged by device, inode, size and times, it is shared
   instead. */
struct list *list_compile(const struct list_conf *conf, struct opener *opener, struct list *previous,
                          struct diag *diag);
struct list *list_ref(struct list *list);
void list_unref(struct list *list);

#endif
