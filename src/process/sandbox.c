#include "process/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The bounding set while we still may, then all the others. */
static bool drop_bounding_set(void)
{
    bool is_empty = true;
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) > 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            is_empty = false;
    return is_empty;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

bool sandbox_enter(const struct identity *identity, enum sandbox_kind kind, bool is_whole, struct text *ret_notes)
{
    if (!is_whole)
        return true;
    /* Somebody without rights cannot empty the set, and with no_new_privs it gives him nothing. */
    if (!drop_bounding_set() && geteuid() == 0)
        text_add_cstr(ret_notes, "the bounding set of capabilities cannot be emptied\n");
    if (!identity_assume(identity)) {
        text_printf(ret_notes, "cannot become user %ld: %s\n", (long)identity->uid, strerror(errno));
        return false;
    }
    if (!drop_capabilities())
        text_printf(ret_notes, "capabilities cannot be dropped: %s\n", strerror(errno));
    /* A change of user clears both, so they come after it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        text_printf(ret_notes, "dumps cannot be forbidden: %s\n", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        text_printf(ret_notes, "new privileges cannot be forbidden: %s\n", strerror(errno));
    if (kind == SANDBOX_ACME)
        return true;
    sandbox_files(ret_notes);
    sandbox_filter(kind, ret_notes);
    return true;
}
