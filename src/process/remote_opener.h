/*
 * The worker's opener: asks the supervisor for each descriptor and waits for it. Any thread may ask; one at a time.
 */
#ifndef PROCESS_REMOTE_OPENER_H
#define PROCESS_REMOTE_OPENER_H

#include "base/opener.h"

/* The process's one; it asks over WORKER_FILES. */
struct opener *remote_opener(void);

#endif
