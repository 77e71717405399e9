#include "tests/unit/dns_stub.h"

#include "base/must.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct dns_stub {
    pthread_t thread;
    int udp, tcp;
    int quit[2];
    struct addr addr;
    atomic_int asked;
    atomic_int last;
};

enum { A = 1, CNAME = 5, SOA = 6, AAAA = 28, SERVFAIL = 2, NXDOMAIN = 3, UDP_MAX = 512, MESSAGE_MAX = 32 * 1024 };

struct message {
    uint8_t at[MESSAGE_MAX];
    size_t len;
};

static void put16(struct message *message, unsigned value)
{
    message->at[message->len++] = (uint8_t)(value >> 8);
    message->at[message->len++] = (uint8_t)value;
}

static void put_name(struct message *message, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        message->at[message->len++] = (uint8_t)len;
        memcpy(message->at + message->len, name, len);
        message->len += len;
        name += len + (name[len] == '.');
    }
    message->at[message->len++] = 0;
}

/* `count` is the place in the header where records of its section are counted. */
static void put_record(struct message *message, size_t count, const char *owner, int type, unsigned ttl,
                       const void *data, size_t len)
{
    if (owner == NULL)
        put16(message, 0xc00c); /* the name that was asked for */
    else
        put_name(message, owner);
    put16(message, (unsigned)type);
    put16(message, 1);
    put16(message, ttl >> 16);
    put16(message, ttl & 0xffff);
    put16(message, (unsigned)len);
    memcpy(message->at + message->len, data, len);
    message->len += len;
    message->at[count + 1]++;
}

static void put_address(struct message *message, const char *owner, int type, unsigned ttl, int last)
{
    uint8_t v4[4] = {192, 0, 2, (uint8_t)last}, v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)last};
    put_record(message, 6, owner, type, ttl, type == A ? v4 : v6, type == A ? 4 : 16);
}

static void put_cname(struct message *message, const char *owner, const char *to, unsigned ttl)
{
    struct message data = {.len = 0};
    put_name(&data, to);
    put_record(message, 6, owner, CNAME, ttl, data.at, data.len);
}

static void put_soa(struct message *message, unsigned ttl, unsigned minimum)
{
    struct message data = {.len = 0};
    put_name(&data, "ns.test");
    put_name(&data, "root.test");
    for (int i = 0; i < 9; i++)
        put16(&data, 0);
    put16(&data, minimum);
    put_record(message, 8, "test", SOA, ttl, data.at, data.len);
}

/* False: no answer. */
static bool answer(struct dns_stub *stub, struct message *message, const char *label, int type)
{
    int last = atomic_load(&stub->last);
    if (strcmp(label, "silent") == 0 || (strcmp(label, "only4") == 0 && type == AAAA) ||
        (strcmp(label, "only6") == 0 && type == A))
        return false;
    if (strcmp(label, "alias") == 0) {
        put_address(message, "real.test", type, 60, last);
        put_cname(message, NULL, "MIDDLE.test", 3);
        put_cname(message, "middle.Test", "real.test", 600);
        put_address(message, "other.test", type, 1, 99); /* nobody asked */
    } else if (strcmp(label, "circle") == 0) {
        put_cname(message, NULL, "round.test", 60);
        put_cname(message, "round.test", "circle.test", 60);
    } else if (strcmp(label, "none") == 0) {
        message->at[3] |= NXDOMAIN;
        put_soa(message, 60, 1);
    } else if (strcmp(label, "empty") == 0 || (strcmp(label, "v4") == 0 && type == AAAA)) {
        put_soa(message, 60, 60);
    } else if (strcmp(label, "broken") == 0) {
        message->at[3] |= SERVFAIL;
    } else if (strcmp(label, "many") == 0) {
        for (int i = 1; i <= 100; i++)
            put_address(message, NULL, type, 60, i);
    } else {
        put_address(message, NULL, type, strcmp(label, "short") == 0 ? 0 : 60, last);
    }
    return true;
}

/* Makes the answer out of the question. */
static bool respond(struct dns_stub *stub, struct message *message, size_t limit)
{
    if (message->len < 17 || message->at[12] > 63)
        return false;
    char label[64] = {0};
    memcpy(label, message->at + 13, message->at[12]);
    size_t end = 12;
    while (message->at[end] != 0)
        end += message->at[end] + 1u;
    int type = message->at[end + 2];
    message->len = end + 5;
    message->at[2] |= 0x80;
    message->at[3] = 0x80;
    memset(message->at + 6, 0, 6);
    size_t empty = message->len;
    if (!answer(stub, message, label, type))
        return false;
    if (message->len > limit) {
        message->at[2] |= 2; /* truncated */
        memset(message->at + 6, 0, 6);
        message->len = empty;
    }
    return true;
}

static void serve_udp(struct dns_stub *stub)
{
    static _Thread_local struct message message;
    struct addr peer = {.len = sizeof peer.as};
    ssize_t got = recvfrom(stub->udp, message.at, sizeof message.at, MSG_DONTWAIT, &peer.as.any, &peer.len);
    if (got <= 0)
        return;
    atomic_fetch_add(&stub->asked, 1);
    message.len = (size_t)got;
    if (respond(stub, &message, UDP_MAX))
        sendto(stub->udp, message.at, message.len, 0, &peer.as.any, peer.len);
}

static void serve_tcp(struct dns_stub *stub)
{
    static _Thread_local struct message message;
    int fd = accept(stub->tcp, NULL, NULL);
    uint8_t prefix[2];
    while (recv(fd, prefix, 2, MSG_WAITALL) == 2) {
        message.len = (size_t)(prefix[0] << 8 | prefix[1]);
        must(message.len <= MESSAGE_MAX && recv(fd, message.at, message.len, MSG_WAITALL) == (ssize_t)message.len);
        if (!respond(stub, &message, MESSAGE_MAX))
            continue;
        prefix[0] = (uint8_t)(message.len >> 8);
        prefix[1] = (uint8_t)message.len;
        if (send(fd, prefix, 2, MSG_NOSIGNAL) != 2 || send(fd, message.at, message.len, MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
}

static void *serve(void *arg)
{
    struct dns_stub *stub = arg;
    struct pollfd fds[] = {{stub->udp, POLLIN, 0}, {stub->tcp, POLLIN, 0}, {stub->quit[0], POLLIN, 0}};
    for (;;) {
        poll(fds, lengthof(fds), -1);
        if (fds[0].revents)
            serve_udp(stub);
        if (fds[1].revents)
            serve_tcp(stub);
        if (fds[2].revents)
            return NULL;
    }
}

struct dns_stub *dns_stub_start(void)
{
    struct dns_stub *stub = must_calloc(1, sizeof *stub);
    struct ip local = {.version = 4, .bytes = {127, 0, 0, 1}};
    do { /* the same port for both */
        close(stub->udp > 0 ? stub->udp : -1);
        close(stub->tcp > 0 ? stub->tcp : -1);
        stub->addr = addr_of_ip(&local, 0);
        stub->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        stub->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(bind(stub->udp, &stub->addr.as.any, stub->addr.len) == 0);
        must(getsockname(stub->udp, &stub->addr.as.any, &stub->addr.len) == 0);
    } while (bind(stub->tcp, &stub->addr.as.any, stub->addr.len) != 0);
    must(listen(stub->tcp, 16) == 0 && pipe(stub->quit) == 0);
    atomic_store(&stub->last, 1);
    must(pthread_create(&stub->thread, NULL, serve, stub) == 0);
    return stub;
}

void dns_stub_stop(struct dns_stub *stub)
{
    close(stub->quit[1]);
    pthread_join(stub->thread, NULL);
    close(stub->quit[0]);
    close(stub->udp);
    close(stub->tcp);
    free(stub);
}

struct addr dns_stub_addr(const struct dns_stub *stub)
{
    return stub->addr;
}

int dns_stub_asked(struct dns_stub *stub)
{
    return atomic_load(&stub->asked);
}

void dns_stub_set_last(struct dns_stub *stub, int last)
{
    atomic_store(&stub->last, last);
}
