/*
 * What must be right between the blocks of a configuration: who listens where, and for which hosts.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/loading.h"

void check_blocks(struct loading *load);

#endif
