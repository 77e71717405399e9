/*
 * Files whose contents a configuration takes over: error pages, block pages, bodies.
 */
#ifndef CONF_PAGE_H
#define CONF_PAGE_H

#include "conf/loading.h"

enum { PAGE_MAX = 1024 * 1024 };

/* The bytes of the file that the word names, terminated, in the configuration's arena; false after reporting at the
   word. */
bool page_read(struct loading *load, const struct word *word, struct str *ret);
/* The file as a text with variables; an unknown one is reported at its place in the file. */
bool page_read_template(struct loading *load, const struct word *word, enum template_scope scope, struct template *ret);
/* By the extension of its name. */
struct str page_type(struct str path);

#endif
