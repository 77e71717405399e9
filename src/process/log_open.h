/*
 * Opens what a log is written to, as the supervisor: the worker never opens anything for writing.
 */
#ifndef PROCESS_LOG_OPEN_H
#define PROCESS_LOG_OPEN_H

#include "base/diag.h"
#include "conf/config.h"
#include "process/channel.h"

/* A descriptor for each log of the configuration; -1, told in `diag`, for one that cannot be opened. Ended with
   logs_close(). */
int *logs_open(const struct config *config, struct diag *diag);
void logs_close(const struct config *config, int *taken_fds);
/* Passes each as a message of that kind (LOG, REOPEN), also without a descriptor. False: the worker takes nothing. */
bool logs_pass(const struct config *config, const int *fds, int channel, enum message_kind kind);

/* Tells the logs that logs_open() would fail on, and makes no file. */
void logs_check(const struct config *config, struct diag *diag);

#endif
