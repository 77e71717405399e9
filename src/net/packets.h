/*
 * Packets of one size over a SOCK_SEQPACKET pair, several in one call.
 */
#ifndef NET_PACKETS_H
#define NET_PACKETS_H

#include <stdbool.h>
#include <stddef.h>

enum { PACKETS_MAX = 8 };

/* Takes what is there, up to `most` (at most PACKETS_MAX) packets of `size` bytes, into an array. Returns how many,
   fewer when no more are there; -1: the other side is gone, or a packet had another size. */
int packets_receive(int fd, void *into, size_t size, int most);
/* Waits until the other side has room for all. False: it is gone. */
bool packets_send(int fd, const void *from, size_t size, int count);

#endif
