/*
 * A compiled list, asked: is this host, or this host and path, or this address in it? Immutable, shared by all threads,
 * and reference-counted; no look-up allocates. How it is made: list_conf.h; how it is kept: list_table.h.
 *
 * The longest match decides: of host names the longest, of paths the longest, of ranges the longest; at equal length an
 * exception.
 */
#ifndef ACL_LIST_H
#define ACL_LIST_H

#include "acl/list_conf.h"
#include "acl/truth.h"
#include "base/addr.h"
#include "base/str.h"

/* `host` is in normal form, a numeric one included (IPv6 without brackets); `path` is canonical, at == NULL when it
   cannot be known. TRUTH_UNKNOWN when only the path could tell. *ret_match is set with TRUTH_YES only. */
enum truth list_find(const struct list *list, struct str host, struct str path, struct match *ret_match);
/* TRUTH_YES or TRUTH_NO. A mapped or NAT64 address is looked for as the IPv4 address in it, too. */
enum truth list_find_ip(const struct list *list, const struct ip *ip, struct match *ret_match);

struct list_stats {
    size_t entries;   /* distinct: names, names with a path, addresses, ranges; exceptions are not counted */
    size_t addresses; /* addresses and ranges, as often as they were read */
    size_t paths;     /* names with a path, as often as they were read */
    size_t exceptions;
    size_t unsupported; /* lines that a proxy cannot apply */
    size_t bad;         /* lines that were skipped */
    size_t lines;
    size_t files;
    size_t bytes; /* of memory */
};

void list_stats(const struct list *list, struct list_stats *ret);
#endif
