/*
 * `test { … }` blocks: a policy that carries its own tests. Run by `check`, at start and before each reload, through
 * the very functions that decide on traffic; pure.
 */
#ifndef PROCESS_POLICY_TEST_H
#define PROCESS_POLICY_TEST_H

#include "conf/config.h"

/* Runs all of them on a configuration that is otherwise right; one that fails is a mistake at the word `test`. */
void policy_test_run(const struct config *config, struct diag *diag);

#endif
