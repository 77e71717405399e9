/*
 * Is an address one of gatehouse's own listeners? The way through the proxy to the proxy is closed unless `deny-private
 * off`.
 */
#ifndef FORWARD_OWN_H
#define FORWARD_OWN_H

#include "proxy/generation.h"

#include <stdbool.h>

/* A listener on all interfaces is reached through any address of this machine; the kernel is asked whether it is one.
 */
bool is_own_listener(const struct generation *generation, const struct ip *ip, uint16_t port);

#endif
