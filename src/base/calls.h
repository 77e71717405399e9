/*
 * The system calls that move bytes, as recv(2), send(2) and splice(2) have them, but without a point of cancellation:
 * nobody cancels a thread here, and in a program of several threads glibc's own functions change the thread's state
 * with an atomic instruction before and another behind each call (a twentieth of a request's user time).
 */
#ifndef BASE_CALLS_H
#define BASE_CALLS_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sanitizers know what glibc's functions read and write; they do not look into a bare call. */
#if defined SANITIZED || !defined SYS_recvfrom || !defined SYS_sendto

static inline ssize_t call_recv(int fd, void *into, size_t room, int flags)
{
    return recv(fd, into, room, flags);
}

static inline ssize_t call_send(int fd, const void *from, size_t len, int flags)
{
    return send(fd, from, len, flags);
}

static inline ssize_t call_splice(int from, int to, size_t most, unsigned flags)
{
    return splice(from, NULL, to, NULL, most, flags);
}

#else

static inline ssize_t call_recv(int fd, void *into, size_t room, int flags)
{
    return syscall(SYS_recvfrom, fd, into, room, flags, NULL, NULL);
}

static inline ssize_t call_send(int fd, const void *from, size_t len, int flags)
{
    return syscall(SYS_sendto, fd, from, len, flags, NULL, 0);
}

static inline ssize_t call_splice(int from, int to, size_t most, unsigned flags)
{
    return syscall(SYS_splice, from, NULL, to, NULL, most, flags);
}

#endif

#endif
