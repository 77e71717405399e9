#include "net/packets.h"

#include "base/must.h"

#include <errno.h>
#include <sys/socket.h>

struct several {
    struct iovec pieces[PACKETS_MAX];
    struct mmsghdr messages[PACKETS_MAX];
};

static void point(struct several *several, char *at, size_t size, int count)
{
    must(count <= PACKETS_MAX);
    for (int i = 0; i < count; i++) {
        several->pieces[i] = (struct iovec){.iov_base = at + (size_t)i * size, .iov_len = size};
        several->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &several->pieces[i], .msg_iovlen = 1}};
    }
}

int packets_receive(int fd, void *into, size_t size, int most)
{
    struct several several;
    int count;
    point(&several, into, size, most);
    do
        count = recvmmsg(fd, several.messages, (unsigned)most, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : -1;
    for (int i = 0; i < count; i++)
        if (several.messages[i].msg_len != size || (several.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
            return -1; /* the end comes as a packet of no bytes */
    return count;
}

bool packets_send(int fd, void *from, size_t size, int count)
{
    char *at = from;
    while (count > 0) {
        struct several several;
        point(&several, at, size, count);
        int sent = sendmmsg(fd, several.messages, (unsigned)count, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            count -= sent;
            at += (size_t)sent * size;
        }
    }
    return true;
}
