#include "net/resolver_files.h"

#include "base/must.h"
#include "loop/helper.h"
#include "net/resolver_conf.h"

#include <errno.h>
#include <stdlib.h>

enum { LOOK_EVERY = MSEC_SECOND };

/* A look, with all that the helper thread needs: whoever began it may be gone when it ends. */
struct file_reading {
    struct helper_job job;
    struct resolver_files *files; /* NULL: nobody waits for it any more */
    struct opener *opener;
    char *paths[RESOLVER_FILES];
    struct file_stamp stamps[RESOLVER_FILES];
    char *bytes[RESOLVER_FILES]; /* of those that have changed */
    size_t len[RESOLVER_FILES];
};

/* On the helper thread */

/* True when the file is not the one that was stamped, which it is from now on. */
static bool has_changed(const char *path, struct file_stamp *stamp)
{
    struct stat now;
    struct file_stamp new;
    memset(&new, 0, sizeof new); /* with the padding, as it is compared */
    if (stat(path, &now) == 0) {
        new.device = now.st_dev;
        new.inode = now.st_ino;
        new.size = now.st_size;
        new.changed = now.st_mtim;
    } else if (errno != ENOENT) {
        new.size = -1; /* we may not even look at it, but the opener may: read once */
    }
    if (memcmp(&new, stamp, sizeof new) == 0)
        return false;
    memcpy(stamp, &new, sizeof new);
    return true;
}

/* A file that is not there is an empty one. One that can't be read for another reason, as for want of descriptors,
   leaves what was read before, and is tried again; one that is too long, only when it has changed. */
static void look_at(struct file_reading *reading, enum resolver_file which)
{
    const char *path = reading->paths[which];
    if (!has_changed(path, &reading->stamps[which]) ||
        opener_read(reading->opener, path, HOSTS_FILE_MAX, &reading->bytes[which], &reading->len[which]))
        return;
    if (errno == ENOENT)
        reading->bytes[which] = must_calloc(1, 1);
    else if (errno != EFBIG)
        memset(&reading->stamps[which], 0, sizeof reading->stamps[which]);
}

static void work(struct helper_job *job)
{
    struct file_reading *reading = container_of(job, struct file_reading, job);
    for (enum resolver_file i = 0; i < RESOLVER_FILES; i++)
        if (reading->paths[i] != NULL)
            look_at(reading, i);
}

/* On the loop */

static void free_reading(struct file_reading *reading)
{
    for (size_t i = 0; i < RESOLVER_FILES; i++) {
        free(reading->paths[i]);
        free(reading->bytes[i]);
    }
    free(reading);
}

static void done(struct helper_job *job)
{
    struct file_reading *reading = container_of(job, struct file_reading, job);
    struct resolver_files *files = reading->files;
    if (files != NULL) {
        struct str texts[RESOLVER_FILES];
        for (size_t i = 0; i < RESOLVER_FILES; i++)
            texts[i] = str_from(reading->bytes[i], reading->len[i]);
        memcpy(files->stamps, reading->stamps, sizeof files->stamps);
        files->reading = NULL;
        files->are_known = true;
        files->looked(files, texts);
    }
    free_reading(reading);
}

static char *copy_of(const char *text)
{
    return text == NULL ? NULL : must_strdup(text);
}

void resolver_files_look(struct resolver_files *files)
{
    struct mono now = clock_mono();
    if (files->reading != NULL || (files->looked_at.us != 0 && mono_since(files->looked_at, now) < LOOK_EVERY))
        return;
    files->looked_at = now;
    struct file_reading *reading = must_calloc(1, sizeof *reading);
    reading->job = (struct helper_job){.work = work, .done = done};
    reading->files = files;
    reading->opener = files->opener;
    for (size_t i = 0; i < RESOLVER_FILES; i++)
        reading->paths[i] = copy_of(files->paths[i]);
    memcpy(reading->stamps, files->stamps, sizeof reading->stamps);
    files->reading = reading;
    helper_give(&reading->job);
}

static void forget_reading(struct resolver_files *files)
{
    if (files->reading == NULL)
        return;
    struct helper_job *job = &files->reading->job;
    files->reading->files = NULL;
    files->reading = NULL;
    helper_abandon(job);
}

static bool is_same_path(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool resolver_files_set(struct resolver_files *files, const char *const paths[RESOLVER_FILES])
{
    bool is_same = true;
    for (size_t i = 0; i < RESOLVER_FILES; i++)
        is_same = is_same && is_same_path(files->paths[i], paths[i]);
    if (is_same)
        return false;
    forget_reading(files);
    for (size_t i = 0; i < RESOLVER_FILES; i++) {
        free(files->paths[i]);
        files->paths[i] = copy_of(paths[i]);
    }
    memset(files->stamps, 0, sizeof files->stamps);
    files->looked_at.us = 0;
    files->are_known = false;
    return true;
}

void resolver_files_init(struct resolver_files *files, struct opener *opener,
                         void (*looked)(struct resolver_files *files, const struct str texts[RESOLVER_FILES]))
{
    memset(files, 0, sizeof *files);
    files->opener = opener;
    files->looked = looked;
}

void resolver_files_fini(struct resolver_files *files)
{
    forget_reading(files);
    for (size_t i = 0; i < RESOLVER_FILES; i++)
        free(files->paths[i]);
}
