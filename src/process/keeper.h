/*
 * The keeper: a process of its own that holds the private keys and signs with them. It reads nothing that a client has
 * sent but digests, and writes nothing but signatures; a key never leaves it.
 *
 * Its messages (channel.h): BEGIN, then KEY (a file to take the key of, answered with KEY_TAKEN or KEY_REFUSED), LINK
 * (the end of a line to a thread of a worker: keeper_protocol.h), FORGET_KEY, MAKE (a self-signed certificate,
 * answered with MADE or KEY_REFUSED). It ends when its supervisor does.
 */
#ifndef PROCESS_KEEPER_H
#define PROCESS_KEEPER_H

#include "base/opener.h"

/* How much nicer than others it is when it signs. */
enum { KEEPER_NICENESS = 15 };

int keeper_main(void);

/* For commands that have no keeper: opens files itself, and has each key looked at by a process that ends with that. */
struct opener *probing_opener(void);

#endif
