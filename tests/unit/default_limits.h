/* The limits of the manual's table, for tests of parsers. */
#ifndef TESTS_UNIT_DEFAULT_LIMITS_H
#define TESTS_UNIT_DEFAULT_LIMITS_H

#include "http/limits_conf.h"

static const struct limits default_limits = {
    .uri_size = 8192,
    .header_size = 32768,
    .field_size = 16384,
    .header_count = 100,
    .body_size = UINT64_MAX,
    .chunk_line = 256,
    .chunk_overhead = 16384,
    .trailer_size = 8192,
    .trailer_count = 20,
};

#endif
