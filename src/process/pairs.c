#include "process/pairs.h"

#include "base/close.h"
#include "base/must.h"
#include "process/certificate_text.h"
#include "process/frozen.h"
#include "proxy/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { CERTIFICATE_MAX = 1024 * 1024, KEY_MAX = 64 * 1024 };

struct pair *pairs_find(const struct pairs *pairs, const struct pair_paths *paths)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->at[i].certificate_path, paths->certificate) == 0 &&
            strcmp(pairs->at[i].key_path, paths->key) == 0)
            return &pairs->at[i];
    return NULL;
}

struct pair *pairs_of_certificate(const struct pairs *pairs, const char *path)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->at[i].certificate_path, path) == 0)
            return &pairs->at[i];
    return NULL;
}

bool pairs_have_key(const struct pairs *pairs, const char *path)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->at[i].key_path, path) == 0)
            return true;
    return false;
}

/* From outside */

static void look(const char *path, struct stamp *ret)
{
    struct stat stat_now;
    *ret = (struct stamp){0};
    if (stat(path, &stat_now) != 0) {
        ret->error = errno;
        return;
    }
    ret->device = stat_now.st_dev;
    ret->inode = stat_now.st_ino;
    ret->size = stat_now.st_size;
    ret->written = stat_now.st_mtim;
    ret->changed = stat_now.st_ctim;
}

void pair_look(const struct pair *pair, struct stamps *ret)
{
    look(pair->certificate_path, &ret->certificate);
    look(pair->key_path, &ret->key);
}

static bool time_eq(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool stamp_eq(const struct stamp *a, const struct stamp *b)
{
    return a->error == b->error && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           time_eq(&a->written, &b->written) && time_eq(&a->changed, &b->changed);
}

bool stamps_eq(const struct stamps *a, const struct stamps *b)
{
    return stamp_eq(&a->certificate, &b->certificate) && stamp_eq(&a->key, &b->key);
}

/* What stands in them */

/* Below the folder, if there is one, no link is followed on the way. */
static int open_below(const char *folder, const char *path)
{
    if (folder == NULL)
        return opener_direct()->open(opener_direct(), path, OPEN_READ);
    int top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -1;
    struct stat there;
    int fd = open_beneath_slowly(top, path + strlen(folder) + 1);
    close_quietly(top);
    if (fd < 0 || (fstat(fd, &there) == 0 && S_ISREG(there.st_mode)))
        return fd;
    errno = EINVAL;
    return close_quietly(fd);
}

struct pair_files pair_read(const struct pair *pair)
{
    struct pair_files files = {.key = -1};
    int fd = open_below(pair->folder, pair->certificate_path);
    if (opener_read_fd(fd, CERTIFICATE_MAX, &files.certificate, &files.len))
        files.len = certificate_text_keep(files.certificate, files.len);
    else
        files.certificate_error = errno;
    fd = open_below(pair->folder, pair->key_path);
    if (fd >= 0)
        files.key = frozen_copy(fd, KEY_MAX);
    if (files.key < 0)
        files.key_error = errno;
    if (fd >= 0)
        close(fd);
    return files;
}

void pair_files_fini(struct pair_files *files)
{
    free(files->certificate);
    if (files->key >= 0)
        close(files->key);
    *files = (struct pair_files){.key = -1};
}

int pair_files_open(const struct pair_files *files)
{
    errno = files->certificate_error;
    return files->certificate != NULL ? frozen_bytes(files->certificate, files->len) : -1;
}

int pair_files_key(const struct pair_files *files)
{
    if (files->key >= 0)
        lseek(files->key, 0, SEEK_SET);
    errno = files->key_error;
    return files->key;
}

/* All of them */

static void add(struct pairs *pairs, const struct certificate_conf *conf, unsigned index, const char *folder)
{
    const struct pair_paths paths = {conf->certificate_path, conf->key_path};
    if (pairs_find(pairs, &paths) != NULL)
        return;
    struct pair *pair = &pairs->at[pairs->count++];
    *pair = (struct pair){.certificate_path = conf->certificate_path,
                          .key_path = conf->key_path,
                          .folder = folder,
                          .index = index,
                          .files = {.key = -1}};
    pair_look(pair, &pair->known);
    pair->seen = pair->known;
    pair->files = pair_read(pair);
}

static size_t count_all(const struct config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->tls_server_count; i++)
        count += config->tls_servers[i]->certificate_count;
    return count + config->pool_count;
}

void pairs_init(struct pairs *pairs, const struct config *config)
{
    unsigned index = 0;
    *pairs = (struct pairs){.at = must_calloc(count_all(config) + 1, sizeof *pairs->at)};
    for (size_t i = 0; i < config->tls_server_count; i++)
        for (size_t k = 0; k < config->tls_servers[i]->certificate_count; k++)
            add(pairs, &config->tls_servers[i]->certificates[k], index++,
                config->tls_servers[i]->source == CERTIFICATE_AUTO ? config->process.state : NULL);
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct certificate_conf *shown = pool_certificate(config->pools[i]);
        if (shown != NULL)
            add(pairs, shown, index++, NULL);
    }
}

const struct certificate_conf *pairs_conf(const struct config *config, unsigned index)
{
    for (size_t i = 0; i < config->tls_server_count; i++) {
        const struct tls_server_conf *server = config->tls_servers[i];
        if (index < server->certificate_count)
            return &server->certificates[index];
        index -= (unsigned)server->certificate_count;
    }
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct certificate_conf *shown = pool_certificate(config->pools[i]);
        if (shown != NULL && index-- == 0)
            return shown;
    }
    return NULL;
}

void pairs_fini(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        pair_files_fini(&pairs->at[i].files);
    free(pairs->at);
    *pairs = (struct pairs){0};
}
