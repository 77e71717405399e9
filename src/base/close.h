/*
 * Closing what failed on its way.
 */
#ifndef BASE_CLOSE_H
#define BASE_CLOSE_H

/* Closes a descriptor (-1: none) and leaves errno, which says what had failed, as it is. Returns -1. */
int close_quietly(int fd);

#endif
