/*
 * What is at hand while a configuration is loaded; between the files of this folder only.
 *
 * The text becomes a tree (tree.h); the names it defines are declared (names.h); then each block is read by the table
 * (block.h), whose setters (setters.h) fill the structs of the configuration. The blocks of the modes come last, so
 * that they find everything else.
 */
#ifndef CONF_LOADING_H
#define CONF_LOADING_H

#include "conf/config.h"
#include "conf/directives.h"
#include "conf/loader.h"
#include "conf/names.h"
#include "conf/tree.h"

struct mode_draft;

struct loading {
    struct config *config;
    struct arena *arena; /* the configuration's */
    struct opener *opener;
    struct diag *diag;
    const struct conf_options *options;
    struct config *previous;
    struct tree tree;
    struct names names[NAME_KIND_COUNT]; /* at top level */
    const char **paths;
    size_t path_count;
    struct deferred { /* the statements of mode blocks: read when all else is */
        struct setting *settings;
        size_t count;
    } modes;
    struct named **mode_acls; /* of all mode blocks, for the lint */
    size_t mode_acl_count;
    const struct word *log_off; /* the `off` of `log off` */
};

/* A block (or the options of a line) that is being read. */
struct scope {
    struct loading *load;
    unsigned kind;           /* one BLOCK_… or OPTIONS_… */
    void *target;            /* the struct that its rows fill */
    struct mode_draft *mode; /* in a mode block, whatever is inside it */
    const struct scope *outer;
    const struct word *seen[DIRECTIVES_MAX]; /* the first of each row, also of one with a mistake */
    bool has_unknown; /* some statement could not be understood: what seems to be missing may be that one */
};

/* A statement, taken apart by its row. */
struct setting {
    const struct directive *row;
    const struct statement *statement;
    const struct word *name; /* the directive's */
    const struct word *args;
    size_t count;
    const struct word *options;
    size_t option_count;
    const struct word *as;      /* NULL: none */
    const struct word *if_word; /* NULL: no condition */
    const struct word *when;
    size_t when_count;
};

/* The path of a word, absolute and normalised; NULL when it is none. It becomes one of config->paths. */
const char *loading_path(struct loading *load, const struct word *word);
/* FILE:LINE */
struct str loading_brief(struct loading *load, const struct place *place);

__attribute__((format(printf, 4, 5))) bool mistake(struct loading *load, const struct word *at, const char *hint,
                                                   const char *format, ...);
/* "(the first is in line 4)", or with the file where that is another one. */
const char *loading_where(struct loading *load, const struct word *first, const struct word *second);

#endif
