/*
 * What is allowed but hardly meant, of a configuration without mistakes: warnings. Those on the rules of one block are
 * acl/lint_conf.h's.
 *
 *   an acl, a pool or a list that nothing uses      an open proxy
 *   a block that serves nothing                     a route that can never be reached
 *   a pool whose servers are all down               a configuration that serves nothing at all
 *   a certificate that is not for the block's hosts
 */
#ifndef CONF_LINT_H
#define CONF_LINT_H

#include "conf/loading.h"

void lint_config(struct loading *load);

/* lint_tls.c */
void lint_tls(struct loading *load);
/* Of a block with certificates from files: whether they are for its hosts. Also after one of them was renewed. */
void lint_hosts(const struct reverse_conf *reverse, struct diag *diag);

#endif
