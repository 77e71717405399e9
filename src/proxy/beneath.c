#include "proxy/beneath.h"

#include "base/close.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES = 4 };

static const int to_read = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

static int open_by_kernel(int folder, const char *path)
{
    struct open_how how = {.flags = (unsigned)to_read, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = -1;
    for (unsigned i = 0; i < TRIES; i++) {
        fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) /* EAGAIN: something on the way was being renamed */
            break;
    }
    return (int)fd;
}

static int close_failed(int fd, int error)
{
    errno = error;
    return close_quietly(fd);
}

int open_beneath_slowly(int folder, const char *path)
{
    char name[NAME_MAX + 1];
    int at = folder, previous = -1; /* previous: ours to close */
    for (struct str rest = str_of(path), piece; str_cut(&rest, '/', &piece);) {
        bool is_last = rest.at == NULL || rest.len == 0;
        if (piece.len == 0 && !is_last)
            continue;
        if (piece.len > NAME_MAX || str_eq(piece, STR("..")))
            return close_failed(previous, piece.len > NAME_MAX ? ENAMETOOLONG : EXDEV);
        memcpy(name, piece.at, piece.len);
        name[piece.len] = '\0';
        int flags = is_last && rest.at == NULL ? to_read | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int fd = openat(at, piece.len == 0 ? "." : name, flags);
        if (fd < 0)
            return close_failed(previous, errno);
        if (previous >= 0)
            close(previous);
        at = previous = fd;
    }
    return previous;
}

int open_beneath(int folder, const char *path)
{
    static _Atomic bool is_missing;
    if (!atomic_load_explicit(&is_missing, memory_order_relaxed)) {
        int fd = open_by_kernel(folder, path);
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
            return fd;
        atomic_store_explicit(&is_missing, errno == ENOSYS, memory_order_relaxed);
    }
    return open_beneath_slowly(folder, path);
}
