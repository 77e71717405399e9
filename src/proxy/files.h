/*
 * `files DIR`: answers a request with a file below a folder. The whole path counts (a `rewrite` strips what is not
 * wanted); a path that ends in a slash means its index.html; a folder's path without it is sent there; there are no
 * listings.
 *
 * Nothing outside of the folder is ever opened (beneath.h), and only regular files are served. Reading blocks for as
 * long as the disk does.
 */
#ifndef PROXY_FILES_H
#define PROXY_FILES_H

#include "flow/flow.h"
#include "http/facts.h"

#include <stdbool.h>

struct files_answer {
    struct head head; /* status, fields, framing; the body is `length` bytes of `fd` */
    bool wants_page;  /* an error (403, 404, 405, 412, 416, 500, 503) or a redirect: body, Content-Type and framing are
                         yet to come */
    int fd;           /* the caller's to close; -1: no body (HEAD, 304, or a page) */
    uint64_t offset;
    uint64_t length;
};

/* Judges methods, conditions (RFC 9110 section 13) and a single range (14); several ranges get the whole. `folder` is a
   descriptor that is borrowed, `facts->path` the canonical path after all rewrites. Text lives in `arena`. */
void files_open(int folder, const struct head *request, const struct facts *facts, struct arena *arena,
                struct files_answer *ret);

/* The body: reads until `length` bytes have come; a file that has shrunk makes it FAIL. */
struct file_source {
    struct source source;
    int fd;
    uint64_t offset;
    uint64_t left;
};

/* Takes over the answer's descriptor. */
void file_source_init(struct file_source *file, struct files_answer *taken);
void file_source_fini(struct file_source *file);

#endif
