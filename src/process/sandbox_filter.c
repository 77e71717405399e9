#include "process/sandbox.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What is not named here fails with ENOSYS, so that the C library can fall back to something older; what no honest code
 * of ours would ever try ends the process.
 *
 * No memory becomes executable any more: regular expressions of the configuration, which is loaded after this, are
 * interpreted and not compiled to machine code (base/regex.h notices). They are rare, and bounded either way.
 */
static const int allowed[] = {
    /* the network */
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(accept4),
    SCMP_SYS(accept),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(listen),
    SCMP_SYS(socketpair),
    /* moving bytes */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(preadv2),
    SCMP_SYS(splice),
    SCMP_SYS(tee),
    SCMP_SYS(sendfile),
    SCMP_SYS(pipe2),
    SCMP_SYS(pipe),
    SCMP_SYS(lseek),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fadvise64),
    SCMP_SYS(readahead),
    /* waiting */
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(restart_syscall),
    /* files, for reading; openat has a rule of its own */
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(statfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getdents64),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(fcntl),
    SCMP_SYS(openat2),
    SCMP_SYS(getcwd),
    SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_rm_watch),
    /* memory; mmap and mprotect have rules of their own */
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(membarrier),
    /* threads; clone has a rule of its own */
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(gettid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(setpriority),
    SCMP_SYS(getpriority),
    SCMP_SYS(getcpu),
    /* signals */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigtimedwait),
    /* who, when, how much */
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(times),
};

/* The keeper's: descriptors come to it, and signatures leave. */
static const int allowed_to_keeper[] = {
    SCMP_SYS(read),           SCMP_SYS(recvmsg),  SCMP_SYS(sendmsg),
    SCMP_SYS(write),          SCMP_SYS(poll),     SCMP_SYS(close),
    SCMP_SYS(getrandom),      SCMP_SYS(futex),    SCMP_SYS(munmap),
    SCMP_SYS(mremap),         SCMP_SYS(brk),      SCMP_SYS(madvise),
    SCMP_SYS(rt_sigreturn),   SCMP_SYS(exit),     SCMP_SYS(exit_group),
    SCMP_SYS(clock_gettime),  SCMP_SYS(getpid),   SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(fstat),    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),          SCMP_SYS(recvmmsg), SCMP_SYS(sendmmsg),
    SCMP_SYS(setpriority),
};

/* A break-in, or a bug that must not go on. */
static const int deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(personality),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    for (size_t i = 0; i < lengthof(deadly); i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    return failed;
}

/* `call` with an argument of which the bits of `mask` are `value`. */
static int add(scmp_filter_ctx filter, uint32_t action, int call, unsigned argument, scmp_datum_t mask,
               scmp_datum_t value)
{
    struct scmp_arg_cmp wanted = {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
    return seccomp_rule_add_array(filter, action, call, 1, &wanted);
}

/* Only reading, never making. */
static int allow_open(scmp_filter_ctx filter, int call, unsigned flags_at)
{
    const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    return add(filter, SCMP_ACT_ALLOW, call, flags_at, writing, O_RDONLY);
}

/* Memory without PROT_EXEC. Asking for it fails with EPERM rather than kills: libraries try it and do without. */
static int allow_memory(scmp_filter_ctx filter, int call)
{
    return add(filter, SCMP_ACT_ALLOW, call, 2, PROT_EXEC, 0) |
           add(filter, SCMP_ACT_ERRNO(EPERM), call, 2, PROT_EXEC, PROT_EXEC);
}

/* A thread, never a process. clone3() hides its flags in memory: it is not there (ENOSYS), and clone() is used
   instead. */
static int allow_threads(scmp_filter_ctx filter)
{
    return add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD) |
           add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 0, CLONE_THREAD, 0);
}

/* Calls that are many in one, and those that could reach other processes. */
static int allow_some(scmp_filter_ctx filter)
{
    static const scmp_datum_t whole = UINT32_MAX;
    static const unsigned names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA};
    static const unsigned requests[] = {FIONREAD, FIONBIO, TIOCOUTQ};
    int failed = allow_open(filter, SCMP_SYS(openat), 2) | allow_open(filter, SCMP_SYS(open), 1);
    failed |= allow_memory(filter, SCMP_SYS(mmap)) | allow_memory(filter, SCMP_SYS(mprotect)) | allow_threads(filter);
    for (size_t i = 0; i < lengthof(names); i++)
        failed |= add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 0, whole, names[i]);
    for (size_t i = 0; i < lengthof(requests); i++)
        failed |= add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, whole, requests[i]);
    failed |= add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 0, whole, (scmp_datum_t)getpid());
    failed |= add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 0, whole, 0);
    return failed;
}

void sandbox_filter(enum sandbox_kind kind, struct text *ret_notes)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    must(filter != NULL);
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree, not a list: some calls stand far behind */
    int failed;
    if (kind == SANDBOX_KEEPER)
        failed = allow_all(filter, allowed_to_keeper, lengthof(allowed_to_keeper)) |
                 allow_memory(filter, SCMP_SYS(mmap)) | allow_memory(filter, SCMP_SYS(mprotect));
    else
        failed = allow_all(filter, allowed, lengthof(allowed)) | allow_some(filter);
    if (failed == 0)
        failed = seccomp_load(filter);
    if (failed != 0)
        text_printf(ret_notes, "system calls cannot be filtered: %s\n", strerror(failed < 0 ? -failed : EINVAL));
    seccomp_release(filter);
}
