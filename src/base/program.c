#include "base/program.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISREG(there.st_mode) && access(path, X_OK) == 0;
}

bool program_find(const char *name, char *ret, size_t size)
{
    const char *folders = getenv("PATH");
    struct str rest = str_of(folders != NULL ? folders : "/usr/local/bin:/usr/bin:/bin"), folder;
    while (str_cut(&rest, ':', &folder)) {
        if (folder.len == 0 || folder.at[0] != '/') /* what is meant would depend on where we stand */
            continue;
        int len = snprintf(ret, size, "%.*s/%s", STR_ARGS(folder), name);
        if (len > 0 && (size_t)len < size && is_program(ret))
            return true;
    }
    return false;
}
