#include "process/frozen.h"

#include "base/close.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int new_file(void)
{
    return memfd_create("gatehouse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static int freeze(int fd)
{
    lseek(fd, 0, SEEK_SET);
    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
    return fd;
}

int frozen_bytes(const char *bytes, size_t len)
{
    int fd = new_file();
    if (fd < 0)
        return -1;
    for (size_t done = 0; done < len;) {
        ssize_t written = write(fd, bytes + done, len - done);
        if (written <= 0)
            return close_quietly(fd);
        done += (size_t)written;
    }
    return freeze(fd);
}

int frozen_copy(int from, size_t limit)
{
    struct stat stat;
    int fd = new_file();
    if (fd < 0)
        return -1;
    if (fstat(from, &stat) != 0 || fchmod(fd, stat.st_mode & 0777) != 0)
        return close_quietly(fd);
    for (size_t done = 0; done < limit;) {
        ssize_t copied = sendfile(fd, from, NULL, limit - done);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0)
            return close_quietly(fd);
        if (copied == 0)
            break;
        done += (size_t)copied;
    }
    return freeze(fd);
}
