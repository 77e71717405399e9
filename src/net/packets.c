#include "net/packets.h"

#include "base/must.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

struct batch {
    struct iovec pieces[PACKETS_MAX];
    struct mmsghdr messages[PACKETS_MAX];
};

static void batch_init(struct batch *batch, char *at, size_t size, int count)
{
    must(count <= PACKETS_MAX);
    for (int i = 0; i < count; i++) {
        batch->pieces[i] = (struct iovec){.iov_base = at + (size_t)i * size, .iov_len = size};
        batch->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &batch->pieces[i], .msg_iovlen = 1}};
    }
}

int packets_receive(int fd, void *into, size_t size, int most)
{
    struct batch batch;
    int count;
    batch_init(&batch, into, size, most);
    do
        count = recvmmsg(fd, batch.messages, (unsigned)most, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : -1;
    for (int i = 0; i < count; i++) {
        if (batch.messages[i].msg_len == 0) /* the end, which comes again */
            return i > 0 ? i : -1;
        if (batch.messages[i].msg_len != size || (batch.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
            return -1;
    }
    return count;
}

bool packets_send(int fd, const void *from, size_t size, int count)
{
    char *at = (char *)(uintptr_t)from;
    while (count > 0) {
        struct batch batch;
        batch_init(&batch, at, size, count);
        int sent = sendmmsg(fd, batch.messages, (unsigned)count, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            count -= sent;
            at += (size_t)sent * size;
        }
    }
    return true;
}
