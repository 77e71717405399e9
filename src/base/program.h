/*
 * Programs that are run beside ours.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* Looks for a program in the folders of PATH, or the system's usual ones when there is no PATH. False: there is none,
   or its path is longer than `size`. */
bool program_find(const char *name, char *ret, size_t size);

#endif
