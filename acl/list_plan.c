#include "acl/list_plan.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOLDER_DEPTH_MAX = 4 };

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool list_identity_eq(const struct list_identity *a, const struct list_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           is_same_time(a->modified, b->modified) && is_same_time(a->changed, b->changed);
}

static int open_inner(const struct list_planned *planned, struct opener *opener)
{
    int folder = opener->open(opener, planned->file->absolute, OPEN_DIRECTORY);
    if (folder < 0)
        return -1;
    int fd = openat(folder, planned->inner, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int wrong = errno;
    close(folder);
    if (fd < 0 && (wrong == EACCES || wrong == EPERM)) /* this process may not, but its opener may be able to */
        return opener->open(opener, planned->absolute, OPEN_READ);
    errno = wrong;
    return fd;
}

int list_plan_open(const struct list_planned *planned, struct opener *opener, struct list_identity *ret_identity)
{
    struct stat info = {0};
    int fd = planned->inner != NULL ? open_inner(planned, opener) : opener->open(opener, planned->absolute, OPEN_READ);
    if (fd < 0)
        return -1;
    int wrong = fstat(fd, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    if (wrong != 0) {
        close(fd);
        errno = wrong;
        return -1;
    }
    *ret_identity = (struct list_identity){info.st_dev, info.st_ino, info.st_size, info.st_mtim, info.st_ctim};
    return fd;
}

static char *join_path(const char *folder, const char *name)
{
    struct text text;
    text_init(&text);
    text_add_cstr(&text, folder);
    if (!str_ends(text_str(&text), STR("/")))
        text_add_char(&text, '/');
    text_add_cstr(&text, name);
    return text_take(&text);
}

static struct list_planned *add_planned(struct list_plan *plan, const struct list_file *file)
{
    if (plan->count == plan->room) {
        plan->room = plan->room * 2 + 4;
        plan->at = must_realloc(plan->at, plan->room * sizeof *plan->at);
    }
    struct list_planned *planned = &plan->at[plan->count++];
    *planned = (struct list_planned){.file = file};
    return planned;
}

static void drop_last(struct list_plan *plan)
{
    struct list_planned *last = &plan->at[--plan->count];
    free(last->shown);
    free(last->absolute);
}

/* A walk through a folder of categories. */
struct walk {
    struct list_plan *plan;
    const struct list_file *file;
    struct opener *opener;
    enum list_format format;
    int depth;
    int wrong;         /* errno of what could not be read */
    const char *inner; /* and its name; on the heap */
};

static bool walk_failed(struct walk *walk, const char *inner)
{
    if (walk->wrong == 0) {
        walk->wrong = errno;
        walk->inner = must_strdup(inner);
    }
    return false;
}

/* `domains` and `urls`, plain or packed, of the category in `folder` (a path relative to the configured one, or ""). */
static bool add_category(struct walk *walk, int fd, const char *folder)
{
    static const struct {
        const char *name;
        enum list_format format;
    } names[] = {{"domains", LIST_AUTO},  {"domains.gz", LIST_AUTO},  {"domains.zst", LIST_AUTO},
                 {"urls", LIST_CATEGORY}, {"urls.gz", LIST_CATEGORY}, {"urls.zst", LIST_CATEGORY}};
    bool is_category = false;
    for (size_t i = 0; i < lengthof(names); i++) {
        if (faccessat(fd, names[i].name, F_OK, 0) != 0)
            continue;
        is_category = true;
        struct list_planned *planned = add_planned(walk->plan, walk->file);
        char *inner = *folder != '\0' ? join_path(folder, names[i].name) : must_strdup(names[i].name);
        planned->shown = join_path(walk->file->path.text.at, inner);
        planned->absolute = join_path(walk->file->absolute, inner);
        planned->inner = planned->absolute + strlen(planned->absolute) - strlen(inner);
        planned->format = walk->format != LIST_AUTO && walk->format != LIST_CATEGORY ? walk->format : names[i].format;
        int file = list_plan_open(planned, walk->opener, &planned->identity);
        if (file < 0)
            walk_failed(walk, inner);
        else
            close(file);
        free(inner);
    }
    return is_category;
}

static int is_subfolder(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

static void walk_folder(struct walk *walk, int fd, const char *folder)
{
    struct dirent **entries = NULL;
    if (add_category(walk, fd, folder) || walk->depth >= FOLDER_DEPTH_MAX)
        return;
    int count = scandirat(fd, ".", &entries, is_subfolder, alphasort);
    if (count < 0)
        walk_failed(walk, folder);
    walk->depth++;
    for (int i = 0; i < count; i++) {
        char *inner = *folder != '\0' ? join_path(folder, entries[i]->d_name) : must_strdup(entries[i]->d_name);
        int below = openat(fd, entries[i]->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below >= 0) {
            walk_folder(walk, below, inner);
            close(below);
        } else if (errno != ENOTDIR) {
            walk_failed(walk, inner);
        }
        free(inner);
        free(entries[i]);
    }
    walk->depth--;
    free(entries);
}

static bool plan_folder(struct list_plan *plan, const struct list_conf *conf, const struct list_file *file,
                        struct opener *opener, struct diag *diag)
{
    struct walk walk = {.plan = plan, .file = file, .opener = opener, .format = conf->format};
    size_t before = plan->count;
    int fd = opener->open(opener, file->absolute, OPEN_DIRECTORY);
    if (fd < 0) {
        diag_add(diag, DIAG_ERROR, &file->path.place, NULL, "cannot read the folder '%s': %s", file->path.text.at,
                 strerror(errno));
        return false;
    }
    walk_folder(&walk, fd, "");
    close(fd);
    if (walk.wrong != 0) {
        diag_add(diag, DIAG_ERROR, &file->path.place, NULL, "cannot read '%s' in the folder '%s': %s", walk.inner,
                 file->path.text.at, strerror(walk.wrong));
        free((char *)walk.inner);
        return false;
    }
    if (plan->count == before)
        diag_add(diag, DIAG_ERROR, &file->path.place, "a category is a folder with a file `domains` or `urls`",
                 "the folder '%s' holds no category", file->path.text.at);
    return plan->count > before;
}

static bool plan_file(struct list_plan *plan, const struct list_conf *conf, const struct list_file *file,
                      struct opener *opener, struct diag *diag)
{
    struct list_planned *planned = add_planned(plan, file);
    planned->shown = must_strdup(file->path.text.at);
    planned->absolute = must_strdup(file->absolute);
    planned->format = conf->format;
    int fd = list_plan_open(planned, opener, &planned->identity);
    if (fd >= 0) {
        close(fd);
        return true;
    }
    int wrong = errno;
    drop_last(plan);
    if (wrong == EISDIR)
        return plan_folder(plan, conf, file, opener, diag);
    if (file->optional && (wrong == ENOENT || wrong == ENOTDIR)) {
        diag_add(diag, DIAG_WARNING, &file->path.place, NULL, "'%s' is missing, and taken for an empty list",
                 file->path.text.at);
        return true;
    }
    const char *hint = wrong == ENOENT ? "write 'optional' before it if it may be missing" : NULL;
    diag_add(diag, DIAG_ERROR, &file->path.place, hint, "cannot read '%s': %s", file->path.text.at,
             wrong == EINVAL ? "it is no regular file" : strerror(wrong));
    return false;
}

bool list_plan_make(struct list_plan *plan, const struct list_conf *conf, struct opener *opener, struct diag *diag)
{
    bool is_good = true;
    *plan = (struct list_plan){0};
    for (size_t i = 0; i < conf->file_count; i++)
        is_good &= plan_file(plan, conf, &conf->files[i], opener, diag);
    return is_good;
}

void list_plan_fini(struct list_plan *plan)
{
    while (plan->count > 0)
        drop_last(plan);
    free(plan->at);
}
