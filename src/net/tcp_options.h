/*
 * What every TCP socket of ours is set to.
 */
#ifndef NET_TCP_OPTIONS_H
#define NET_TCP_OPTIONS_H

#include "base/addr.h"

/* For a socket that will connect to `addr`, or listen on it (what is accepted inherits all of it, and so costs no
   call): what is written leaves at once, and nothing is paced where the address is one of loopback. Nothing is done to a
   unix socket. */
void tcp_set_options(int fd, const struct addr *addr);

#endif
