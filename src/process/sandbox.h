/*
 * What the worker, the keeper and acme give up before they read the first byte of anybody: its user, every capability,
 * new privileges, being dumped or traced, files (but for reading what its user may read), and every system call that it
 * does not need.
 *
 * Parts that a container or an old kernel does not have are told as warnings, not failures; the change of user is a
 * must.
 */
#ifndef PROCESS_SANDBOX_H
#define PROCESS_SANDBOX_H

#include "base/text.h"
#include "process/identity.h"

#include <stdbool.h>

/* The keeper reads, writes, and waits; it cannot even open a file. Who orders certificates runs another program: it has
   a user of its own and no rights, but files and system calls are those of that user. */
enum sandbox_kind { SANDBOX_WORKER, SANDBOX_KEEPER, SANDBOX_ACME };

/* On the main thread, before there is another. False: the user could not be changed (`ret_notes` says why). What is
   missing is added to `ret_notes`, a line each. */
bool sandbox_enter(const struct identity *identity, enum sandbox_kind kind, bool is_whole, struct text *ret_notes);

/* The parts; each adds a line when it cannot be had. sandbox_filter() is the list of system calls: a file of its own,
   chosen by the build, since the run-time of a sanitizer needs more than can be allowed. */
void sandbox_files(struct text *ret_notes);
void sandbox_filter(enum sandbox_kind kind, struct text *ret_notes);

#endif
