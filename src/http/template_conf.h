/*
 * Texts with variables: `https://$host$uri`. One table (variables.c) names every variable, says from which phase on it
 * is known and where it stands in the facts; the loader, the manual page and `gatehouse doc variables` read the same
 * table.
 */
#ifndef HTTP_TEMPLATE_CONF_H
#define HTTP_TEMPLATE_CONF_H

#include "base/arena.h"
#include "base/str.h"
#include "base/text.h"

#include <stdbool.h>

struct facts;

/* Where a text may stand: a variable that is not known there is an error at load. */
enum template_scope {
    TEMPLATE_REQUEST,  /* redirects, request fields */
    TEMPLATE_RESPONSE, /* response fields, error pages, block pages, reasons */
    TEMPLATE_LOG
};

enum template_escape { ESCAPE_NONE, ESCAPE_HTML, ESCAPE_LOG, ESCAPE_JSON };

struct template_part;

/* Immutable once parsed; borrowed text and parts live in the arena given to template_parse(). */
struct template
{
    const struct template_part *parts;
    size_t count;
};

/* `$name` (letters a-z and _; a dot belongs to it only after `header`), `${name}`, `$$`. On failure `*ret_why` is a
   message in the arena ("unknown variable '$hots'") and `*ret_at` the byte offset of the variable. */
bool template_parse(struct arena *arena, struct str source, enum template_scope scope, struct template *ret,
                    struct str *ret_why, size_t *ret_at);
/* NULL-terminated, for "did you mean". */
const char *const *variable_names(void);

/* A value that is not known is written as "" (as "-" with ESCAPE_LOG). CR, LF and NUL never come out. */
struct str template_expand(const struct template *t, const struct facts *facts, enum template_escape escape,
                           struct arena *arena);

/* For documentation: name, help, phase word; NULL behind the last. */
struct variable_doc {
    const char *name;
    const char *phase;
    const char *help;
};
const struct variable_doc *variable_docs(void);

#endif
