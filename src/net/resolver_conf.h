/*
 * The `resolver` block; plain.
 */
#ifndef NET_RESOLVER_CONF_H
#define NET_RESOLVER_CONF_H

#include "base/addr.h"
#include "base/clock.h"

#include <stddef.h>

enum { HOSTS_FILE_MAX = 16 * 1024 * 1024 };

enum resolver_prefer { PREFER_ANY, PREFER_IPV4, PREFER_IPV6 };

struct resolver_conf {
    struct addr *nameservers; /* none: resolv.conf's, re-read when it changes */
    size_t nameserver_count;
    const char *hosts;       /* NULL: /etc/hosts; re-read when it changes; what is longer than its limit is not read */
    const char *resolv_conf; /* NULL: /etc/resolv.conf; another for tests */
    msec timeout;            /* of a whole look-up; default 3 s */
    size_t cache_size;       /* names, per thread; default 10000 */
    msec min_ttl;            /* default 0 */
    msec max_ttl;            /* default 1 d */
    enum resolver_prefer prefer;
};

#endif
