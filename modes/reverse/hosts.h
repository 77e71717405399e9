/*
 * Which block serves a host name on one listening address: the most specific pattern wins wherever its block stands in
 * the file – exact, then the longest suffix (`*.example.org` before `.example.org`, which are as long), then the rest.
 *
 * Built once for each address, immutable, in the arena of the configuration; a look-up hashes the name and each of its
 * parents.
 */
#ifndef REVERSE_HOSTS_H
#define REVERSE_HOSTS_H

#include "base/arena.h"
#include "modes/reverse/reverse_conf.h"

#include <stdbool.h>

struct reverse_hosts;

/* From the blocks that listen on the address. Of a pattern that stands there twice (the loader refuses that) the first
   counts. */
const struct reverse_hosts *reverse_hosts_build(struct arena *arena, const struct reverse_conf *const *blocks,
                                                size_t count);

/* `host` is in normal form; at == NULL when the request named none (HTTP/1.0): then only the rest will do. NULL: no
   block. */
const struct reverse_conf *reverse_hosts_find(const struct reverse_hosts *hosts, struct str host);

/* Whether some block takes what no pattern names. */
bool reverse_hosts_have_rest(const struct reverse_hosts *hosts);

#endif
