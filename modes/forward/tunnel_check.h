/*
 * What becomes of an open tunnel to port 443 when it is known what its client sends first: `tunnel-check`, then the
 * rules once more with what the ClientHello tells. Pure; the live mode, `test` and `explain` call it alike.
 *
 * The name in the hello takes the place of the host that the tunnel was asked for, so that no tunnel that was asked for
 * an allowed name carries another; and `tls-sni` is known now. Whatever does not come out allowed ends the tunnel.
 */
#ifndef FORWARD_TUNNEL_CHECK_H
#define FORWARD_TUNNEL_CHECK_H

#include "modes/forward/decide.h"
#include "net/client_hello.h"

/* Is a request one whose tunnel is looked into? */
bool tunnel_check_applies(const struct facts *facts);

/* True: it goes on. False: `decision`, which let the tunnel be opened, is a denial now, and the facts were told. */
bool tunnel_check(const struct forward_conf *block, struct facts *facts, const struct client_hello *hello,
                  struct arena *arena, struct forward_decision *decision);

/* For what nobody has sent: the hello of a client that asks for `name` (at == NULL, or an address: it names none). */
struct client_hello tunnel_check_imagine(struct str name, bool is_ip);

#endif
