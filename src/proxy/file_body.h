/*
 * A file as the answer of an exchange: what files.h decides about the request, as a head and a source.
 */
#ifndef PROXY_FILE_BODY_H
#define PROXY_FILE_BODY_H

#include "flow/flow.h"
#include "http/head.h"

struct exchange;
struct file_body;

/* Opens what the plan's folder holds for the request and builds the answer's head (also of a 304, 416, redirect or
   HEAD). NULL: there is no such thing; the plan then says what is answered. Lives in the exchange's arena. */
struct file_body *file_body_open(struct exchange *x, struct head *ret_head);
struct source *file_body_source(struct file_body *body);
/* Takes NULL. */
void file_body_close(struct file_body *body);

#endif
