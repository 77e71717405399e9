/*
 * The certificates of a configuration with their keys, as they are in force, and what their files looked like then. The
 * supervisor keeps them, so that a worker or keeper that is started again gets the pair that was served, whatever is
 * being written to the disk meanwhile.
 *
 * Of a certificate's file its certificates are kept (certificate_text.h); of a key a copy in a file in memory
 * (frozen.h), which goes to the keeper and is never read here.
 */
#ifndef PROCESS_PAIRS_H
#define PROCESS_PAIRS_H

#include "base/key_id.h"
#include "base/opener.h"
#include "conf/config.h"

#include <sys/stat.h>

struct pair_files {
    char *certificate; /* NULL: it could not be read; all that the file has of certificates, and nothing else */
    size_t len;
    int certificate_error; /* errno */
    int key;               /* -1: it could not be read */
    int key_error;
};

/* How a file looks from outside; another one in its place looks different, and so does the same one written again. */
struct stamp {
    int error; /* of stat(), 0: none */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed;
};

struct stamps {
    struct stamp certificate, key;
};

struct pair {
    const char *certificate_path, *key_path; /* of the configuration */
    const char *folder;      /* whoever writes them is not to lead us out of it; NULL: the administrator's, who may */
    unsigned index;          /* of the first certificate of that name, as pairs_conf() counts them */
    struct pair_files files; /* in force */
    struct key_id key;       /* as the keeper has called it; zeros: it has not been asked */
    struct stamps known;     /* of the files when they were last taken, or refused */
    struct stamps seen;      /* when they were last looked at */
};

struct pairs {
    struct pair *at;
    size_t count;
};

/* Reads all; what cannot be read is told when it is asked for. Borrows the paths of `config`. */
void pairs_init(struct pairs *pairs, const struct config *config);
void pairs_fini(struct pairs *pairs);

/* Of all certificates in files, those of blocks and then those of pools, the `index`-th; NULL behind the last. */
const struct certificate_conf *pairs_conf(const struct config *config, unsigned index);

/* NULL: there is none. */
struct pair *pairs_find(const struct pairs *pairs, const struct pair_paths *paths);
/* The first of those with that certificate. */
struct pair *pairs_of_certificate(const struct pairs *pairs, const char *path);
bool pairs_have_key(const struct pairs *pairs, const char *path);

void pair_look(const struct pair *pair, struct stamps *ret);
bool stamps_eq(const struct stamps *a, const struct stamps *b);

struct pair_files pair_read(const struct pair *pair);
void pair_files_fini(struct pair_files *files);
/* The certificate, for the worker: a descriptor that the caller owns, or -1 with errno. */
int pair_files_open(const struct pair_files *files);
/* The key, for the keeper, from its first byte on: borrowed, or -1 with errno. */
int pair_files_key(const struct pair_files *files);

#endif
