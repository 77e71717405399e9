#include "process/state_folder.h"

#include "base/close.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whatever the umask is: where root makes it, others have to get through. */
static bool make(const char *path, mode_t mode)
{
    return mkdir(path, mode) == 0 ? chmod(path, mode) == 0 : errno == EEXIST;
}

static bool make_above(const char *state, mode_t mode)
{
    char *path = must_strdup(state);
    bool is_made = true;
    for (char *at = strchr(path + 1, '/'); is_made && at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        is_made = make(path, mode);
        *at = '/';
    }
    free(path);
    return is_made;
}

/* An ordinary user's folders above it are for nobody else (XDG Base Directory Specification). */
static int open_state(const char *state, const struct identity *identity)
{
    bool is_made = make(state, 0755);
    if (!is_made && errno == ENOENT)
        is_made = make_above(state, identity->changes ? 0755 : 0700) && make(state, 0755);
    return is_made ? open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static int open_own(int folder)
{
    bool is_made = mkdirat(folder, "acme", 0700) == 0 || errno == EEXIST;
    return is_made ? openat(folder, "acme", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
}

static bool own_folder(int fd, const struct identity *identity)
{
    return fchmod(fd, 0700) == 0 && (!identity->changes || fchown(fd, identity->uid, identity->gid) == 0);
}

void state_folder_make(const char *state, const struct identity *identity)
{
    int folder = open_state(state, identity);
    int own = folder >= 0 ? open_own(folder) : -1;
    if (own < 0 || !own_folder(own, identity))
        fprintf(stderr, "gatehouse: state: %s%s cannot be made for certificates: %s\n",
                folder >= 0 ? "its folder 'acme' in " : "", state, strerror(errno));
    close_quietly(own);
    close_quietly(folder);
}
