/*
 * The inside of a compiled list. For acl/list*.c only.
 */
#ifndef ACL_LIST_SET_H
#define ACL_LIST_SET_H

#include "acl/list.h"
#include "acl/list_reader.h"
#include "acl/list_table.h"
#include "base/hash.h"
#include "base/hostname.h"
#include "base/must.h"

#include <stdatomic.h>
#include <sys/stat.h>

enum { LIST_LABELS_MAX = HOSTNAME_MAX / 2 + 1 };
#define LIST_MAGIC MAGIC('l', 'i', 's', 't')

/* What says that a file is the one that was read, unchanged. */
struct list_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

/* A file that was read; the list's lines are numbered through all of them. */
struct list_source {
    char *shown; /* the path as the administrator wrote it */
    char *absolute;
    struct list_identity identity;
    unsigned first_line; /* the number before its first line's */
};

struct list {
    uint32_t magic;
    _Atomic unsigned refs;
    char *name;
    enum list_format format; /* as configured, like the two below: what must be the same to be shared */
    int exact;
    unsigned bad_percent;
    bool is_settled; /* all files had stood still for a moment before they were read */
    struct hash_key key;
    struct list_table table;
    bool has_labels[LIST_LABELS_MAX + 1]; /* is there a name of so many labels? */
    bool has_bits4[32 + 1];               /* is there a range of so many bits? */
    bool has_bits6[128 + 1];
    unsigned most_segments;
    struct list_source *sources;
    size_t source_count;
    struct list_stats stats;
};

/* Fingerprints; never 0. Of a name, of a range, of a path's next segment behind the fingerprint of what is before it.
   */
uint64_t list_print_name(const struct list *list, struct str name);
uint64_t list_print_range(const struct list *list, const struct cidr *range);
uint64_t list_print_segment(const struct list *list, uint64_t before, struct str segment);

/* Cuts the next segment that is not empty off *rest; false at the end. */
bool list_cut_segment(struct str *rest, struct str *ret_segment);
unsigned list_count_labels(struct str name);

#endif
