/*
 * Connects to one of several addresses by happy eyeballs (RFC 8305): families interleaved, the next attempt 250 ms
 * after the last, or at once when it failed; the first that connects wins, the others are closed.
 *
 * Policy is asked at the moment of dialling, about the very address that is dialled: the predicate gets each one before
 * connect().
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/addr.h"
#include "base/clock.h"
#include "loop/task.h"
#include "net/resolver.h"
#include "net/transport.h"

#include <stdbool.h>

/* Pure: may this address be dialled? Undialable ones (ip_is_undialable) are refused before it is asked. NULL: all
   others may. */
struct dial_policy {
    bool (*may)(const struct dial_policy *policy, const struct ip *ip, uint16_t port);
};

enum dial_result {
    DIAL_OK,
    DIAL_NO_NAME,
    DIAL_NAME_FAILED,
    DIAL_NAME_TIMEOUT,
    DIAL_DENIED,
    DIAL_REFUSED,
    DIAL_TIMEOUT
};

struct dial;

/* To a numeric or unix address. */
struct dial *dial_address(const struct addr *to, msec connect_timeout, const struct dial_policy *policy);
/* To a name (normal form, no address): resolves, then tries. `policy` is borrowed and must live as long as the dial. */
struct dial *dial_name(struct resolver *resolver, struct str host, uint16_t port, msec connect_timeout,
                       const struct dial_policy *policy);

/* END: connected; FAIL: dial_result_of() says why. */
enum flow dial_poll(struct dial *dial, struct task *who);
enum dial_result dial_result_of(const struct dial *dial);
/* After END: the connection, now the caller's; and the address it went to. */
struct transport *dial_take(struct dial *dial, struct addr *ret_peer);
void dial_free(struct dial *dial);

#endif
