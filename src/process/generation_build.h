/*
 * From a configuration to what the traffic sees: a gate for each listening address. Reverse blocks may share an
 * address, a forward block has its own.
 */
#ifndef PROCESS_GENERATION_BUILD_H
#define PROCESS_GENERATION_BUILD_H

#include "conf/config.h"
#include "proxy/generation.h"

struct logs;

/* Both are taken: released with the generation, which comes with one reference. */
struct generation *generation_build(struct config *taken_config, struct logs *taken_logs, unsigned number);
const struct config *generation_config(const struct generation *generation);

/* The addresses of a configuration, each once, in the order of the file: `visit` gets the first listen line of each. */
void listens_each(const struct config *config, void (*visit)(void *arg, const struct listen_conf *listen), void *arg);

#endif
