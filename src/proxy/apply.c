#include "proxy/apply.h"

#include "http/authority.h"

#include <stdatomic.h>

static uint16_t default_port(struct str scheme)
{
    return str_eq(scheme, STR("http")) ? 80 : 443;
}

void facts_of_request(struct facts *facts, const struct head *head)
{
    bool is_tunnel = head->method == METHOD_CONNECT;
    facts->phase = PHASE_REQUEST;
    facts->method = head->method;
    facts->method_text = head->method_text;
    facts->minor = head->minor;
    if (facts->scheme.at == NULL)
        facts->scheme = is_tunnel ? STR("tunnel") : STR("http");
    facts->host = head->authority.host;
    facts->host_ip = head->authority.ip;
    facts->port = head->authority.port != 0 ? head->authority.port : default_port(facts->scheme);
    facts->path = facts->asked_path = is_tunnel ? STR_NONE : head->target.path;
    facts->query = is_tunnel ? STR_NONE : head->target.query;
    facts->request_fields = &head->fields;
}

void facts_of_answer(struct facts *facts, const struct head *head, struct arena *arena)
{
    struct fields *fields = arena_alloc(arena, sizeof *fields);
    *fields = head->fields;
    facts->phase = PHASE_RESPONSE;
    facts->status = head->status;
    facts->response_fields = fields;
    facts->response_size = head->length;
    if (head->framing == FRAMING_NONE && head->declared != BODY_UNKNOWN)
        facts->response_size = head->declared;
}

struct str public_authority(struct arena *arena, const struct facts *facts)
{
    if (facts->host.at == NULL)
        return STR_NONE;
    struct authority authority = {.host = facts->host, .port = facts->port, .ip = facts->host_ip};
    return authority_text(arena, &authority, default_port(facts->scheme));
}

static bool may_stand_in_url(char c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

struct str location_safe(struct arena *arena, struct str url, const struct facts *facts)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t bad = 0;
    for (size_t i = 0; i < url.len; i++)
        bad += !may_stand_in_url(url.at[i]);
    bool is_path = str_starts(url, STR("//")) && str_starts(facts->path, STR("//"));
    if (bad == 0 && !is_path)
        return url;
    char *into = arena_bytes(arena, url.len + 2 * bad + 2);
    size_t len = 0;
    if (is_path) {
        into[len++] = '/';
        into[len++] = '.';
    }
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.at[i];
        if (may_stand_in_url(url.at[i])) {
            into[len++] = url.at[i];
            continue;
        }
        into[len++] = '%';
        into[len++] = digits[c >> 4];
        into[len++] = digits[c & 15];
    }
    return str_from(into, len);
}

static bool is_html(struct str media_type)
{
    return str_starts_nocase(media_type, STR("text/html")) || str_starts_nocase(media_type, STR("application/xhtml"));
}

static struct str body_of(const struct rule *rule, const struct facts *facts, struct arena *arena)
{
    if (rule->file_body.at != NULL)
        return rule->file_body;
    if (!rule->has_text)
        return STR_NONE;
    return template_expand(&rule->text, facts, is_html(rule->media_type) ? ESCAPE_HTML : ESCAPE_NONE, arena);
}

void plan_reply(struct plan *plan, const struct rule *rule, const struct facts *facts, struct arena *arena)
{
    plan->kind = PLAN_REPLY;
    plan->status = rule->status;
    plan->location = plan->body = plan->media_type = STR_NONE;
    plan->is_denied = rule->kind == RULE_DENY;
    plan->has_page = plan->is_denied && rule->has_page;
    if (rule->kind == RULE_REDIRECT) {
        plan->location = location_safe(arena, template_expand(&rule->text, facts, ESCAPE_NONE, arena), facts);
    } else if (plan->has_page) {
        plan->media_type = rule->media_type.at != NULL ? rule->media_type : STR("text/html; charset=utf-8");
        struct facts told = *facts;
        told.status = rule->status; /* for $status */
        plan->body = template_expand(&rule->page, &told, is_html(plan->media_type) ? ESCAPE_HTML : ESCAPE_NONE, arena);
    } else if (rule->kind == RULE_RESPOND) {
        plan->body = body_of(rule, facts, arena);
        if (plan->body.len > 0)
            plan->media_type = rule->media_type.at != NULL ? rule->media_type : STR("text/plain; charset=utf-8");
    }
}

void plan_page(struct plan *plan, uint16_t status, struct str html)
{
    plan->kind = PLAN_REPLY;
    plan->status = status;
    plan->location = STR_NONE;
    plan->body = html;
    plan->media_type = STR("text/html; charset=utf-8");
    plan->is_denied = true;
    plan->has_page = false;
}

void plan_logs(struct plan *plan, const struct acted *acted, struct arena *arena)
{
    size_t most = 0;
    for (const struct acted *each = acted; each != NULL; each = each->next)
        most += each->rule->kind == RULE_LOG;
    if (most == 0)
        return;
    const struct log_conf **logs = arena_alloc(arena, most * sizeof *logs);
    size_t count = 0;
    for (; acted != NULL; acted = acted->next) {
        if (acted->rule->kind != RULE_LOG)
            continue;
        size_t at = 0;
        while (at < count && logs[at] != acted->rule->log)
            at++;
        if (acted->rule->log == NULL)
            count = 0;
        else if (at == count)
            logs[count++] = acted->rule->log;
    }
    plan->logs = logs;
    plan->log_count = count;
    plan->log_decided = true;
}

static char folded(char c)
{
    return c == '_' ? '-' : char_lower(c);
}

/* As CGI and its heirs would hand it on, which cannot tell an underscore from a hyphen. */
static bool is_same_to_cgi(struct str a, struct str b)
{
    size_t i = 0;
    while (a.len == b.len && i < a.len && folded(a.at[i]) == folded(b.at[i]))
        i++;
    return a.len == b.len && i == a.len;
}

/* Whoever sets a field relies on it: nothing that the client sent under the like of its name may stand beside it. */
static void drop_likes(struct fields *fields, struct str name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < fields->count; i++)
        if (!is_same_to_cgi(fields->at[i].name, name))
            fields->at[kept++] = fields->at[i];
    fields->count = kept;
}

static void add_alone(struct fields *fields, struct str name, struct str value)
{
    drop_likes(fields, name);
    fields_add(fields, name, value);
}

static void set_field(struct head *head, struct str name, struct str value, struct arena *arena)
{
    if (field_id_of(name) == FIELD_HOST) /* one that is no host would be worse than the client's: nothing is set */
        authority_parse(arena, value, AUTHORITY_HOST, &head->authority);
    else if (is_field_value(value))
        add_alone(&head->fields, name, value);
    else /* what the client has sent under this name must not stand in its place */
        drop_likes(&head->fields, name);
}

static void apply_field_rule(const struct rule *rule, const struct facts *facts, struct arena *arena, struct head *head)
{
    if (rule->kind == RULE_REMOVE_HEADER) {
        fields_remove(&head->fields, rule->field);
        return;
    }
    struct str value = str_trim(template_expand(&rule->text, facts, ESCAPE_NONE, arena));
    if (rule->kind == RULE_SET_HEADER || field_id_of(rule->field) == FIELD_HOST)
        set_field(head, rule->field, value, arena);
    else if (is_field_value(value))
        fields_add(&head->fields, rule->field, value);
}

void apply_field_rules(const struct acted *acted, enum rule_side side, const struct facts *facts, struct arena *arena,
                       struct head *head)
{
    for (; acted != NULL; acted = acted->next) {
        enum rule_kind kind = acted->rule->kind;
        bool is_edit = kind == RULE_SET_HEADER || kind == RULE_ADD_HEADER || kind == RULE_REMOVE_HEADER;
        if (is_edit && acted->rule->side == side)
            apply_field_rule(acted->rule, facts, arena, head);
    }
}

static bool rule_has(const struct rule *rule, struct str name)
{
    struct str field = rule->field;
    if (rule->kind == RULE_REMOVE_HEADER && str_ends(field, STR("*"))) {
        field = str_head(field, field.len - 1);
        name = str_head(name, field.len);
    }
    return (rule->kind == RULE_SET_HEADER || rule->kind == RULE_REMOVE_HEADER) && is_same_to_cgi(field, name);
}

bool field_rules_have(const struct acted *acted, enum rule_side side, struct str name)
{
    for (; acted != NULL; acted = acted->next)
        if (acted->rule->side == side && rule_has(acted->rule, name))
            return true;
    return false;
}

static bool name_matches(struct str name, const char *pattern)
{
    for (size_t i = 0; i < name.len; i++, pattern++) {
        if (*pattern == '*')
            return true;
        if (folded(name.at[i]) != *pattern)
            return false;
    }
    return *pattern == '\0' || *pattern == '*';
}

static bool is_one_of(struct str name, const char *const *patterns)
{
    for (; *patterns != NULL; patterns++)
        if (name_matches(name, *patterns))
            return true;
    return false;
}

bool field_patterns_have(const struct field_patterns *of, struct str name)
{
    return is_one_of(name, of->patterns);
}

static uint32_t letter_bit(char c)
{
    return (uint32_t)1 << ((unsigned char)c % 32); /* the same for both cases */
}

/* Found at the first use; any thread finds the same. */
static uint32_t first_letters(struct field_patterns *of)
{
    uint32_t letters = atomic_load_explicit(&of->letters, memory_order_acquire);
    if (letters != 0)
        return letters;
    uint64_t known = 0;
    for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++)
        if (is_one_of(field_name((enum field_id)id), of->patterns))
            known |= UINT64_C(1) << id;
    for (const char *const *pattern = of->patterns; *pattern != NULL; pattern++)
        letters |= letter_bit(**pattern);
    atomic_store_explicit(&of->known, known, memory_order_relaxed);
    atomic_store_explicit(&of->letters, letters, memory_order_release);
    return letters;
}

/* Names that gatehouse does not know are compared, but for most of them the first letter tells enough. */
void fields_drop(struct fields *fields, struct field_patterns *of)
{
    uint32_t letters = first_letters(of);
    uint64_t known = atomic_load_explicit(&of->known, memory_order_relaxed);
    if ((fields->seen & (known | UINT64_C(1) << FIELD_OTHER)) == 0)
        return;
    unsigned kept = 0;
    for (unsigned i = 0; i < fields->count; i++) {
        const struct field *field = &fields->at[i];
        bool is_other = field->id == FIELD_OTHER && (letters & letter_bit(field->name.at[0])) != 0;
        if ((known >> field->id & 1) != 0 || (is_other && is_one_of(field->name, of->patterns)))
            continue;
        if (kept != i)
            fields->at[kept] = *field;
        kept++;
    }
    fields->count = kept;
}
