/*
 * The names that a configuration defines – lists, logs, pools, acls, mode blocks – and what refers to them.
 *
 * They are declared before anything is read, because a definition may follow its use; the memory of what they stand for
 * is there from then on, and does not move.
 */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include "base/map.h"
#include "base/word.h"

#include <stdbool.h>

struct loading;
struct scope;
struct block;
struct statement;
struct expression;

struct named {
    struct word name;
    const struct statement *statement;
    void *conf;                          /* struct list_conf, log_conf, pool_conf, reverse_conf or forward_conf */
    const struct expression *expression; /* of an acl, which is read at its first use; NULL after a mistake */
    bool is_read;
    bool is_used;
    struct named *next;
};

struct names {
    struct map map;
    struct named *first;
    struct named **last;
    size_t count;
    const struct names *outer; /* of a mode block's acls: those at top level */
};

void names_init(struct names *names, const struct names *outer);
void names_fini(struct names *names);

/* Declares what the block's statements define, each in `names[KIND]`; only acls when the block is not the top one. A
   second of one name is reported, and not declared. */
void names_declare(struct loading *load, const struct block *block, unsigned block_kind, struct names *names);
struct named *names_find(const struct names *names, struct str name);
/* What the statement declared; NULL when it was a second one, or had no good name. */
struct named *names_of_statement(const struct names *names, const struct statement *statement);
/* Finds, and marks as used; reports an unknown one with the nearest. `what`: "pool". */
struct named *names_refer(struct loading *load, const struct names *names, const char *what, const struct word *word);
/* NULL-terminated, in the loader's arena, the outer ones included; `more` (may be NULL) is put behind. */
const char *const *names_all(struct loading *load, const struct names *names, const char *const *more);

#endif
