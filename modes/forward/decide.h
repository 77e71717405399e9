/*
 * What a forward block does with a request, decided on facts alone: no connection, no resolver, no clock. The live
 * mode, `test` blocks, `explain` and `check --against` call these functions, so that they cannot disagree.
 *
 *   the rules, top to bottom; nothing held: deny, `default` -> `ports` or `tunnel-ports` -> `deny-private`
 *
 * The address matters twice: to rules with `destination`, and to `deny-private`. A host that is an address is decided
 * at once. For a name the decision is made in two parts: forward_decide() without an address, which may say
 * FORWARD_LATER, then forward_decide_address() for each address by itself, at the moment of dialling. The last word is
 * only ever spoken with the address in facts->destination.
 */
#ifndef FORWARD_DECIDE_H
#define FORWARD_DECIDE_H

#include "acl/verdict.h"
#include "modes/forward/forward_conf.h"

#include <stdbool.h>

enum forward_outcome {
    FORWARD_ALLOW, /* go; to a name: to those of its addresses that forward_decide_address() allows */
    FORWARD_LATER, /* as ALLOW, but the rules themselves wait for the address (verdict.asks) */
    FORWARD_DENY,  /* 403, or the status of verdict.rule */
    FORWARD_REPLY, /* verdict.rule is a redirect or a respond */
    FORWARD_FAULT  /* answer with the page of `fault`: FAULT_AMBIGUOUS_PATH, FAULT_BAD_TARGET */
};

struct forward_decision {
    enum forward_outcome outcome;
    enum fault fault;
    struct verdict verdict;
    struct str name;   /* what decided: a rule's, `default`, `ports`, `tunnel-ports`, `deny-private`; a fault's word */
    struct str reason; /* for people, one sentence: the rule's own, or what such a name means; may be empty */
    bool is_final;     /* the address was known, or made no difference */
};

/*
 * `facts` holds what is known up to PHASE_REQUEST. facts->destination: of a host that is an address (facts->host_ip)
 * set it to that; of a name leave version 0, and LATER is possible. A test sets it to its `to`, or else, as "a name
 * counts as a public one", to forward_public_address(), and so always gets a final decision. On return facts->path is
 * as rewrites have left it (untouched when LATER), and rule, reason, matched and verdict are set unless LATER.
 * Everything that is built lives in `arena`. `trace` may be NULL.
 */
void forward_decide(const struct forward_conf *block, struct facts *facts, struct arena *arena,
                    struct rule_trace *trace, struct forward_decision *ret);

/* Goes on, for one address, from a decision without one that said ALLOW or LATER: `ret` is final. `facts` are those of
   before, or a copy when another address may be asked about after this one; they are told the address and what comes of
   it. Pure, and cheap when no rule asked for the address. */
void forward_decide_address(const struct forward_conf *block, const struct forward_decision *before,
                            struct facts *facts, const struct ip *address, struct arena *arena,
                            struct forward_decision *ret);

/* Would forward_decide_address() change nothing of it, but that it is final? For who asks often. */
bool forward_stands(const struct forward_conf *block, const struct forward_decision *before, const struct ip *address);

/* Sets facts->rule, reason, matched and verdict from a decision. */
void forward_tell(const struct forward_decision *decision, struct facts *facts, struct arena *arena);

/* The status of the answer that comes from here, 0 when the site answers. A tunnel is neither redirected nor responded
   to: clients show no answer to a CONNECT. */
uint16_t forward_status(const struct forward_decision *decision, const struct facts *facts);

/* Makes it a denial by the name `deny-private`; the facts are not told. For what only the live mode knows: its own
   listeners. */
void forward_deny_address(struct forward_decision *decision);

/* Makes it a denial under a name that is no rule's; the facts are not told. */
void forward_deny(struct forward_decision *decision, struct str name, struct str reason);

/* An address that stands for "some public address", in no range that anybody would name. */
struct ip forward_public_address(void);

#endif
