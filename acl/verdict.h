/*
 * Decides: runs rules over facts, top to bottom, the first match decides. Pure: no I/O, no clock of its own.
 *
 * Truth is three-valued (Kleene). A condition on something that can never be known for this request is unknown, and a
 * rule that ends unknown does not hold; one that is unknown only for want of the destination's address asks for it
 * (ACTION_NEED_ADDRESS).
 */
#ifndef ACL_VERDICT_H
#define ACL_VERDICT_H

#include "acl/rule_conf.h"
#include "acl/truth.h"
#include "base/text.h"

/* Left to right, only as far as needed. TRUTH_LATER only when what comes later could make it hold. *ret_match is the
   list's entry by which it holds; empty when no list did, or when it does not hold. */
enum truth expression_truth(const struct expression *expression, const struct facts *facts, struct match *ret_match);
/* For `explain`: "office: yes, port(80): no", each condition by itself. */
void expression_explain(const struct expression *expression, const struct facts *facts, struct text *into);

enum action {
    ACTION_NONE, /* no terminal rule held: the block's default */
    ACTION_ALLOW,
    ACTION_DENY,
    ACTION_REDIRECT,
    ACTION_RESPOND,
    ACTION_NEED_ADDRESS, /* run again with facts->destination set, for each address by itself */
    ACTION_ERROR /* a rewrite whose result is no path; a pattern that hit its limit, in a rewrite or in a condition on
    which the
                            rule depends, whatever its kind: nothing may pass that could not be judged. 500 or 400 */
};

/* A rule that was reached and acted: header edits and `log`, in order. */
struct acted {
    const struct rule *rule;
    struct acted *next;
    unsigned order; /* of the rules that were reached */
};

/* A rule that was reached and has a condition on the answer, with the path as it was then. */
struct waiting {
    const struct rule *rule;
    struct str path;
    unsigned order;
    struct waiting *next;
};

struct verdict {
    enum action action;
    const struct rule *rule; /* what decided; NULL for ACTION_NONE */
    struct match match;
    struct acted *acted; /* first */
    struct acted **last;
    bool waits_for_response; /* some rule that was reached has a condition on the answer: call rules_run_response() */
    const struct rule *asks; /* ACTION_NEED_ADDRESS: the rule that asks */
    struct waiting *waiting; /* newest first */
    unsigned order;
};

void verdict_init(struct verdict *verdict);

/*
 * Runs a block's rules on a request. With ACTION_NEED_ADDRESS facts and verdict are left as they were before this run,
 * but for `action` and `asks`. A `rewrite` that is reached changes facts->path (and is canonicalised again) in `arena`.
 * What a verdict has gathered from an earlier block of rules is kept and added to. `trace` (may be NULL) is called for
 * each rule that was asked, for `explain`.
 */
struct rule_trace {
    void (*asked)(struct rule_trace *trace, const struct rule *rule, enum truth truth, const struct match *match);
};
void rules_run(const struct rules *rules, struct facts *facts, struct arena *arena, struct verdict *verdict,
               struct rule_trace *trace);

/* The same rules again when the answer's head is known, for those with conditions on it, up to the one that decided.
   Only deny and response fields act: `acted` stays in the order of the rules. `rules` must be the ones given before.
   Sets ACTION_DENY when one denies. With the verdict's own `waiting`, each rule sees the path as it was when it was
   reached; without it (NULL) the present one. */
void rules_run_response(const struct rules *rules, struct facts *facts, struct arena *arena, struct verdict *verdict);

/* Fills facts->rule ("default" when none decided), reason (expanded), matched, verdict from a verdict. */
void verdict_tell(const struct verdict *verdict, struct facts *facts, struct arena *arena);

#endif
