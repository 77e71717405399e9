/*
 * Answers of our own: error pages, what a rule replies, files. Builds the head and the body; the exchange sends them.
 */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H

#include "http/head.h"
#include "proxy/exchange.h"

/* The answer of a plan of kind FAULT or REPLY, as head and body; sets facts.status. A page of the configuration stands
   in for the body where one is named for the status. */
void reply_build(struct exchange *x, struct head *ret_head, struct str *ret_body);

#endif
