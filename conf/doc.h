/*
 * What the tables know, told: for `gatehouse doc [NAME]` and for the manual page gatehouse.conf(5).
 */
#ifndef CONF_DOC_H
#define CONF_DOC_H

#include "base/text.h"

#include <stdbool.h>

/* NULL: an overview of all directives. Else a directive, a kind of condition, a variable (`$host` or `host`), a value
   type (`DURATION`, `ADDRESS`), or one of the pages `conditions`, `variables`, `types`. False when there is no such name: the text
   then says so, with the nearest. */
bool doc_write(const char *name, struct text *into);
/* gatehouse.conf(5), in roff's man macros. `version` goes into its foot. */
void manual_write(const char *version, struct text *into);

/* Every name that doc_write() knows, NULL-terminated; for the shell's completion. The caller frees the array, not the
   names. */
const char **doc_names(void);

#endif
