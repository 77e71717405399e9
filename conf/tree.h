/*
 * A configuration as a tree of statements, before anybody has looked at what they mean.
 *
 * `include` is done here: the statements of the files that its glob names stand where it stood. Every mistake of form
 * is reported here: a block that is not closed (at its brace), a brace that closes nothing, a file that cannot be read
 * or includes itself. Everything lives in the arena that was given.
 */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/opener.h"
#include "base/word.h"

enum {
    TREE_FILE_MAX = 4 * 1024 * 1024,   /* bytes of a file */
    TREE_TOTAL_MAX = 32 * 1024 * 1024, /* of all */
    TREE_FILES_MAX = 1000,
    TREE_DEPTH_MAX = 16,    /* blocks in blocks, and files in files */
    TREE_MISTAKES_MAX = 200 /* after so many nothing more is looked at */
};

struct source_file {
    const char *shown;                /* as in messages; the pointer itself is place.file of all words of the file */
    const char *absolute;             /* normalised */
    const char *folder;               /* absolute, normalised: what paths in it are relative to */
    const char *brief;                /* relative to the main file's folder where it is below that: for FILE:LINE */
    const struct source_file *parent; /* that includes it */
    struct source_file *next;
    bool is_text; /* text was given in place of the file */
};

struct statement {
    const struct word *words;
    size_t count;              /* at least 1 */
    const struct block *block; /* NULL: none */
    struct statement *next;
    bool has_mistake; /* already reported: some word could not be read */
};

struct block {
    struct statement *first;
    struct place open; /* of its brace; no place for the whole */
};

struct tree {
    struct block top;
    struct source_file *files; /* in the order in which they were read */
    size_t file_count;
    size_t total;
    const char **folders; /* that globs looked into, absolute */
    size_t folder_count;
    bool is_unbalanced; /* a brace too many or too few was reported: where a statement stands is not certain */

    struct arena *arena;
    struct opener *opener;
    struct diag *diag;
    struct source_file **last;
};

/* Reads `path` and all that it includes, or `text` in place of the path (text.at != NULL). Reports to `diag`; the tree
   holds what could be read. */
void tree_read(struct tree *tree, const char *path, struct str text, struct opener *opener, struct arena *arena,
               struct diag *diag);

const struct source_file *tree_file(const struct tree *tree, const char *shown);

/* `path` in the folder, or as it is when absolute; without empty, `.` and `..` parts. */
const char *path_in(struct arena *arena, const char *folder, struct str path);

#endif
