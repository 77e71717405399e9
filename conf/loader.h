/*
 * Loads a configuration: reads it, checks all of it, tells every mistake in one run, and gives the result or nothing.
 */
#ifndef CONF_LOADER_H
#define CONF_LOADER_H

#include "conf/config.h"

#include "base/diag.h"
#include "base/opener.h"

/* All zero: the file is read, its lists are compiled, its folders opened. */
struct conf_options {
    struct str text;         /* stands in place of the file's contents (the one-liners); at == NULL: the file is read */
    bool is_shallow;         /* for the supervisor: lists are not compiled, no folder is kept open */
    bool looks_for_programs; /* one that is needed and not there is a mistake; not in the worker, which cannot look */
};

/* `path` names the main file, or is what messages call the text; what it names is relative to its folder. Mistakes and
   warnings go to `diag`; NULL when there are mistakes (with diag->strict: also when there are warnings). Compiled lists
   of `previous` (may be NULL) whose files have not changed are shared. `test` blocks are read, not run. The result has
   one reference. */
struct config *conf_load(const char *path, const struct conf_options *options, struct opener *opener,
                         struct config *previous, struct diag *diag);

/* The folder of `state` when the text does not say; NULL: a user without a home. Freed by the caller. What the
   environment says under STATE_VARIABLE comes first: so the worker, who is somebody else, means the same folder as its
   supervisor. */
#define STATE_VARIABLE "GATEHOUSE_STATE"
char *state_default_path(void);

#endif
