/*
 * Whom the worker runs as. Found by the supervisor, which may read the user database; taken on by the worker.
 */
#ifndef PROCESS_IDENTITY_H
#define PROCESS_IDENTITY_H

#include "process/process_conf.h"

#include <stdbool.h>
#include <sys/types.h>

enum { IDENTITY_GROUPS_MAX = 64 };

struct identity {
    bool changes; /* false: the worker stays who started it */
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t groups[IDENTITY_GROUPS_MAX]; /* supplementary ones */
};

/* Of `user NAME [group NAME]`; when started by root the default is `gatehouse`, else `nobody`. False: `ret_why` (of
   `size` bytes) says what is missing. Started by anybody else, nothing changes. */
bool identity_find(const struct process_conf *conf, struct identity *ret, char *ret_why, size_t size);

/* A group's number; false when there is none of that name. */
bool identity_group(const char *name, gid_t *ret);

/* The keeper's: `gatehouse-keeper` where there is such a user, else a number of nobody's; so that not even the worker's
   user may look into it. Started by anybody else than root, nothing changes. */
void identity_of_keeper(struct identity *ret);

/* Likewise whoever orders certificates: `gatehouse-acme`, else another number of nobody's. */
void identity_of_acme(struct identity *ret);

bool identity_eq(const struct identity *a, const struct identity *b);

/* Takes it on, for good; false with errno. */
bool identity_assume(const struct identity *identity);

#endif
