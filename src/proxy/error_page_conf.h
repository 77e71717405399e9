/*
 * `error-page STATUS... FILE`; plain. The first row that names the status serves it.
 */
#ifndef PROXY_ERROR_PAGE_CONF_H
#define PROXY_ERROR_PAGE_CONF_H

#include "http/template_conf.h"

#include <stdint.h>

struct error_page {
    uint16_t status;
    struct template text;
    struct str media_type; /* by the file's extension */
};

struct error_pages {
    const struct error_page *at;
    size_t count;
};

#endif
