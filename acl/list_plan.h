/*
 * Which files a list is made of: the configured ones, and those in configured folders. For acl/list*.c only.
 */
#ifndef ACL_LIST_PLAN_H
#define ACL_LIST_PLAN_H

#include "acl/list_set.h"

/* A file to be read. Text is on the heap. */
struct list_planned {
    const struct list_file *file; /* of the configuration */
    char *shown;                  /* as messages name it */
    char *absolute;
    const char *inner;       /* in a folder: the end of `absolute` that is relative to file->absolute; else NULL */
    enum list_format format; /* LIST_AUTO: to be found out */
    struct list_identity identity;
};

struct list_plan {
    struct list_planned *at;
    size_t count;
    size_t room;
};

/* Finds and identifies the files of `conf`. False after mistakes went to `diag`. */
bool list_plan_make(struct list_plan *plan, const struct list_conf *conf, struct opener *opener, struct diag *diag);
void list_plan_fini(struct list_plan *plan);

/* A descriptor of a regular file with its identity, or -1 with errno. */
int list_plan_open(const struct list_planned *planned, struct opener *opener, struct list_identity *ret_identity);
bool list_identity_eq(const struct list_identity *a, const struct list_identity *b);

#endif
