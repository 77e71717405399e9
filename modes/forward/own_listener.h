/*
 * Is an address one of gatehouse's own listeners? The way through the proxy to the proxy is closed unless `deny-private
 * off`.
 */
#ifndef FORWARD_OWN_LISTENER_H
#define FORWARD_OWN_LISTENER_H

#include "proxy/generation.h"

#include <stdbool.h>

/*
 * A listener on all interfaces is reached through any address of this machine. The kernel is asked each time whether an
 * address is one: addresses come and go, whole ranges can be local by a route, and a list that is a moment old is a way
 * in. It is three calls that never wait, and made only for a destination that has the port of such a listener.
 */
bool is_own_listener(const struct generation *generation, const struct ip *ip, uint16_t port);

#endif
