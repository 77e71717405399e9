#include "process/channel.h"

#include "base/must.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, HEAD_SIZE = offsetof(struct message, bytes) };

bool channel_pair(int ret_ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) == 0;
}

/* Room for one descriptor, aligned as the kernel wants it. */
union ancillary {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static void attach(struct msghdr *packet, union ancillary *room, int fd)
{
    *room = (union ancillary){0};
    packet->msg_control = room->bytes;
    packet->msg_controllen = sizeof room->bytes;
    struct cmsghdr *part = CMSG_FIRSTHDR(packet);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(part), &fd, sizeof fd);
}

bool channel_send(int channel, const struct letter_to *letter)
{
    must(letter->text.len <= MESSAGE_MAX);
    struct message head = {.kind = letter->kind, .number = letter->number, .index = letter->index};
    head.len = (uint32_t)letter->text.len;
    if (letter->addr != NULL)
        head.addr = *letter->addr;
    struct iovec parts[2] = {{.iov_base = &head, .iov_len = HEAD_SIZE},
                             {.iov_base = (void *)(uintptr_t)letter->text.at, .iov_len = letter->text.len}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
    union ancillary room;
    if (letter->with_fd && letter->fd >= 0)
        attach(&packet, &room, letter->fd);
    for (;;) {
        if (sendmsg(channel, &packet, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return true;
        if (errno == EINTR)
            continue;
        struct pollfd writable = {.fd = channel, .events = POLLOUT};
        if (letter->at_once || (errno != EAGAIN && errno != ETOOMANYREFS) || poll(&writable, 1, PATIENCE_MS) <= 0)
            return false;
    }
}

bool channel_send_text(int channel, struct str text)
{
    for (size_t from = 0; from < text.len; from += MESSAGE_MAX) {
        struct letter_to letter = {.kind = MESSAGE_TEXT, .text = str_head(str_skip(text, from), MESSAGE_MAX)};
        if (!channel_send(channel, &letter))
            return false;
    }
    return true;
}

/* The first descriptor; a second one, which no honest peer sends, is closed. */
static int detach(struct msghdr *packet)
{
    int found = -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(packet); part != NULL; part = CMSG_NXTHDR(packet, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (found < 0)
                found = fd;
            else
                close(fd);
        }
    }
    return found;
}

enum received channel_receive(int channel, bool wait, struct message *ret)
{
    struct iovec part = {.iov_base = ret, .iov_len = HEAD_SIZE + MESSAGE_MAX};
    union ancillary room;
    struct msghdr packet = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    ssize_t len;
    do
        len = recvmsg(channel, &packet, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (len < 0 && errno == EINTR);
    if (len < 0 && errno == EAGAIN)
        return RECEIVED_NOTHING;
    if (len <= 0)
        return RECEIVED_END;
    ret->fd = detach(&packet);
    bool is_sound = (size_t)len >= HEAD_SIZE && ret->len == (size_t)len - HEAD_SIZE &&
                    ret->addr.len <= sizeof ret->addr.as;
    if (!is_sound || packet.msg_flags & MSG_TRUNC) {
        if (ret->fd >= 0)
            close(ret->fd);
        return RECEIVED_END;
    }
    ret->bytes[ret->len] = '\0';
    return RECEIVED_MESSAGE;
}
