/*
 * What a reverse block does with a request, decided on facts alone: no connection, no clock, no I/O. The live mode,
 * `test` blocks, `explain` and `check --against` call this one function, so that they cannot disagree.
 *
 *   the block's rules -> the choice of the route, by the path as it then is -> the route's rules -> what serves it
 *
 * One reading: when the path holds an encoded slash or backslash, all of this also runs on the decoded
 * reading of the path, and a request that the two would decide differently is refused.
 */
#ifndef REVERSE_DECIDE_H
#define REVERSE_DECIDE_H

#include "acl/verdict.h"
#include "modes/reverse/reverse_conf.h"

#include <stdbool.h>

struct reverse_decision {
    const struct reverse_conf *block;
    const struct route_conf *route;          /* NULL: none was chosen */
    const struct reverse_settings *settings; /* the route's, or the block's */
    struct verdict verdict;                  /* of both blocks of rules; `action` is final: NONE counts as allow */
    struct verdict block_verdict;            /* of the block's rules alone */
    /* What comes of it: FAULT_NONE when the verdict says it (deny, redirect, respond), or when it is served (`serve`);
       else the request is answered with the fault's page: FAULT_NO_ROUTE, FAULT_AMBIGUOUS_PATH, FAULT_METHOD_REFUSED,
       FAULT_BAD_TARGET. */
    enum fault fault;
    struct serve serve; /* SERVE_NOTHING unless it is served */
    struct str name;    /* what decided: a rule's name, `default`, `no-route`; the fault's word */
};

/*
 * `facts` holds what is known up to PHASE_REQUEST; a test or `explain` fills them by hand. On return facts->path is as
 * the rewrites have left it, and block, route, pool, rule, reason, matched and verdict are set. Everything that is
 * built lives in `arena`. `trace` (may be NULL) is told of each rule that was asked, the block's first, then the
 * route's; not of the second reading.
 */
void reverse_decide(const struct reverse_conf *block, struct facts *facts, struct arena *arena,
                    struct rule_trace *trace, struct reverse_decision *ret);

/* The rules once more when the answer's head is known (facts of PHASE_RESPONSE). False when one denies:
   decision->verdict, name and the facts then tell of that rule. */
bool reverse_decide_response(struct reverse_decision *decision, struct facts *facts, struct arena *arena);

/* The first route that matches the path as it now is, or NULL: for `explain`, after its rules have run. */
const struct route_conf *reverse_route(const struct reverse_conf *block, const struct facts *facts);

#endif
