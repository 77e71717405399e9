/*
 * What is allowed but hardly meant: warnings on the rules of a block, for `gatehouse check`. They need the lists
 * compiled, or leave out what is said of lists.
 *
 *   a rule behind one that ends the rules without a condition
 *   a deny by an exact name, in a forward block, that leaves the names below it open
 *   a condition that can never be known for a tunnel, in a forward block, unless the rule also says scheme(http) or the
 *   like
 *   source(@LIST) or destination(@LIST) with a list of names
 */
#ifndef ACL_LINT_CONF_H
#define ACL_LINT_CONF_H

#include "acl/rule_conf.h"

enum lint_block { LINT_REVERSE, LINT_FORWARD };

void rules_lint(const struct rules *rules, enum lint_block block, struct diag *diag);

#endif
