/*
 * Addresses of the network: an IP address, a socket's address, a CIDR range, a set of ranges.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is kept as the IPv4 address it stands for, so that no rule can be passed
 * by the other spelling. NAT64 (64:ff9b::/96) is kept as written; ip_embedded() gives the IPv4 address inside.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/arena.h"
#include "base/str.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct ip {
    uint8_t version;   /* 4, 6, or 0: none */
    uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest 0 */
};

/* A socket's address, ready for connect() and bind(). */
struct addr {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } as;
    socklen_t len; /* 0: none */
};

enum { ADDR_TEXT_MAX = 160 }; /* room for any address as text, terminated */

bool ip_eq(const struct ip *a, const struct ip *b);
/* The numeric forms of RFC 4291 and strict dotted quads; no brackets, no zone, no octal, no short forms. */
bool ip_parse(struct str text, struct ip *ret);
/* Writes RFC 5952 text; returns its length. */
size_t ip_text(const struct ip *ip, char into[ADDR_TEXT_MAX]);
/* The IPv4 address inside a mapped or NAT64 address, else the address itself. */
struct ip ip_embedded(const struct ip *ip);
/* With the bits from `keep4` (IPv4) or `keep6` (IPv6) on set to 0: for masked logs. */
struct ip ip_masked(const struct ip *ip, unsigned keep4, unsigned keep6);

/* Both are judged on the address and on its ip_embedded() form. Never to be dialled: 0.0.0.0/8, ::, multicast,
   broadcast. */
bool ip_is_undialable(const struct ip *ip);
/* Loopback, link-local, private, shared, unique-local, metadata, benchmarking and other special-purpose ranges through
   which a proxy must not reach in (documentation ranges are not part of it). */
bool ip_is_private(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip);

struct addr addr_of_ip(const struct ip *ip, uint16_t port);
/* An address of a unix socket; false when the path is too long. */
bool addr_of_path(struct str path, struct addr *ret);
struct addr addr_of_sockaddr(const struct sockaddr *from, socklen_t len);
struct ip addr_ip(const struct addr *addr); /* version 0 for a unix socket */
uint16_t addr_port(const struct addr *addr);
bool addr_eq(const struct addr *a, const struct addr *b);
/* `1.2.3.4:80`, `[::1]:80`, `unix:/path`; returns the length. */
size_t addr_text(const struct addr *addr, char into[ADDR_TEXT_MAX]);

struct cidr {
    struct ip net; /* host bits are 0 */
    uint8_t bits;
};

/* `10.0.0.0/8`, `::1/128`, or an address alone. Host bits that are set, or a prefix too long, are an error: `ret_why`
   (a literal) then says what is wrong. */
bool cidr_parse(struct str text, struct cidr *ret, const char **ret_why);
/* Holds the address, or its ip_embedded() form; the address itself only. */
bool cidr_has(const struct cidr *cidr, const struct ip *ip);
bool cidr_has_as_written(const struct cidr *cidr, const struct ip *ip);
size_t cidr_text(const struct cidr *cidr, char into[ADDR_TEXT_MAX]);

/* A set of ranges, each with a number of the caller's; looked up by the longest prefix. A binary trie (path-compressed)
   in an arena; immutable after it is built. All zero is an empty one; a range added twice keeps its first number. */
struct cidr_node;
struct cidr_set {
    struct cidr_node *v4;
    struct cidr_node *v6;
    size_t count;
};

void cidr_set_add(struct cidr_set *set, struct arena *arena, const struct cidr *cidr, uint32_t number);
/* The number of the longest range that holds the address (also as its ip_embedded() form when that is an IPv4
   address). */
bool cidr_set_find(const struct cidr_set *set, const struct ip *ip, uint32_t *ret_number);

#endif
