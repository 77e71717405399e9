#include "acl/verdict.h"

#include "base/must.h"

const char *truth_word(enum truth truth)
{
    static const char *const words[] = {
        [TRUTH_NO] = "no",       [TRUTH_YES] = "yes",       [TRUTH_UNKNOWN] = "unknown",
        [TRUTH_LATER] = "later", [TRUTH_FAILED] = "failed",
    };
    return words[truth];
}

/*
 * Of two truths that are joined, the stronger one is the whole's. What is asked is whether the whole can hold: a never
 * known part spoils an `and` for good, whatever is learnt later; but in an `or` a later part may still make it hold.
 * What failed is our own ignorance, and counts wherever the whole could hold by it.
 */
static const unsigned char strength_and[] = {
    [TRUTH_NO] = 4, [TRUTH_UNKNOWN] = 3, [TRUTH_FAILED] = 2, [TRUTH_LATER] = 1, [TRUTH_YES] = 0,
};
static const unsigned char strength_or[] = {
    [TRUTH_YES] = 4, [TRUTH_FAILED] = 3, [TRUTH_LATER] = 2, [TRUTH_UNKNOWN] = 1, [TRUTH_NO] = 0,
};

static enum truth negate(enum truth truth)
{
    return truth == TRUTH_YES ? TRUTH_NO : truth == TRUTH_NO ? TRUTH_YES : truth;
}

static enum truth ask_condition(const struct expression *expression, bool is_negated, const struct facts *facts,
                                struct match *match)
{
    struct match own = {0};
    enum truth truth = expression->kind->truth(expression->condition, facts, &own);
    if (is_negated)
        return negate(truth);
    if (truth == TRUTH_YES && own.list.at != NULL && match->list.at == NULL)
        *match = own;
    return truth;
}

/*
 * A `not` is pushed inwards (De Morgan), so that "can it still hold?" is asked of `and`s and `or`s only: in `not (A and
 * B)` with A unknown and B later, B may turn out false, and the whole true.
 */
static enum truth ask(const struct expression *expression, bool is_negated, const struct facts *facts,
                      struct match *match)
{
    if (expression->op == EXPRESSION_CONDITION)
        return ask_condition(expression, is_negated, facts, match);
    if (expression->op == EXPRESSION_NOT)
        return ask(expression->left, !is_negated, facts, match);
    bool is_and = (expression->op == EXPRESSION_AND) != is_negated;
    const unsigned char *strength = is_and ? strength_and : strength_or;
    struct match before = *match;
    enum truth truth = ask(expression->left, is_negated, facts, match);
    if (truth != (is_and ? TRUTH_NO : TRUTH_YES)) {
        enum truth right = ask(expression->right, is_negated, facts, match);
        truth = strength[right] > strength[truth] ? right : truth;
    }
    if (truth != TRUTH_YES) /* a list that did not decide in the end */
        *match = before;
    return truth;
}

enum truth expression_truth(const struct expression *expression, const struct facts *facts, struct match *ret_match)
{
    struct match match = {0};
    enum truth truth = ask(expression, false, facts, &match);
    *ret_match = match;
    return truth;
}

void expression_fini(const struct expression *expression)
{
    if (expression == NULL)
        return;
    if (expression->op == EXPRESSION_CONDITION && expression->kind->fini != NULL)
        expression->kind->fini((struct condition *)(uintptr_t)expression->condition);
    expression_fini(expression->left);
    expression_fini(expression->right);
}

void expression_explain(const struct expression *expression, const struct facts *facts, struct text *into)
{
    if (expression->op != EXPRESSION_CONDITION) {
        expression_explain(expression->left, facts, into);
        if (expression->right != NULL)
            expression_explain(expression->right, facts, into);
        return;
    }
    struct match match = {0};
    enum truth truth = ask_condition(expression, false, facts, &match);
    text_printf(into, "%s%.*s: %s", text_str(into).len > 0 ? ", " : "", STR_ARGS(expression->name), truth_word(truth));
    if (match.list.at != NULL)
        text_printf(into, " (%.*s %s:%u)", STR_ARGS(match.list), match.file, match.line);
}
