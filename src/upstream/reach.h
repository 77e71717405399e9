/*
 * Reaching a server: an idle connection if there is a good one, else a new one; from a pool, with fail-over to the next
 * server when one cannot be connected to (which then is put aside: server_load.h), or to a host by name.
 */
#ifndef UPSTREAM_REACH_H
#define UPSTREAM_REACH_H

#include "base/arena.h"
#include "http/fault.h"
#include "net/dial.h"
#include "upstream/pool_conf.h"

#include <stdbool.h>

struct reach;
struct upstream;
struct upstreams;

/* Both live in `arena` and are ended with reach_fini(). `fresh`: no idle connection is taken (the last one proved
   dead). */
struct reach *reach_pool(struct upstreams *upstreams, struct arena *arena, const struct pool_conf *conf,
                         msec connect_timeout, msec tls_timeout, bool fresh);
/* `literal` has version 0 for a name. `policy` is asked about every address before it is dialled, and about the address
   of an idle connection before it is used again. Borrowed. `keep` idle connections are kept to the host; 0 for a
   tunnel, which takes none either. */
struct reach *reach_host(struct upstreams *upstreams, struct arena *arena, struct str host, uint16_t port,
                         const struct ip *literal, msec connect_timeout, const struct dial_policy *policy,
                         unsigned keep, bool fresh);
/* Before the first poll: a new connection begins with these bytes (borrowed), TLS comes after them. It is for nobody
   else then, so no idle one is taken either. */
void reach_set_preface(struct reach *reach, struct str preface);
void reach_fini(struct reach *reach);

/* END: reach_take(). FAIL: reach_fault(). */
enum flow reach_poll(struct reach *reach, struct task *who);
struct upstream *reach_take(struct reach *reach);
enum fault reach_fault(const struct reach *reach);
/* What is known of it besides, in words for the log; at == NULL: nothing. */
struct str reach_detail(const struct reach *reach);
/* The server of a pool that was tried last, in the reach's arena; at == NULL: none, or a host. */
struct str reach_server(const struct reach *reach);
/* Servers tried so far. */
unsigned reach_tries(const struct reach *reach);

#endif
