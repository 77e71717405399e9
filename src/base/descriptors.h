/*
 * How many descriptors are left, so that accepting pauses before they run out. Counted for the whole process by those
 * who open connections: each client is reckoned as two, since it may need a connection to a server; idle connections to
 * servers come on top.
 */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

#include <stdbool.h>

/* `most`: RLIMIT_NOFILE; `used`: what is open already and stays so. At each configuration. */
void descriptors_set(unsigned most, unsigned used);

/* One more (1) or less (-1): a client; an idle connection to a server; something else (a kernel pipe, a file). */
void descriptors_client(int change);
void descriptors_idle(int change);
void descriptors_other(int change);

/* Of clients, right now, over all threads. */
unsigned descriptors_clients(void);
/* False: fewer than max(16, 1/16 of all) would be free if every client had its second. */
bool descriptors_may_accept(void);
/* Accepting is near its end: connections are better not kept alive. */
bool descriptors_are_short(void);
/* May something that can be done without take `count`? */
bool descriptors_can_spare(int count);

#endif
