/*
 * The one way to a file that a configuration names. What stands behind it depends on the process: the command line
 * opens the path itself; the worker asks the supervisor, which opens only paths that stand in the text it was told to
 * load.
 */
#ifndef BASE_OPENER_H
#define BASE_OPENER_H

#include "base/key_id.h"
#include "base/str.h"

#include <stdbool.h>

enum open_purpose {
    OPEN_READ,      /* text, list, page: a regular file, followed through links */
    OPEN_DIRECTORY, /* a folder to serve or to read: O_PATH|O_DIRECTORY semantics, readable */
    OPEN_APPEND     /* a log: created 0640 when missing, O_NOFOLLOW */
};

/* The files of a certificate and of its key, each absolute. One file may stand in several pairs, and be read for each at
   another time. */
struct pair_paths {
    const char *certificate, *key;
};

struct opener {
    /* A descriptor with O_CLOEXEC that the caller owns, or -1 with errno. `path` is absolute. */
    int (*open)(struct opener *opener, const char *path, enum open_purpose purpose);
    /* The same of a certificate, to read it: as it was when its key was read. NULL: as open(). */
    int (*open_certificate)(struct opener *opener, const struct pair_paths *pair);
    /* Has the keeper take a certificate's private key, and says which it is; false: `ret_why` says in words what is
       wrong; true: what is to be warned of, or "". The key itself never comes here. NULL: there is no keeper. */
    bool (*take_key)(struct opener *opener, const struct pair_paths *pair, struct key_id *ret,
                     char ret_why[KEY_WHY_MAX]);
    /* Has the keeper make a self-signed certificate for the names of the configuration's TLS server `index`: PEM, freed
       by the caller. NULL with `ret_why`; NULL as a function: there is no keeper, and none is needed where nothing is
       served. */
    char *(*self_sign)(struct opener *opener, size_t index, char ret_why[KEY_WHY_MAX]);
    /* A line to the keeper (net/keeper_protocol.h), or -1. Waits: not for a loop. NULL: there is no keeper. */
    int (*link_keeper)(struct opener *opener);
};

/* Reads a whole regular file, at most `limit` bytes (EFBIG beyond); false with errno. The bytes are freed by the caller
   and are followed by a NUL that *ret_len does not count. */
bool opener_read(struct opener *opener, const char *path, size_t limit, char **ret_bytes, size_t *ret_len);
/* The same of one that is open, and then closed; -1: errno says why it is not. */
bool opener_read_fd(int taken_fd, size_t limit, char **ret_bytes, size_t *ret_len);
/* Opens paths as this process. */
struct opener *opener_direct(void);

#endif
