#include "process/sockets.h"

#include "base/must.h"
#include "net/listener.h"
#include "process/channel.h"
#include "process/generation_build.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct held {
    struct held *next;
    struct addr addr;
    bool is_dual;
    unsigned count;
    int fds[];
};

struct sockets {
    struct held *first;
    size_t count;
};

struct opening {
    struct sockets *sockets;
    const struct sockets *current;
    struct diag *diag;
    unsigned threads;
    bool has_failed;
};

static bool is_unix(const struct addr *addr)
{
    return addr->as.any.sa_family == AF_UNIX;
}

static struct held *find(const struct sockets *sockets, const struct addr *addr)
{
    for (struct held *held = sockets != NULL ? sockets->first : NULL; held != NULL; held = held->next)
        if (addr_eq(&held->addr, addr))
            return held;
    return NULL;
}

/* Do we listen on that port already, on whatever address? Then a probe would only find ourselves. */
static bool has_port(const struct sockets *sockets, const struct addr *addr)
{
    for (struct held *held = sockets != NULL ? sockets->first : NULL; held != NULL; held = held->next)
        if (!is_unix(addr) && !is_unix(&held->addr) && addr_port(&held->addr) == addr_port(addr))
            return true;
    return false;
}

/* A bound socket is for IPv4 too, or not, for good (ipv6(7)), and another one beside it would share its clients. */
static bool may_keep(struct opening *opening, const struct listen_conf *listen, const struct held *old)
{
    if (old == NULL || old->is_dual == listen->is_dual)
        return true;
    diag_add(opening->diag, DIAG_ERROR, &listen->address.place, "restart, or reload without this address first",
             "%.*s is listened on %s IPv4, which cannot change meanwhile", STR_ARGS(listen->address.text),
             old->is_dual ? "with" : "without");
    opening->has_failed = true;
    return false;
}

static void open_one(void *arg, const struct listen_conf *listen)
{
    struct opening *opening = arg;
    unsigned count = is_unix(&listen->addr) ? 1 : opening->threads;
    const struct held *old = find(opening->current, &listen->addr);
    if (!may_keep(opening, listen, old))
        return;
    bool is_first = old == NULL && !has_port(opening->current, &listen->addr);
    struct held *held = must_calloc(1, sizeof *held + count * sizeof held->fds[0]);
    held->addr = listen->addr;
    held->is_dual = listen->is_dual;
    held->next = opening->sockets->first;
    opening->sockets->first = held;
    opening->sockets->count++;
    for (; held->count < count; held->count++) {
        bool is_old = old != NULL && held->count < old->count;
        int fd = is_old ? old->fds[held->count] : listen_open(listen, is_first && held->count == 0);
        if (fd < 0) {
            diag_add(opening->diag, DIAG_ERROR, &listen->address.place, NULL, "cannot listen on %.*s: %s",
                     STR_ARGS(listen->address.text), strerror(errno));
            opening->has_failed = true;
            return;
        }
        held->fds[held->count] = fd;
    }
}

struct sockets *sockets_open(const struct config *config, unsigned threads, const struct sockets *current,
                             struct diag *diag)
{
    struct sockets *sockets = must_calloc(1, sizeof *sockets);
    struct opening opening = {.sockets = sockets, .current = current, .diag = diag, .threads = threads};
    listens_each(config, open_one, &opening);
    if (opening.has_failed) {
        sockets_free(sockets, current);
        return NULL;
    }
    return sockets;
}

static bool has_fd(const struct held *held, int fd)
{
    for (unsigned i = 0; held != NULL && i < held->count; i++)
        if (held->fds[i] == fd)
            return true;
    return false;
}

static void free_held(struct held *held, const struct sockets *kept)
{
    const struct held *other = find(kept, &held->addr);
    for (unsigned i = 0; i < held->count; i++)
        if (!has_fd(other, held->fds[i]))
            close(held->fds[i]);
    if (is_unix(&held->addr) && other == NULL)
        unlink(held->addr.as.path.sun_path);
    free(held);
}

void sockets_free(struct sockets *sockets, const struct sockets *kept)
{
    if (sockets == NULL)
        return;
    while (sockets->first != NULL) {
        struct held *held = sockets->first;
        sockets->first = held->next;
        free_held(held, kept);
    }
    free(sockets);
}

bool sockets_pass(const struct sockets *sockets, int channel)
{
    for (const struct held *held = sockets->first; held != NULL; held = held->next)
        for (unsigned i = 0; i < held->count; i++) {
            struct letter_to letter = {.kind = MESSAGE_LISTEN, .index = i, .addr = &held->addr};
            letter.with_fd = true;
            letter.fd = held->fds[i];
            if (!channel_send(channel, &letter))
                return false;
        }
    return true;
}

size_t sockets_count(const struct sockets *sockets)
{
    return sockets != NULL ? sockets->count : 0;
}
