/*
 * What exchanges ask of their hub; for proxy/ only.
 */
#ifndef PROXY_HUB_PRIVATE_H
#define PROXY_HUB_PRIVATE_H

#include "proxy/hub.h"

struct facts;

struct upstreams *hub_upstreams(struct hub *hub);
/* More than 95 % of the memory limit is in use: new requests are answered 503. */
bool hub_is_overloaded(const struct hub *hub);

void hub_exchange_began(struct hub *hub);
void hub_tunnel_began(struct hub *hub);
void hub_tunnel_ended(struct hub *hub);
void hub_count_answer(struct hub *hub, const struct facts *facts);

#endif
