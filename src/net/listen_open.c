#include "net/listener.h"

#include "base/close.h"
#include "net/tcp_options.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int open_bound(const struct addr *addr, bool is_dual, bool is_shared)
{
    int fd = socket(addr->as.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0)
        return close_quietly(fd);
    if (is_shared && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0)
        return close_quietly(fd);
    if (addr->as.any.sa_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_dual) != 0)
        return close_quietly(fd);
    return bind(fd, &addr->as.any, addr->len) == 0 ? fd : close_quietly(fd);
}

static int open_inet(const struct addr *addr, bool is_dual, bool is_first)
{
    if (is_first) {
        int probe = open_bound(addr, is_dual, false);
        if (probe < 0)
            return -1;
        close(probe);
    }
    int fd = open_bound(addr, is_dual, true);
    if (fd < 0)
        return -1;
    tcp_set_options(fd, addr);
    if (listen(fd, BACKLOG) != 0)
        return close_quietly(fd);
    return fd;
}

/* All interfaces; of IPv4 alone where the machine has no IPv6. */
static int open_dual(uint16_t port, bool is_first)
{
    struct ip every6 = {.version = 6}, every4 = {.version = 4};
    struct addr addr = addr_of_ip(&every6, port);
    int fd = open_inet(&addr, true, is_first);
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    addr = addr_of_ip(&every4, port);
    return open_inet(&addr, false, is_first);
}

/* Removes a socket on which nobody listens; anything else that stands there is left, and bind() will say so. */
static int remove_stale(const struct addr *addr)
{
    struct stat there;
    if (lstat(addr->as.path.sun_path, &there) != 0 || !S_ISSOCK(there.st_mode))
        return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, &addr->as.any, addr->len) == 0 ? 0 : errno;
    close(fd);
    if (error == ECONNREFUSED)
        return unlink(addr->as.path.sun_path);
    return 0;
}

/* Who may connect is decided by the folder it stands in. */
static int open_unix(const struct addr *addr)
{
    if (remove_stale(addr) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, &addr->as.any, addr->len) != 0)
        return close_quietly(fd);
    if (chmod(addr->as.path.sun_path, 0666) != 0 || listen(fd, BACKLOG) != 0)
        return close_quietly(fd);
    return fd;
}

int listen_open(const struct listen_conf *conf, bool is_first)
{
    if (conf->is_dual)
        return open_dual(addr_port(&conf->addr), is_first);
    switch (conf->addr.len == 0 ? AF_UNSPEC : conf->addr.as.any.sa_family) {
    case AF_UNIX:
        return open_unix(&conf->addr);
    case AF_INET:
    case AF_INET6:
        return open_inet(&conf->addr, false, is_first);
    default:
        errno = EINVAL;
        return -1;
    }
}
