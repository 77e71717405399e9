/* For a head that was parsed within the defaults and written out: the writer adds up to three fields, a reason and the
   space behind each colon. */
#ifndef TESTS_FUZZ_ROOMY_LIMITS_H
#define TESTS_FUZZ_ROOMY_LIMITS_H

#include "http/limits_conf.h"

static const struct limits roomy_limits = {
    .uri_size = 16384, .header_size = 65536, .field_size = 32768, .header_count = 103, .body_size = UINT64_MAX};

#endif
