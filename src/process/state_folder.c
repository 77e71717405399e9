#include "process/state_folder.h"

#include "base/close.h"
#include "base/must.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whatever the umask is: where root makes it, others have to get through. Not by chmod(): by then the path may lead
   elsewhere. */
static bool make(const char *path, mode_t mode)
{
    mode_t before = umask(0);
    bool is_made = mkdir(path, mode) == 0 || errno == EEXIST;
    umask(before);
    return is_made;
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

/* Another owner */

/* Of folders, one in the other: that of an authority has in it private/NAME/key.pem. */
enum { DEPTH_MAX = 4 };

struct handover {
    uid_t from;
    const struct identity *to;
};

/* The folder of an authority says whose it was, which may be anybody: they may have come from another machine. Whoever
   had it may have put links to others' files there: only its own files are passed, by their only name. */
static bool is_passed(const struct stat *there, const struct handover *over, unsigned depth)
{
    if (depth == DEPTH_MAX)
        return S_ISDIR(there->st_mode) && there->st_uid != over->to->uid;
    bool is_kind = S_ISDIR(there->st_mode) ? depth > 0 : S_ISREG(there->st_mode) && there->st_nlink == 1;
    return is_kind && there->st_uid == over->from;
}

static bool pass_all(int folder, const struct handover *over, unsigned depth);

/* With O_PATH nothing is followed, waited for or set off. What is in a folder comes first: one that was passed is
   whole. */
static bool pass_one(int folder, const char *name, const struct handover *over, unsigned depth)
{
    struct stat there;
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    bool is_done = fstat(fd, &there) == 0;
    if (is_done && is_passed(&there, over, depth)) {
        const struct handover inside = {there.st_uid, over->to};
        is_done = (!S_ISDIR(there.st_mode) || pass_all(fd, &inside, depth - 1)) &&
                  fchownat(fd, "", over->to->uid, over->to->gid, AT_EMPTY_PATH) == 0;
    }
    close_quietly(fd);
    return is_done;
}

static bool is_name(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool pass_all(int folder, const struct handover *over, unsigned depth)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    bool is_done = list != NULL;
    for (const struct dirent *entry; is_done && (entry = readdir(list)) != NULL;)
        if (is_name(entry->d_name))
            is_done = pass_one(folder, entry->d_name, over, depth);
    int error = errno;
    if (list != NULL)
        closedir(list);
    else
        close_quietly(fd);
    errno = error;
    return is_done;
}

/* The user of whoever orders may be another than at the last start, or have another number. */
static bool own_folder(int fd, const struct identity *identity)
{
    const struct handover over = {.to = identity};
    return fchmod(fd, 0700) == 0 &&
           (!identity->changes || (fchown(fd, identity->uid, identity->gid) == 0 && pass_all(fd, &over, DEPTH_MAX)));
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
