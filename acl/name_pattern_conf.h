/*
 * Patterns of host names: `example.org`, `*.example.org` (any depth below), `.example.org` (itself and below). A
 * numeric host is a pattern of its own kind: exact.
 */
#ifndef ACL_NAME_PATTERN_CONF_H
#define ACL_NAME_PATTERN_CONF_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

enum name_pattern_kind { NAME_PATTERN_EXACT, NAME_PATTERN_BELOW, NAME_PATTERN_SUFFIX };

struct name_pattern {
    enum name_pattern_kind kind;
    bool is_ip;
    struct str name; /* normal form, without the leading `*.` or `.`; an IPv6 address without brackets */
};

/* False: *ret_why is what is wrong, *ret_hint (NULL when there is none) what to write; both literals. */
bool name_pattern_parse(struct arena *arena, struct str text, struct name_pattern *ret, const char **ret_why,
                        const char **ret_hint);
/* `host` is in normal form. */
bool name_pattern_covers(const struct name_pattern *pattern, struct str host);

#endif
