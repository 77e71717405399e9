/*
 * Opens what a log is written to, as the supervisor: the worker never opens anything for writing.
 */
#ifndef PROCESS_LOG_OPEN_H
#define PROCESS_LOG_OPEN_H

#include "base/diag.h"
#include "conf/config.h"
#include "process/channel.h"

/* A descriptor that the caller owns, or -1 with errno. */
int log_open(const struct log_conf *conf);
/* Passes every log of the configuration as messages of that kind (LOG, REOPEN). A log that cannot be opened is told in `diag`, and
   is passed without a descriptor. False: the worker takes nothing. */
bool logs_pass(const struct config *config, int channel, enum message_kind kind, struct diag *diag);

#endif
