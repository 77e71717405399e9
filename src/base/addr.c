#include "base/addr.h"

#include "base/must.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct ip ip_of_v6(const struct sockaddr_in6 *v6)
{
    struct ip ip = {.version = 6};
    memcpy(ip.bytes, &v6->sin6_addr, 16);
    return ip;
}

/* Only what is mapped; NAT64 stays as written. */
static struct ip unmapped(const struct ip *ip)
{
    struct in6_addr v6;
    memcpy(&v6, ip->bytes, sizeof(v6));
    return ip->version == 6 && IN6_IS_ADDR_V4MAPPED(&v6) ? ip_embedded(ip) : *ip;
}

struct addr addr_of_ip(const struct ip *ip, uint16_t port)
{
    struct ip plain = unmapped(ip);
    struct addr addr;
    memset(&addr, 0, sizeof(addr));
    if (plain.version == 4) {
        addr.as.v4.sin_family = AF_INET;
        addr.as.v4.sin_port = htons(port);
        memcpy(&addr.as.v4.sin_addr, plain.bytes, 4);
        addr.len = sizeof(addr.as.v4);
    } else if (plain.version == 6) {
        addr.as.v6.sin6_family = AF_INET6;
        addr.as.v6.sin6_port = htons(port);
        memcpy(&addr.as.v6.sin6_addr, plain.bytes, 16);
        addr.len = sizeof(addr.as.v6);
    }
    return addr;
}

bool addr_of_path(struct str path, struct addr *ret)
{
    struct addr addr;
    memset(&addr, 0, sizeof(addr));
    if (path.len == 0 || path.len >= sizeof(addr.as.path.sun_path) || str_find(path, '\0') < path.len)
        return false;
    addr.as.path.sun_family = AF_UNIX;
    memcpy(addr.as.path.sun_path, path.at, path.len);
    addr.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    *ret = addr;
    return true;
}

/* Whole: its family's size, or, of a unix socket, any that holds the family. */
static bool is_whole(const struct sockaddr *from, socklen_t len)
{
    if (from == NULL || len < sizeof(from->sa_family))
        return false;
    switch (from->sa_family) {
    case AF_INET:
        return len >= sizeof(struct sockaddr_in);
    case AF_INET6:
        return len >= sizeof(struct sockaddr_in6);
    case AF_UNIX:
        return len <= sizeof(struct sockaddr_un);
    default:
        return false;
    }
}

struct addr addr_of_sockaddr(const struct sockaddr *from, socklen_t len)
{
    struct addr addr;
    memset(&addr, 0, sizeof(addr));
    if (!is_whole(from, len))
        return addr;
    addr.len = len < sizeof(addr.as) ? len : (socklen_t)sizeof(addr.as);
    memcpy(&addr.as, from, addr.len);
    if (addr.as.any.sa_family == AF_INET)
        addr.len = sizeof(addr.as.v4);
    if (addr.as.any.sa_family == AF_INET6) {
        addr.len = sizeof(addr.as.v6);
        if (IN6_IS_ADDR_V4MAPPED(&addr.as.v6.sin6_addr)) {
            struct ip ip = ip_of_v6(&addr.as.v6);
            addr = addr_of_ip(&ip, ntohs(addr.as.v6.sin6_port));
        }
    }
    return addr;
}

static sa_family_t family_of(const struct addr *addr)
{
    return addr->len == 0 ? AF_UNSPEC : addr->as.any.sa_family;
}

struct ip addr_ip(const struct addr *addr)
{
    struct ip ip = {0};
    if (family_of(addr) == AF_INET) {
        ip.version = 4;
        memcpy(ip.bytes, &addr->as.v4.sin_addr, 4);
    } else if (family_of(addr) == AF_INET6) {
        ip = ip_of_v6(&addr->as.v6);
        ip = unmapped(&ip);
    }
    return ip;
}

uint16_t addr_port(const struct addr *addr)
{
    switch (family_of(addr)) {
    case AF_INET:
        return ntohs(addr->as.v4.sin_port);
    case AF_INET6:
        return ntohs(addr->as.v6.sin6_port);
    default:
        return 0;
    }
}

/* The name of a unix socket, without the terminator; one in the abstract space begins with NUL. */
static struct str path_of(const struct addr *addr)
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    struct str path = str_from(addr->as.path.sun_path, addr->len > start ? addr->len - start : 0);
    if (path.len > 0 && path.at[0] != '\0')
        path.len = strnlen(path.at, path.len);
    return path;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    if (family_of(a) != family_of(b))
        return false;
    if (family_of(a) == AF_UNIX)
        return str_eq(path_of(a), path_of(b));
    struct ip ip_a = addr_ip(a), ip_b = addr_ip(b);
    if (family_of(a) == AF_INET6 && a->as.v6.sin6_scope_id != b->as.v6.sin6_scope_id)
        return false;
    return ip_eq(&ip_a, &ip_b) && addr_port(a) == addr_port(b);
}

static size_t path_text(const struct addr *addr, char into[ADDR_TEXT_MAX])
{
    struct str path = path_of(addr);
    bool is_abstract = path.len > 0 && path.at[0] == '\0';
    if (is_abstract)
        path = str_skip(path, 1);
    return (size_t)snprintf(into, ADDR_TEXT_MAX, "unix:%s%.*s", is_abstract ? "@" : "", STR_ARGS(path));
}

size_t addr_text(const struct addr *addr, char into[ADDR_TEXT_MAX])
{
    if (family_of(addr) == AF_UNIX)
        return path_text(addr, into);
    struct ip ip = addr_ip(addr);
    char host[ADDR_TEXT_MAX];
    if (ip_text(&ip, host) == 0) {
        into[0] = '\0';
        return 0;
    }
    const char *format = ip.version == 6 ? "[%.45s]:%u" : "%.45s:%u";
    return (size_t)snprintf(into, ADDR_TEXT_MAX, format, host, (unsigned)addr_port(addr));
}
