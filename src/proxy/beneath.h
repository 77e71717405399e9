/*
 * Opens a file below a folder, by a path that a stranger has chosen: never one outside, whatever the path or a link
 * says.
 */
#ifndef PROXY_BENEATH_H
#define PROXY_BENEATH_H

#include <stdbool.h>

/* A descriptor for reading (regular file or folder; does not block on a FIFO), or -1 with errno. `path` is relative and
   has no "..". Links are followed as long as they stay below the folder. */
int open_beneath(int folder, const char *path);
/* The same where the kernel has no openat2(): component by component, and no link at all is followed. */
int open_beneath_slowly(int folder, const char *path);

#endif
