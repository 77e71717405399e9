#include "base/close.h"

#include <errno.h>
#include <unistd.h>

int close_quietly(int fd)
{
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}
