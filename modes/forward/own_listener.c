#include "modes/forward/own_listener.h"

#include <errno.h>
#include <unistd.h>

static bool is_any(const struct ip *ip)
{
    static const uint8_t zero[16];
    return memcmp(ip->bytes, zero, sizeof zero) == 0;
}

/* A datagram socket connected to an address of this machine, which sends nothing, has that address itself as its own.
   Without a socket to ask with, as when descriptors are short, every address of a family that there is may be one. */
static bool is_of_this_machine(const struct ip *ip)
{
    if (ip_is_loopback(ip))
        return true;
    struct addr to = addr_of_ip(ip, 9);
    int fd = socket(to.as.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno != EAFNOSUPPORT;
    struct addr own = {.len = sizeof own.as};
    bool found = connect(fd, &to.as.any, to.len) == 0 && getsockname(fd, &own.as.any, &own.len) == 0;
    close(fd);
    if (!found)
        return false;
    struct ip source = addr_ip(&own);
    return ip_eq(&source, ip);
}

bool is_own_listener(const struct generation *generation, const struct ip *ip, uint16_t port)
{
    struct ip target = ip_embedded(ip);
    bool is_any_port = false;
    for (size_t i = 0; i < generation->gate_count; i++) {
        const struct addr *listen = &generation->gates[i].listen->addr;
        struct ip own = addr_ip(listen);
        if (own.version == 0 || addr_port(listen) != port)
            continue;
        if (ip_eq(&own, &target))
            return true;
        is_any_port |= is_any(&own);
    }
    return is_any_port && is_of_this_machine(&target);
}
