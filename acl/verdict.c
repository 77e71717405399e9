#include "acl/verdict.h"

#include "acl/rewrite.h"
#include "base/must.h"

/* What a rule that decides comes to; the others have ACTION_NONE. */
static const enum action actions[] = {
    [RULE_ALLOW] = ACTION_ALLOW,        [RULE_DENY] = ACTION_DENY,       [RULE_REDIRECT] = ACTION_REDIRECT,
    [RULE_RESPOND] = ACTION_RESPOND,    [RULE_SET_HEADER] = ACTION_NONE, [RULE_ADD_HEADER] = ACTION_NONE,
    [RULE_REMOVE_HEADER] = ACTION_NONE, [RULE_REWRITE] = ACTION_NONE,    [RULE_LOG] = ACTION_NONE,
};

void verdict_init(struct verdict *verdict)
{
    *verdict = (struct verdict){0};
    verdict->last = &verdict->acted;
}

static bool waits(const struct rule *rule)
{
    return rule->when != NULL && rule->when->phase >= PHASE_RESPONSE;
}

static void note_acted(struct verdict *verdict, const struct rule *rule, unsigned order, struct arena *arena)
{
    struct acted *acted = arena_new(arena, struct acted);
    struct acted **where = &verdict->acted;
    acted->rule = rule;
    acted->order = order;
    while (*where != NULL && (*where)->order <= order)
        where = &(*where)->next;
    acted->next = *where;
    *where = acted;
    if (acted->next == NULL)
        verdict->last = &acted->next;
}

/* The path may be another one when the answer comes. */
static void note_waiting(struct verdict *verdict, const struct rule *rule, const struct facts *facts,
                         struct arena *arena)
{
    struct waiting *waiting = arena_new(arena, struct waiting);
    *waiting = (struct waiting){rule, facts->path, verdict->order, verdict->waiting};
    verdict->waiting = waiting;
    verdict->waits_for_response = true;
}

static void decide(struct verdict *verdict, enum action action, const struct rule *rule, const struct match *match)
{
    verdict->action = action;
    verdict->rule = rule;
    verdict->match = *match;
}

/* The rule holds. True: it ends the rules. */
static bool act(const struct rule *rule, const struct match *match, struct facts *facts, struct arena *arena,
                struct verdict *verdict)
{
    if (actions[rule->kind] != ACTION_NONE) {
        decide(verdict, actions[rule->kind], rule, match);
        return true;
    }
    if (rule->kind != RULE_REWRITE) {
        note_acted(verdict, rule, verdict->order, arena);
        return false;
    }
    if (rewrite_path(rule, arena, &facts->path) <= REWRITE_DONE)
        return false;
    decide(verdict, ACTION_ERROR, rule, match);
    return true;
}

/* As before the run: it will be run again when the address is known. */
static void ask_address(struct verdict *verdict, const struct rule *rule, unsigned order_before)
{
    struct acted **where = &verdict->acted;
    while (*where != NULL && (*where)->order <= order_before)
        where = &(*where)->next;
    *where = NULL;
    verdict->last = where;
    while (verdict->waiting != NULL && verdict->waiting->order > order_before)
        verdict->waiting = verdict->waiting->next;
    verdict->waits_for_response = verdict->waiting != NULL;
    verdict->order = order_before;
    verdict->action = ACTION_NEED_ADDRESS;
    verdict->asks = rule;
}

/* Is there something that only the address can tell? That is known before the answer, and of a tunnel, too. */
static bool lacks_address(const struct expression *expression, const struct facts *facts)
{
    struct match match = {0};
    if (expression == NULL)
        return false;
    if (expression->op == EXPRESSION_CONDITION)
        return expression->kind->phase == PHASE_DIAL &&
               expression->kind->truth(expression->condition, facts, &match) == TRUTH_LATER;
    return lacks_address(expression->left, facts) || lacks_address(expression->right, facts);
}

void rules_run(const struct rules *rules, struct facts *facts, struct arena *arena, struct verdict *verdict,
               struct rule_trace *trace)
{
    struct str path_before = facts->path;
    unsigned order_before = verdict->order;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->at[i];
        struct match match = {0};
        enum truth truth = rule->when != NULL ? expression_truth(rule->when, facts, &match) : TRUTH_YES;
        verdict->order++;
        if (waits(rule) && (truth == TRUTH_FAILED || (truth == TRUTH_YES && rule->kind != RULE_DENY)))
            truth = TRUTH_LATER; /* a denial that holds whatever the answer is waits for none, and a tunnel has none */
        if (trace != NULL)
            trace->asked(trace, rule, truth, &match);
        if (truth == TRUTH_LATER && waits(rule) && !lacks_address(rule->when, facts)) {
            note_waiting(verdict, rule, facts, arena);
        } else if (truth == TRUTH_LATER) {
            facts->path = path_before;
            ask_address(verdict, rule, order_before);
            return;
        } else if (truth == TRUTH_FAILED) {
            decide(verdict, ACTION_ERROR, rule, &match);
            return;
        } else if (truth == TRUTH_YES && act(rule, &match, facts, arena, verdict)) {
            return;
        }
    }
}

static const struct waiting *find_waiting(const struct verdict *verdict, const struct rule *rule)
{
    const struct waiting *waiting = verdict->waiting;
    while (waiting != NULL && waiting->rule != rule)
        waiting = waiting->next;
    return waiting;
}

/* Does the rule hold, now that the answer is there? A pattern that hit its limit counts as found: to deny, to take a
   field away or to set one is the safe side. */
static bool holds_now(const struct rule *rule, const struct waiting *waiting, struct facts *facts,
                      struct match *ret_match)
{
    struct str path = facts->path;
    if (waiting != NULL)
        facts->path = waiting->path;
    enum truth truth = expression_truth(rule->when, facts, ret_match);
    facts->path = path;
    return truth == TRUTH_YES || truth == TRUTH_FAILED;
}

static bool is_on_answer(const struct rule *rule)
{
    bool edits = rule->kind == RULE_SET_HEADER || rule->kind == RULE_ADD_HEADER || rule->kind == RULE_REMOVE_HEADER;
    return edits && rule->side == RULE_RESPONSE;
}

void rules_run_response(const struct rules *rules, struct facts *facts, struct arena *arena, struct verdict *verdict)
{
    bool may_deny = verdict->action == ACTION_NONE || verdict->action == ACTION_ALLOW;
    for (size_t i = 0; i < rules->count && &rules->at[i] != verdict->rule; i++) {
        const struct rule *rule = &rules->at[i];
        const struct waiting *waiting = find_waiting(verdict, rule);
        struct match match = {0};
        bool acts = (rule->kind == RULE_DENY && may_deny) || is_on_answer(rule);
        bool was_passed_by = waiting == NULL && verdict->waiting != NULL;
        if (!acts || !waits(rule) || was_passed_by || !holds_now(rule, waiting, facts, &match))
            continue;
        if (rule->kind == RULE_DENY) {
            decide(verdict, ACTION_DENY, rule, &match);
            return;
        }
        note_acted(verdict, rule, waiting != NULL ? waiting->order : ++verdict->order, arena);
    }
}

void verdict_tell(const struct verdict *verdict, struct facts *facts, struct arena *arena)
{
    static const char *const words[] = {
        [ACTION_NONE] = "",           [ACTION_ALLOW] = "allow",
        [ACTION_DENY] = "deny",       [ACTION_REDIRECT] = "redirect",
        [ACTION_RESPOND] = "respond", [ACTION_NEED_ADDRESS] = "",
        [ACTION_ERROR] = "",
    };
    const struct rule *rule = verdict->rule;
    facts->rule = rule != NULL ? rule->name : STR("default");
    facts->verdict = str_of(words[verdict->action]);
    facts->matched = STR_NONE;
    facts->reason = STR_NONE;
    if (verdict->match.list.at != NULL)
        facts->matched = arena_printf(arena, "%.*s %s:%u", STR_ARGS(verdict->match.list), verdict->match.file,
                                      verdict->match.line);
    if (rule != NULL && rule->kind == RULE_DENY && rule->has_text)
        facts->reason = template_expand(&rule->text, facts, ESCAPE_NONE, arena);
}
