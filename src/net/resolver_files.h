/*
 * The hosts file and resolv.conf, read again when they change. Private to the resolver.
 *
 * They are looked at by a helper thread: a loop waits neither for a disk nor for the process that opens files for it.
 * What was read before serves until the new text is there.
 */
#ifndef NET_RESOLVER_FILES_H
#define NET_RESOLVER_FILES_H

#include "base/clock.h"
#include "base/opener.h"

#include <sys/stat.h>

enum resolver_file { RESOLVER_HOSTS, RESOLVER_SERVERS, RESOLVER_FILES };

/* What tells one version of a file from the next; all zero when there is none. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct file_reading;

struct resolver_files {
    struct opener *opener;
    char *paths[RESOLVER_FILES]; /* NULL: not looked at */
    struct file_stamp stamps[RESOLVER_FILES];
    struct mono looked_at;
    struct file_reading *reading; /* under way */
    bool are_known;               /* they were looked at since the paths were set */
    /* After each look, on the loop. A file that has not changed has no text (at == NULL). */
    void (*looked)(struct resolver_files *files, const struct str texts[RESOLVER_FILES]);
};

void resolver_files_init(struct resolver_files *files, struct opener *opener,
                         void (*looked)(struct resolver_files *files, const struct str texts[RESOLVER_FILES]));
/* A look under way is forgotten. */
void resolver_files_fini(struct resolver_files *files);
/* Paths, which are copied, NULL for none. False: they are what they were. Else nothing is known of what they hold. */
bool resolver_files_set(struct resolver_files *files, const char *const paths[RESOLVER_FILES]);
/* Begins a look, when the last is long enough ago. */
void resolver_files_look(struct resolver_files *files);

#endif
