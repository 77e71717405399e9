/*
 * Reads a block by the table of directives: finds each statement's row, checks its form, and has its value set.
 */
#ifndef CONF_BLOCK_H
#define CONF_BLOCK_H

#include "conf/loading.h"

/* A scope inside `outer` (NULL: the whole file), which fills `target`. */
void scope_init(struct scope *scope, struct loading *load, const struct scope *outer, unsigned kind, void *target);
/* Sets the defaults of all rows that have one. */
void scope_set_defaults(struct scope *scope);
/* A statement of that name was there, or something that could not be understood and may have been one. */
bool scope_may_have(const struct scope *scope, const char *name);

void block_read(struct scope *scope, const struct block *block);
/* The options behind a statement's arguments, and its braces if it has them, into `target`, which gets the defaults
   first. */
bool options_read(const struct scope *scope, const struct setting *setting, void *target);

#endif
