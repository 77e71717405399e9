#include "net/tcp_options.h"

#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>

enum paces { PACES_UNKNOWN, PACES_NOT, PACES };

/* Does the machine's congestion control pace? Asked once: it is the same for all sockets. */
static bool paces(int fd)
{
    static _Atomic enum paces known;
    enum paces paces = atomic_load_explicit(&known, memory_order_relaxed);
    if (paces == PACES_UNKNOWN) {
        char name[16] = "";
        socklen_t len = sizeof name - 1;
        getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
        paces = strncmp(name, "bbr", 3) == 0 ? PACES : PACES_NOT;
        atomic_store_explicit(&known, paces, memory_order_relaxed);
    }
    return paces == PACES;
}

/* BBR spreads packets over time to spare the queues of a network. On loopback there is none, and a timer is set and an
   interrupt taken for nearly every packet: half of what a proxied megabyte costs. Reno is part of every kernel and
   allowed to every user. */
static void leave_unpaced(int fd)
{
    static const char plain[] = "reno";
    if (paces(fd))
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, plain, sizeof plain - 1);
}

void tcp_set_options(int fd, const struct addr *addr)
{
    struct ip ip = addr_ip(addr);
    int on = 1;
    if (ip.version == 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (ip_is_loopback(&ip))
        leave_unpaced(fd);
}
