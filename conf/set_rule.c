/* Rules: what they do. Their conditions are read in expression.c. */
#include "conf/setters.h"

#include "conf/array.h"
#include "conf/block.h"
#include "conf/expression.h"
#include "conf/page.h"
#include "conf/value.h"

#include "base/regex.h"

/* The phases whose conditions a rule may have. */
static unsigned phases_of(const struct mode_draft *mode, const struct rule *rule)
{
    unsigned phases = 1U << PHASE_CONNECT | 1U << PHASE_REQUEST;
    if (mode->kind == BLOCK_PASSTHROUGH)
        return 1U << PHASE_CONNECT;
    bool decides_access = rule->kind == RULE_ALLOW || rule->kind == RULE_DENY;
    bool edits_field = rule->kind == RULE_SET_HEADER || rule->kind == RULE_ADD_HEADER ||
                       rule->kind == RULE_REMOVE_HEADER;
    if (mode->kind == BLOCK_FORWARD && decides_access)
        phases |= 1U << PHASE_DIAL;
    if (rule->kind == RULE_DENY || (edits_field && rule->side == RULE_RESPONSE))
        phases |= 1U << PHASE_RESPONSE;
    return phases;
}

static void begin_rule(struct scope *scope, const struct setting *setting, enum rule_kind kind, struct rule *rule)
{
    struct str brief = loading_brief(scope->load, &setting->name->place);
    *rule = (struct rule){
        .kind = kind,
        .name = setting->as != NULL ? setting->as->text : brief,
        .is_named = setting->as != NULL,
        .place_text = brief,
        .place = setting->name->place,
    };
}

static bool add_rule(struct scope *scope, const struct setting *setting, struct rule *rule, bool fine)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->mode;
    if (mode->route_count > 0)
        return mistake(load, setting->name, loading_where(load, mode->routes[0].name, setting->name),
                       "rules stand before the first route");
    if (setting->if_word != NULL) {
        struct expression_place place = {.acls = &mode->acls, .phases = phases_of(mode, rule)};
        place.knows_hello = mode->kind == BLOCK_PASSTHROUGH || (mode->kind == BLOCK_FORWARD && rule->kind == RULE_DENY);
        place.title =
            arena_printf(load->arena, "'%.*s' of %s", STR_ARGS(setting->name->text), block_title(mode->kind)).at;
        rule->when = expression_read(load, &place, setting->if_word, setting->when, setting->when_count);
        fine &= rule->when != NULL;
    }
    if (!fine)
        return false;
    mode->rules = array_room(load->arena, mode->rules, mode->rule_count, sizeof *mode->rules);
    mode->rules[mode->rule_count++] = *rule;
    return true;
}

bool set_allow(struct scope *scope, const struct setting *setting)
{
    struct rule rule;
    begin_rule(scope, setting, RULE_ALLOW, &rule);
    return add_rule(scope, setting, &rule, true);
}

bool set_deny(struct scope *scope, const struct setting *setting)
{
    struct rule rule;
    begin_rule(scope, setting, RULE_DENY, &rule);
    rule.status = 403; /* also where no answer of HTTP can be given */
    return add_rule(scope, setting, &rule, options_read(scope, setting, &rule));
}

bool set_deny_page(struct scope *scope, const struct setting *setting)
{
    struct rule *rule = scope->target;
    rule->has_page = page_read_template(scope->load, &setting->args[0], TEMPLATE_RESPONSE, &rule->page);
    rule->media_type = page_type(setting->args[0].text);
    return rule->has_page;
}

static bool set_text_of(struct scope *scope, const struct word *word, enum template_scope where, struct rule *rule)
{
    rule->has_text = value_template(word, scope->load->diag, scope->load->arena, where, &rule->text);
    return rule->has_text;
}

bool set_reason(struct scope *scope, const struct setting *setting)
{
    return set_text_of(scope, &setting->args[0], TEMPLATE_RESPONSE, scope->target);
}

bool set_redirect(struct scope *scope, const struct setting *setting)
{
    struct rule rule;
    begin_rule(scope, setting, RULE_REDIRECT, &rule);
    bool fine = set_text_of(scope, &setting->args[0], TEMPLATE_REQUEST, &rule);
    fine &= options_read(scope, setting, &rule);
    return add_rule(scope, setting, &rule, fine);
}

bool set_respond(struct scope *scope, const struct setting *setting)
{
    struct rule rule;
    uint64_t status;
    begin_rule(scope, setting, RULE_RESPOND, &rule);
    bool fine = value_count(&setting->args[0], scope->load->diag, 200, 599, &status);
    fine &= options_read(scope, setting, &rule);
    if (fine)
        rule.status = (uint16_t)status;
    if (fine && rule.has_text && rule.file_body.at != NULL)
        fine = mistake(scope->load, setting->name, "leave one of them out", "'respond' has a body and a file");
    if (rule.media_type.at == NULL)
        rule.media_type = STR("text/plain; charset=utf-8");
    return add_rule(scope, setting, &rule, fine);
}

bool set_media_type(struct scope *scope, const struct setting *setting)
{
    struct rule *rule = scope->target;
    return value_media_type(&setting->args[0], scope->load->diag, &rule->media_type);
}

bool set_body(struct scope *scope, const struct setting *setting)
{
    return set_text_of(scope, &setting->args[0], TEMPLATE_RESPONSE, scope->target);
}

bool set_body_file(struct scope *scope, const struct setting *setting)
{
    struct rule *rule = scope->target;
    if (rule->media_type.at == NULL)
        rule->media_type = page_type(setting->args[0].text);
    return page_read(scope->load, &setting->args[0], &rule->file_body);
}

/* Header fields. */

static bool take_side(struct scope *scope, const struct word *word, struct rule *rule)
{
    bool is_request = str_eq(word->text, STR("request"));
    rule->side = is_request ? RULE_REQUEST : RULE_RESPONSE;
    return is_request || str_eq(word->text, STR("response")) ||
           mistake(scope->load, word, NULL, "expected 'request' or 'response', not '%.*s'", STR_ARGS(word->text));
}

/* What frames a message or belongs to one hop (RFC 9110, 7.6.1) is written by gatehouse alone. */
static const char *const hop_fields[] = {
    "content-length", "transfer-encoding", "connection",     "keep-alive",          "proxy-connection",   "te",
    "trailer",        "upgrade",           "http2-settings", "proxy-authorization", "proxy-authenticate", NULL};

/* The hop-by-hop field that is meant by the name, of which a final `*` was cut off when `is_start`. */
static const char *hop_field(struct str name, bool is_start)
{
    for (size_t i = 0; hop_fields[i] != NULL; i++)
        if (is_start ? str_starts(str_of(hop_fields[i]), name) : str_eq(str_of(hop_fields[i]), name))
            return hop_fields[i];
    return NULL;
}

static bool refuse_hop(struct scope *scope, const struct word *word, const char *field)
{
    return mistake(scope->load, word, "it belongs to one connection, and gatehouse writes it itself",
                   "no rule may touch '%s'", field);
}

bool set_header(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct rule rule;
    bool is_set = str_eq(setting->name->text, STR("set-header"));
    begin_rule(scope, setting, is_set ? RULE_SET_HEADER : RULE_ADD_HEADER, &rule);
    const struct word *field = &setting->args[1];
    bool fine = take_side(scope, &setting->args[0], &rule) && value_field(field, load->diag, load->arena, &rule.field);
    if (fine && hop_field(rule.field, false) != NULL)
        fine = refuse_hop(scope, field, hop_field(rule.field, false));
    if (fine && !is_set && rule.side == RULE_REQUEST && str_eq(rule.field, STR("host")))
        fine = mistake(load, field, "write: set-header request host TEXT", "a request has one Host field only");
    fine &= value_field_text(&setting->args[2], load->diag);
    fine &= set_text_of(scope, &setting->args[2], rule.side == RULE_REQUEST ? TEMPLATE_REQUEST : TEMPLATE_RESPONSE,
                        &rule);
    return add_rule(scope, setting, &rule, fine);
}

bool set_remove_header(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct rule rule;
    begin_rule(scope, setting, RULE_REMOVE_HEADER, &rule);
    struct word name = setting->args[1];
    bool fine = take_side(scope, &setting->args[0], &rule) && value_field(&name, load->diag, load->arena, &rule.field);
    bool is_start = fine && rule.field.at[rule.field.len - 1] == '*';
    struct str start = is_start ? str_head(rule.field, rule.field.len - 1) : rule.field;
    const char *hop = fine ? hop_field(start, is_start) : NULL;
    bool has_host = fine && rule.side == RULE_REQUEST &&
                    (is_start ? str_starts(STR("host"), start) : str_eq(start, STR("host")));
    if (hop != NULL)
        fine = refuse_hop(scope, &setting->args[1], hop);
    else if (has_host)
        fine = mistake(load, &setting->args[1], NULL, "a request needs its Host field");
    return add_rule(scope, setting, &rule, fine);
}

/* Rewrite, log. */

static struct regex *compile(struct loading *load, const struct word *word)
{
    struct config *config = load->config;
    char why[REGEX_WHY_MAX];
    size_t at = 0;
    struct regex *regex = regex_new(word->text, why, &at);
    if (regex == NULL) {
        struct place place = word_place_at(word, at, 1);
        diag_add(load->diag, DIAG_ERROR, &place, NULL, "this is no regular expression: %s", why);
        return NULL;
    }
    config->regexes = array_room(load->arena, config->regexes, config->regex_count, sizeof(struct regex *));
    config->regexes[config->regex_count++] = regex;
    return regex;
}

static bool check_replacement(struct loading *load, const struct word *word, const struct regex *regex)
{
    size_t at = 0;
    const char *why = rule_replacement_wrong(word->text, regex, &at);
    if (why == NULL)
        return true;
    struct place place = word_place_at(word, at, word->text.len > at + 1 && word->text.at[at] == '$' ? 2 : 1);
    diag_add(load->diag, DIAG_ERROR, &place, "$1 to $9 are the groups, what stands in ( ); a dollar is written $$",
             "'%.*s' is no replacement: %s", STR_ARGS(word->text), why);
    return false;
}

bool set_rewrite(struct scope *scope, const struct setting *setting)
{
    struct rule rule;
    begin_rule(scope, setting, RULE_REWRITE, &rule);
    const struct word *what = &setting->args[0];
    bool fine = str_eq(what->text, STR("path")) ||
                mistake(scope->load, what, "write: rewrite path REGEX REPLACEMENT",
                        "only the path is rewritten, not '%.*s'", STR_ARGS(what->text));
    rule.pattern = compile(scope->load, &setting->args[1]);
    rule.replacement = setting->args[2].text;
    fine &= rule.pattern != NULL && check_replacement(scope->load, &setting->args[2], rule.pattern);
    return add_rule(scope, setting, &rule, fine);
}

bool set_log_rule(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct rule rule;
    bool fine = true;
    begin_rule(scope, setting, RULE_LOG, &rule);
    if (!str_eq(setting->args[0].text, STR("off"))) {
        const struct named *log = names_refer(load, &load->names[NAME_LOG], "log", &setting->args[0]);
        fine = log != NULL;
        rule.log = log != NULL ? log->conf : NULL;
    }
    return add_rule(scope, setting, &rule, fine);
}
