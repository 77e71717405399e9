/*
 * `rewrite path REGEX REPLACEMENT`: where the expression is found in the path, the whole path becomes the replacement,
 * with $1 to $9 for the groups (empty where one took no part) and $$ for a dollar; as in nginx and HAProxy. The result
 * is canonicalised.
 */
#ifndef ACL_REWRITE_H
#define ACL_REWRITE_H

#include "acl/rule_conf.h"

enum rewrite_result {
    REWRITE_NONE, /* the expression was not found, or there is no path to rewrite (a tunnel, `OPTIONS *`) */
    REWRITE_DONE,
    REWRITE_NO_PATH, /* what came out is no path */
    REWRITE_LIMIT    /* the expression hit its limit */
};

/* *path is changed with REWRITE_DONE only. */
enum rewrite_result rewrite_path(const struct rule *rule, struct arena *arena, struct str *path);

#endif
