/*
 * The commands that the worker answers on the control socket: one table. `reload`, `drain` and `stop` are not among
 * them; they are the supervisor's.
 */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

#include "admin/order_state.h"
#include "base/clock.h"
#include "base/text.h"
#include "observe/log_conf.h"
#include "proxy/generation.h"
#include "proxy/hub.h"
#include "upstream/pool_conf.h"

#include <stdbool.h>
#include <sys/types.h>

/* What a command may look at; gathered by the worker for each. */
struct admin_view {
    pid_t supervisor;
    pid_t worker;
    msec uptime; /* of the worker */
    msec generation_age;
    unsigned threads;
    bool is_draining;
    const struct generation *generation; /* NULL: none yet */
    const struct log_conf *log_confs;    /* rows of generation->logs */
    size_t log_count;
    const struct tls_server_conf *const *tls_servers; /* blocks that have certificates */
    size_t tls_server_count;
    const struct pool_conf *const *pools;
    size_t pool_count;
    const struct order_state *orders; /* of certificates */
    size_t order_count;
    struct hub_counts counts; /* of all threads */
};

struct admin_command {
    const char *name;
    const char *words; /* that may follow, for the manual: "[json]" */
    const char *help;
    /* `words` is what follows the name. False: it is wrong, and `into` says why. */
    bool (*run)(const struct admin_view *view, struct str words, struct text *into);
};

/* Ends with a row whose name is NULL. */
extern const struct admin_command admin_commands[];

/* Runs the line; false when there is no such command, or it is wrong: `into` then holds the message. */
bool admin_run(const struct admin_view *view, struct str line, struct text *into);

#endif
