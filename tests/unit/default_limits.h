/* The limits of the manual's table, for tests of parsers; test_loader.c holds them to it. */
#ifndef TESTS_UNIT_DEFAULT_LIMITS_H
#define TESTS_UNIT_DEFAULT_LIMITS_H

#include "http/limits_conf.h"

static const struct limits default_limits = {LIMITS_OF_MESSAGES, .body_size = UINT64_MAX};

#endif
