/*
 * Names to addresses: c-ares with a cache, one resolver for each thread.
 *
 * Look-ups of one name that is being asked for join the query under way. Answers are kept for their TTL (the least of
 * the CNAME chain, within min-ttl and max-ttl), negative ones for the SOA's, at most 60 s; failures for 1 s. The hosts
 * file and resolv.conf are read again when they change (looked at once a second at most, when asked, by a helper
 * thread: until it is done the old text serves, and a look-up waits only for the very first). Address literals never
 * reach the resolver: that is asserted. Names are taken as they are: no search domains. localhost is the loopback
 * always (RFC 6761), and onion and invalid are never asked for (RFC 7686).
 *
 * A and AAAA are asked together. When one is there the other is waited for only a moment (RFC 8305 section 3).
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "base/addr.h"
#include "base/opener.h"
#include "loop/task.h"
#include "net/resolver_conf.h"

struct resolver;
struct lookup;

/* `conf` is copied. */
struct resolver *resolver_new(const struct resolver_conf *conf, struct opener *opener);
void resolver_free(struct resolver *resolver);
/* After a reload: drops the cache only when servers or the hosts file changed. */
void resolver_set_conf(struct resolver *resolver, const struct resolver_conf *conf);

enum lookup_result { LOOKUP_OK, LOOKUP_NO_NAME, LOOKUP_FAILED, LOOKUP_TIMEOUT };

struct addresses {
    const struct ip
        *at; /* in the order to be tried: families alternate, the preferred one first; borrowed from the look-up */
    size_t count;
    msec ttl; /* what is left of it */
};

/* `host` is in normal form and no address; copied. */
struct lookup *lookup_new(struct resolver *resolver, struct str host);
/* END: ret_result is set, and ret_addresses when LOOKUP_OK. Answers from the cache come at the first poll, once the
   files were read. */
enum flow lookup_poll(struct lookup *lookup, enum lookup_result *ret_result, struct addresses *ret_addresses,
                      struct task *who);
void lookup_free(struct lookup *lookup);

#endif
