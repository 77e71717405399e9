/*
 * Files in memory that nobody can change any more: what a file held at one moment.
 */
#ifndef PROCESS_FROZEN_H
#define PROCESS_FROZEN_H

#include <stddef.h>

/* A descriptor at the first byte, which the caller owns, or -1 with errno. */
int frozen_bytes(const char *bytes, size_t len);
/* The same of what stands in the open file `from`, at most `limit` bytes of it, with the same permissions. Nothing of
   it is read into this process: the kernel copies it. */
int frozen_copy(int from, size_t limit);

#endif
