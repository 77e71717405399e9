/*
 * How a request that nobody sent would come in: by which listeners, and to which reverse block. What `test` blocks and
 * `explain` ask; live traffic is on a listener already.
 *
 * The facts are imagined ones (process/imagine.h): with scheme, host and port of the URL, and in tls_name the name in
 * the greeting, by which a block is found where TLS is passed through.
 */
#ifndef PROCESS_WAY_IN_H
#define PROCESS_WAY_IN_H

#include "conf/config.h"
#include "http/facts.h"

/* The later the better. */
enum way_in {
    WAY_NONE,   /* the host is not the block's on any of its listeners */
    WAY_HOST,   /* it is, on one that speaks another scheme, or where the greeting has another name: it never comes */
    WAY_SCHEME, /* it comes by a listener that speaks the scheme; ports may be mapped on the way */
    WAY_PORT    /* … and that is on the port of the URL */
};

/* The best by which the request comes to the block. */
enum way_in way_in_to(const struct config *config, const struct reverse_conf *block, const struct facts *facts,
                      struct arena *arena);

/* Whether any listener of the block speaks the scheme, whatever the host. */
bool way_in_is_spoken(const struct reverse_conf *block, const struct facts *facts);

/* The block that gets the request on a listener of this one, and of those that speak the scheme, where any does; NULL:
   none. */
const struct reverse_conf *way_in_instead(const struct config *config, const struct reverse_conf *block,
                                          const struct facts *facts, struct arena *arena);

#endif
