#include "process/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * With Landlock: nothing can be executed, opened for writing, made, removed or renamed, by whatever call. What the
 * worker writes to (logs) comes to it as open descriptors. It covers openat2(), whose flags a system call filter cannot
 * see.
 *
 * Kernels know different sets of rights; those of the first version are all that is needed.
 */
void sandbox_files(struct text *ret_notes)
{
    struct landlock_ruleset_attr forbidden = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                             LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                             LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                             LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
    };
    int rules = (int)syscall(SYS_landlock_create_ruleset, &forbidden, sizeof forbidden, 0);
    if (rules < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
        return; /* an old kernel: the filter of system calls still forbids what it can see */
    if (rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        text_printf(ret_notes, "writing to files cannot be forbidden by Landlock: %s\n", strerror(errno));
    if (rules >= 0)
        close(rules);
}
