/*
 * Expressions of the policy language, as the loader builds them and as verdict.c asks them. Immutable once built; all
 * memory in the configuration's arena (compiled regular expressions are released with expression_fini()).
 *
 *     EXPRESSION = NAME | KIND(VALUE ...) | not E | E and E | E or E | ( E )
 */
#ifndef ACL_ACL_CONF_H
#define ACL_ACL_CONF_H

#include "acl/truth.h"
#include "base/arena.h"
#include "base/word.h"
#include "http/facts.h"

#include <stdbool.h>

struct list;
struct list_conf;
struct opener;
struct condition; /* compiled values of one condition; each kind has its own struct behind it */

/* What a condition's parser needs to know of the rest of the file. */
struct acl_scope {
    struct arena *arena;
    struct diag *diag;
    /* The list of that name, or NULL when there is none (the parser then reports it, with the nearest name). The list
       may be compiled later: hold the pointer to the list_conf. */
    const struct list_conf *(*find_list)(const struct acl_scope *scope, struct str name);
    const char *const *(*list_names)(const struct acl_scope *scope);
    struct opener *opener; /* time zones */
    void *user;            /* the loader's */
};

/* What of a tunnel (CONNECT) a condition can know. */
enum condition_tunnel {
    TUNNEL_SAME,  /* as much as of any request */
    TUNNEL_PARTS, /* something, but not what is inside: the fields are those of the CONNECT */
    TUNNEL_NEVER,
    TUNNEL_HELLO /* what its first bytes tell once it is open; of no other request anything */
};

/* A row of the table of kinds. */
struct condition_kind {
    const char *name;
    enum phase phase;
    unsigned min_values; /* 0: may be written bare */
    unsigned max_values; /* UINT_MAX: any number */
    const char *values;  /* for the manual: "CIDR..." */
    const char *help;    /* one line */
    /* Compiles `count` words (between min_values and max_values); NULL after reporting at the word's place. */
    struct condition *(*parse)(const struct acl_scope *scope, const struct word *values, size_t count);
    /* Asks it. *ret_match is set (with TRUTH_YES) by a kind that lists can decide. */
    enum truth (*truth)(const struct condition *condition, const struct facts *facts, struct match *ret_match);
    /* Releases what is not in the arena; harmless when done twice. NULL: nothing is. */
    void (*fini)(struct condition *condition);
    enum condition_tunnel tunnel;
};

/* Ends with a row whose name is NULL. */
extern const struct condition_kind condition_kinds[];
const struct condition_kind *condition_kind_find(struct str name);

enum expression_op { EXPRESSION_CONDITION, EXPRESSION_NOT, EXPRESSION_AND, EXPRESSION_OR };

struct expression {
    enum expression_op op;
    struct place place; /* of the condition or acl name, for phase errors */
    struct str name;    /* as the administrator wrote it: "office", "source(…)": for explain */
    const struct condition_kind *kind;
    const struct condition *condition;
    const struct expression *left; /* also of NOT */
    const struct expression *right;
    enum phase phase; /* the latest phase of anything inside */
};

/* Frees what is not in the arena. Harmless for a condition that several expressions share (an acl). */
void expression_fini(const struct expression *expression);

#endif
