/*
 * The files of the demo's site.
 */
#ifndef CLI_DEMO_SITE_H
#define CLI_DEMO_SITE_H

#include <stddef.h>

struct demo_file {
    const char *path; /* below the site's folder */
    const void *bytes;
    size_t len;
};

/* Ends with a row whose path is NULL. */
extern const struct demo_file demo_files[];

#endif
