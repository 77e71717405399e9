/*
 * `gatehouse status`: one page of text, or one line of JSON. The figures are rows of one table, so that both show the
 * same.
 */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/commands.h"

bool status_run(const struct admin_view *view, struct str words, struct text *into);

#endif
