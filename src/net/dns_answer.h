/*
 * Reads the answer to an A or AAAA question out of a DNS message (RFC 1035 section 4). Pure.
 *
 * Only records that the chain of CNAMEs from the name asked for leads to are taken; their least TTL counts. Whatever a
 * server sends, the work is bounded: so many records are looked at, so many links of the chain followed, so many
 * addresses kept.
 */
#ifndef NET_DNS_ANSWER_H
#define NET_DNS_ANSWER_H

#include "base/addr.h"
#include "base/str.h"

#include <stdint.h>

enum { DNS_TYPE_A = 1, DNS_TYPE_AAAA = 28 };
enum { DNS_ADDRESSES_MAX = 32, DNS_RECORDS_MAX = 256, DNS_CHAIN_MAX = 16 };

struct dns_answer {
    struct ip at[DNS_ADDRESSES_MAX]; /* in the server's order */
    size_t count;
    bool has_ttl;
    uint32_t ttl; /* seconds; with addresses the least of the chain, without them the SOA's (RFC 2308 section 5) */
};

/* `name` is in normal form; `type` one of the two above. False when the message cannot be read. */
bool dns_answer_parse(struct str message, struct str name, int type, struct dns_answer *ret);

#endif
