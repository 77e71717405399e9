/*
 * THE table of directives. Each stands in it once: its name, the blocks it may stand in, its arguments with type, range
 * and default, and a line of help. The loader, its messages, gatehouse.conf(5) and `gatehouse doc` are made from it.
 *
 * How a directive is added: write a row in directives.c, in the section of its block. A row whose value has one of the
 * types below names the member it fills (MEMBER(struct …, …)) and needs no code at all. Any other row names a setter of
 * setters.h, a function that is given the statement already taken apart. Tests then ask for its help, for a sample in
 * tests/unit/test_doc.c of what its default does not tell, and for a word in docs/guide.md.
 *
 * Options that follow a directive's arguments in its line (`server ADDRESS weight 2`, `deny status 404`) are rows too:
 * of a block of their own, which the directive names as its `options`.
 */
#ifndef CONF_DIRECTIVES_H
#define CONF_DIRECTIVES_H

#include "base/str.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scope;
struct setting;

/* The blocks, and the sets of options; a row may stand in several. */
enum block_kind {
    BLOCK_TOP = 1 << 0,
    BLOCK_LIMITS = 1 << 1,       /* at top level */
    BLOCK_LIMITS_MODE = 1 << 2,  /* in a reverse or forward block */
    BLOCK_LIMITS_ROUTE = 1 << 3, /* in a route */
    BLOCK_TIMEOUTS = 1 << 4,
    BLOCK_TIMEOUTS_MODE = 1 << 5,
    BLOCK_TIMEOUTS_ROUTE = 1 << 6,
    BLOCK_RESOLVER = 1 << 7,
    BLOCK_LOG = 1 << 8,
    BLOCK_LIST = 1 << 9,
    BLOCK_POOL = 1 << 10,
    BLOCK_REVERSE = 1 << 11,
    BLOCK_ROUTE = 1 << 12,
    BLOCK_FORWARD = 1 << 13,
    BLOCK_TEST = 1 << 14,
    BLOCK_POOL_TLS = 1 << 15,
    BLOCK_TUNNEL_CHECK = 1 << 16,
    BLOCK_PASSTHROUGH = 1 << 17, /* a reverse block whose listeners pass TLS through */
    BLOCK_TIMEOUTS_PASSTHROUGH = 1 << 18,
    BLOCK_TLS = 1 << 19,    /* of a reverse or forward block */
    BLOCK_ACME = 1 << 20,   /* of `certificate auto` */
    OPTIONS_USER = 1 << 21, /* the first that is no block */
    OPTIONS_CONTROL = 1 << 22,
    OPTIONS_SERVER = 1 << 23, /* also in braces */
    OPTIONS_LISTEN = 1 << 24,
    OPTIONS_DENY = 1 << 25,
    OPTIONS_DENY_PASSTHROUGH = 1 << 26,
    OPTIONS_REDIRECT = 1 << 27,
    OPTIONS_RESPOND = 1 << 28,
    OPTIONS_EXPECT = 1 << 29
};

/* How blocks are called in messages and manual; ends with kind 0. */
struct block_name {
    unsigned kind;
    const char *name;  /* "reverse" */
    const char *title; /* "a reverse block"; of options "the options of 'deny'" */
};
extern const struct block_name block_names[];
const char *block_title(unsigned kind);
/* "in", or "at" for the top level. */
const char *block_preposition(unsigned kind);

enum value_type {
    VALUE_SPECIAL, /* read by the row's setter */
    VALUE_FLAG,    /* no argument: being there is true */
    VALUE_SWITCH,
    VALUE_DURATION,
    VALUE_SIZE,
    VALUE_BANDWIDTH,
    VALUE_PERCENT,
    VALUE_COUNT,
    VALUE_CHOICE, /* one of the row's words */
    VALUE_NAME,   /* const char * */
    VALUE_PATH,   /* const char *, absolute */
    VALUE_TEXT,   /* struct str */
    VALUE_TYPE_COUNT
};

/* What a type is called, how it is written, and examples; for manual and `gatehouse doc types`. */
struct value_doc {
    const char *label; /* "DURATION" */
    const char *help;
    const char *examples;
};
extern const struct value_doc value_docs[VALUE_TYPE_COUNT];
/* Likewise what directives and conditions read by themselves. A NULL label ends them. */
extern const struct value_doc word_docs[];

/* A word that stands for a value: `off`, `auto`, `round-robin`. */
struct value_word {
    const char *name; /* NULL ends the row's */
    uint64_t value;
};

enum body_need { BODY_NONE, BODY_OPTIONAL, BODY_REQUIRED };

/* What a statement makes a name for. */
enum name_kind { NAME_NONE, NAME_LIST, NAME_LOG, NAME_POOL, NAME_ACL, NAME_REVERSE, NAME_FORWARD, NAME_KIND_COUNT };

enum { MANY = 0x7fffffff };

struct directive {
    const char *name;
    unsigned blocks; /* BLOCK_… it may stand in */
    const char *help;

    /* arguments */
    enum value_type type;
    const char *arguments;          /* as the manual shows them; NULL: the label of the type */
    unsigned least, most;           /* how many words (VALUE_SPECIAL; one for the types, none for a flag) */
    uint64_t min, max;              /* of a number; max 0: no bounds */
    const struct value_word *words; /* besides the type's own values, or VALUE_CHOICE's */
    const char *fallback;           /* the default, as it would be written; NULL: none */
    const char *fallback_note;      /* what the manual says in its place */
    size_t offset, size;            /* of the member in the block's struct */

    /* form */
    bool repeats;       /* may stand more than once in a block */
    bool is_rule;       /* `as NAME` in front */
    bool has_condition; /* `if EXPRESSION` at the end; all rules */
    unsigned options;   /* OPTIONS_… that may follow the arguments; the number of these is fixed then */
    enum body_need body;
    enum name_kind makes;

    /* False when a mistake was reported. NULL: by type and member. */
    bool (*set)(struct scope *scope, const struct setting *setting);
};

/* In the order of the manual; ends with a row without a name. */
extern const struct directive directives[];
enum { DIRECTIVES_MAX = 160 };

/* The row of a name in a block; NULL when there is none. In a test block the method of a request stands for the row
   METHOD. */
const struct directive *directive_find(unsigned block, struct str name);
/* Some row of that name, from `after` (NULL: the first) on. */
const struct directive *directive_next(const struct directive *after, struct str name);
/* Whatever stands after the name, as the manual shows it: "N|auto", "[status N] [reason TEXT]". */
void directive_arguments(const struct directive *row, struct text *into);
/* The whole of it: "deny [as NAME] [status N] … [if EXPRESSION]". */
void directive_synopsis(const struct directive *row, struct text *into);
/* "1s to 1h", or nothing. */
void directive_range(const struct directive *row, struct text *into);

#endif
