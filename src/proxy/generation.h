/*
 * A configuration as the traffic sees it: immutable, shared by the threads, counted. Built by process/ from a struct
 * config, which it keeps alive through `release`.
 *
 * A gate is what stands behind one listening address: a mode and the blocks that share the address.
 */
#ifndef PROXY_GENERATION_H
#define PROXY_GENERATION_H

#include "base/addr.h"
#include "http/limits_conf.h"
#include "net/listen_conf.h"
#include "net/tls.h"
#include "net/resolver_conf.h"
#include "upstream/pool_conf.h"

#include <stdatomic.h>
#include <stddef.h>

struct mode;

struct gate {
    const struct listen_conf *listen;
    const struct mode *mode;
    const void *block; /* reverse: struct reverse_hosts (modes/reverse/hosts.h); forward: struct forward_conf */
    struct str text;   /* the address, for logs */
    const struct limits *limits; /* of heads, before a block is found: the first block's */
    const struct timeouts *timeouts;
    struct tls_gate tls;
};

struct generation {
    _Atomic unsigned refs;
    unsigned number; /* 1 for the first */
    const struct gate *gates;
    size_t gate_count;
    const struct pool_conf *const *pools;
    size_t pool_count;
    const struct resolver_conf *resolver;
    const struct limits *limits; /* of the process */
    const struct timeouts *timeouts;
    struct logs *logs;                              /* observe/access_log.h */
    void (*release)(struct generation *generation); /* frees it and what it was built from */
};

static inline struct generation *generation_ref(struct generation *generation)
{
    atomic_fetch_add_explicit(&generation->refs, 1, memory_order_relaxed);
    return generation;
}

static inline void generation_unref(struct generation *generation)
{
    if (atomic_fetch_sub_explicit(&generation->refs, 1, memory_order_acq_rel) == 1)
        generation->release(generation);
}

#endif
