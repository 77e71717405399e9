/*
 * A whole configuration, loaded and checked: plain, immutable, reference-counted. Exchanges under way hold the one they
 * began with.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include "acl/list_conf.h"
#include "acl/rule_conf.h"
#include "http/limits_conf.h"
#include "modes/forward/forward_conf.h"
#include "modes/reverse/reverse_conf.h"
#include "net/resolver_conf.h"
#include "observe/log_conf.h"
#include "process/process_conf.h"
#include "upstream/pool_conf.h"

#include <stdatomic.h>

/* A `test { … }` block; run by process/policy_test.c through the modes' pure decisions. */
enum test_expect { EXPECT_ALLOW, EXPECT_DENY, EXPECT_REDIRECT, EXPECT_RESPOND };

struct test_conf {
    struct place place; /* of the word `test` */
    struct ip from;     /* default 127.0.0.1 */
    struct str method;
    struct str url;
    struct place url_place;
    struct str client_certificate; /* at == NULL: none is shown */
    struct str at;                 /* "YYYY-MM-DD HH:MM", at == NULL: not given */
    struct ip to;                  /* version 0: not given */
    struct place to_place;
    struct field_line {
        struct str name;
        struct str value;
    } * headers;
    size_t header_count;
    enum test_expect expect;
    struct str expect_rule;             /* at == NULL: any */
    unsigned expect_status;             /* 0: any */
    struct str expect_pool;             /* at == NULL: any */
    const struct reverse_conf *reverse; /* the block it stands in: one of the two */
    const struct forward_conf *forward;
};

struct config {
    _Atomic unsigned refs;
    struct arena arena;
    struct str path;    /* of the main file */
    const char **files; /* every file that was read, absolute; NULL-terminated */
    const char **
        paths; /* every path that the text names, absolute, normalised; NULL-terminated: what the supervisor may open */
    struct process_conf process;
    struct limits limits;
    struct timeouts timeouts;
    struct resolver_conf resolver;
    struct list_conf *lists;
    size_t list_count;
    struct pool_conf **pools; /* named ones, and those in short */
    size_t pool_count;
    struct tls_server_conf **tls_servers; /* of the blocks that have certificates or `tls { … }` */
    size_t tls_server_count;
    struct log_conf *logs;
    size_t log_count;
    bool log_is_off; /* `log off`; without any `log`: combined lines on stdout (a row in logs) */
    struct reverse_conf *reverses;
    size_t reverse_count;
    struct forward_conf *forwards;
    size_t forward_count;
    struct test_conf *tests;
    size_t test_count;

    /* what the last reference releases besides */
    const struct expression **conditions;
    size_t condition_count;
    struct regex **regexes;
    size_t regex_count;
    int *folders; /* descriptors of `files` */
    size_t folder_count;
};

struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* the last one frees lists, regular expressions, folders' descriptors */

#endif
