/*
 * How worker, keeper and acme begin. What a terminal sends to all processes is for the supervisor, which says what is
 * to be done; its first message says whose the process is to be; and with the sandbox there is no way back.
 */
#ifndef PROCESS_ENTRY_H
#define PROCESS_ENTRY_H

#include "process/channel.h"
#include "process/sandbox.h"

#include <stdbool.h>

void entry_ignore_signals(void);
/* Waits for MESSAGE_BEGIN, which `ret` keeps, and enters the sandbox; what is missing of that is told on stderr. False:
   the process cannot begin. */
bool entry_pass(enum sandbox_kind kind, struct message *ret);

#endif
