/*
 * The access log: lines are formatted by the thread that served the request into memory of its own and written by a
 * thread of their own, so that no disk ever delays a request. A line that finds its memory full is dropped and counted;
 * the count is told in the log itself as soon as there is room, and by `status`.
 */
#ifndef OBSERVE_ACCESS_LOG_H
#define OBSERVE_ACCESS_LOG_H

#include "http/facts.h"
#include "observe/log_conf.h"

/* All logs of the worker; files outlive a reload. */
struct logs;

/* `confs` is borrowed as long as the result lives. `descriptors[i]` is the open file of row i, owned from now on; -1
   for a row that cannot be opened (its lines are counted as lost). `previous` (may be NULL): rows with the same path go
   on with the file it has, and the descriptor given for them is closed. One reference. */
struct logs *logs_new(const struct log_conf *confs, size_t count, int *taken_descriptors, struct logs *previous);
struct logs *logs_ref(struct logs *logs);
void logs_unref(struct logs *logs);

/* Swaps a row's file (SIGUSR1): lines go to the new one, the old one is closed when what it was owed is written. */
void logs_reopen(struct logs *logs, size_t index, int taken_descriptor);

/* One line to the given log. From any thread; never blocks, makes no system call but a rare wake of the writer. */
void access_log_write(struct logs *logs, size_t index, const struct facts *facts);
size_t logs_count(const struct logs *logs);
/* How the address of a client may be shown outside of the logs: as little of it as in the most private of them; false:
   not at all. NULL: there are no logs. */
bool logs_may_show(const struct logs *logs, const struct ip *client, struct ip *ret_shown);

struct log_counts {
    uint64_t written;
    uint64_t lost;
};
void logs_counts(const struct logs *logs, size_t index, struct log_counts *ret);

/* Writes what is owed (at most `patience`), ends the writer: at the end of the process. */
void logs_shutdown(msec patience);

#endif
