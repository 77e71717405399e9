#include "base/opener.h"

#include "base/close.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_regular(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return false;
    errno = S_ISDIR(stat.st_mode) ? EISDIR : EINVAL;
    return S_ISREG(stat.st_mode);
}

/* Not blocking, for a named pipe would hang us before we can see what it is. */
static int open_regular(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && !is_regular(fd))
        return close_quietly(fd);
    return fd;
}

static int open_direct(struct opener *opener, const char *path, enum open_purpose purpose)
{
    (void)opener;
    switch (purpose) {
    case OPEN_READ:
        return open_regular(path);
    case OPEN_DIRECTORY:
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    case OPEN_APPEND:
        return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0640);
    default:
        errno = EINVAL;
        return -1;
    }
}

struct opener *opener_direct(void)
{
    static struct opener direct = {.open = open_direct};
    return &direct;
}

/* The size that the file claims is only where the reading begins: it may grow meanwhile. */
static size_t first_room(int fd, size_t limit)
{
    struct stat stat;
    uint64_t size = fstat(fd, &stat) == 0 && stat.st_size > 0 ? (uint64_t)stat.st_size : 0;
    return size < limit ? (size_t)size + 1 : limit + 1;
}

/* Up to one byte more than the limit, which so tells a file that is too long. */
static bool read_all(int fd, size_t limit, char **bytes, size_t *len)
{
    size_t room = first_room(fd, limit);
    *bytes = must_alloc(room);
    *len = 0;
    for (;;) {
        ssize_t got = read(fd, *bytes + *len, room - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        *len += (size_t)got;
        if (*len > limit) {
            errno = EFBIG;
            return false;
        }
        if (*len == room) {
            room = room <= limit / 2 ? room * 2 : limit + 1;
            *bytes = must_realloc(*bytes, room);
        }
    }
    (*bytes)[*len] = '\0';
    return true;
}

bool opener_read_fd(int taken_fd, size_t limit, char **ret_bytes, size_t *ret_len)
{
    char *bytes;
    size_t len;
    must(limit < SIZE_MAX / 2);
    if (taken_fd < 0)
        return false;
    bool is_read = read_all(taken_fd, limit, &bytes, &len);
    close_quietly(taken_fd);
    if (!is_read) {
        free(bytes);
        return false;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return true;
}

bool opener_read(struct opener *opener, const char *path, size_t limit, char **ret_bytes, size_t *ret_len)
{
    return opener_read_fd(opener->open(opener, path, OPEN_READ), limit, ret_bytes, ret_len);
}
