/*
 * A rule of a reverse, route or forward block, as the loader builds it. Immutable.
 */
#ifndef ACL_RULE_CONF_H
#define ACL_RULE_CONF_H

#include "acl/acl_conf.h"
#include "http/template_conf.h"

#include <stdint.h>

enum rule_kind {
    RULE_ALLOW,
    RULE_DENY,
    RULE_REDIRECT,
    RULE_RESPOND,
    RULE_SET_HEADER,
    RULE_ADD_HEADER,
    RULE_REMOVE_HEADER,
    RULE_REWRITE,
    RULE_LOG
};

enum rule_side { RULE_REQUEST, RULE_RESPONSE };

struct regex;

struct rule {
    enum rule_kind kind;
    struct str name; /* `as NAME`, else FILE:LINE */
    bool is_named;
    struct str place_text;         /* FILE:LINE, for explain */
    struct place place;            /* of the rule's first word */
    const struct expression *when; /* NULL: always */

    uint16_t status;      /* deny, redirect, respond */
    struct template text; /* redirect: URL; set/add-header: value; respond: body; deny: reason */
    bool has_text;
    struct template page; /* deny: page FILE's contents */
    bool has_page;
    struct str media_type; /* respond; of page: text/html */
    struct str file_body;  /* respond … file PATH: contents */

    enum rule_side side; /* set-, add-, remove-header */
    struct str field;    /* NAME; of remove-header it may end in `*` */

    struct regex *pattern; /* rewrite */
    struct str replacement;

    const struct log_conf *log; /* log NAME; NULL: off */
};

/* NULL when the replacement of a rewrite is sound; else what is wrong, a literal, and where. */
const char *rule_replacement_wrong(struct str replacement, const struct regex *pattern, size_t *ret_at);

struct rules {
    const struct rule *at;
    size_t count;
};

#endif
