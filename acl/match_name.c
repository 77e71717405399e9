/* host and listed: by the name that the request is for; tls-sni: by the one that a ClientHello names. */
#include "acl/condition.h"

#include "acl/list.h"

struct host_condition {
    struct name_pattern *patterns;
    size_t count;
};

struct listed_condition {
    const struct list_conf **lists;
    size_t count;
};

static const struct host_condition *host_of(const struct condition *condition)
{
    return (const void *)condition;
}

struct condition *host_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct host_condition *condition = arena_new(scope->arena, struct host_condition);
    bool is_good = true;
    condition->patterns = arena_zalloc(scope->arena, count * sizeof *condition->patterns);
    condition->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *why, *hint;
        if (name_pattern_parse(scope->arena, values[i].text, &condition->patterns[i], &why, &hint))
            continue;
        diag_add(scope->diag, DIAG_ERROR, &values[i].place, hint, "'%.*s' is no pattern of host names: %s",
                 STR_ARGS(values[i].text), why);
        is_good = false;
    }
    return is_good ? (void *)condition : NULL;
}

static enum truth covers(const struct host_condition *condition, struct str name)
{
    for (size_t i = 0; i < condition->count; i++)
        if (name_pattern_covers(&condition->patterns[i], name))
            return TRUTH_YES;
    return TRUTH_NO;
}

enum truth host_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct host_condition *host = host_of(condition);
    (void)ret_match;
    return facts->host.at == NULL ? TRUTH_UNKNOWN : covers(host, facts->host);
}

/* An address is never named there (RFC 6066 3). */
struct condition *tls_sni_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct condition *condition = host_parse(scope, values, count);
    bool is_good = condition != NULL;
    for (size_t i = 0; condition != NULL && i < count; i++) {
        if (!host_of(condition)->patterns[i].is_ip)
            continue;
        diag_add(scope->diag, DIAG_ERROR, &values[i].place, "the condition `destination` asks for addresses",
                 "'%.*s' is an address, and TLS clients name none", STR_ARGS(values[i].text));
        is_good = false;
    }
    return is_good ? condition : NULL;
}

enum truth tls_sni_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    (void)ret_match;
    if (!facts->has_hello)
        return TRUTH_UNKNOWN;
    return facts->tls_name.at == NULL ? TRUTH_NO : covers(host_of(condition), facts->tls_name);
}

const struct name_pattern *host_patterns(const struct condition *condition, size_t *ret_count)
{
    *ret_count = host_of(condition)->count;
    return host_of(condition)->patterns;
}

struct condition *listed_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct listed_condition *condition = arena_new(scope->arena, struct listed_condition);
    condition->lists = arena_zalloc(scope->arena, count * sizeof(const struct list_conf *));
    for (size_t i = 0; i < count; i++) {
        const struct list_conf *list = condition_list(scope, &values[i], 0);
        if (list != NULL)
            condition->lists[condition->count++] = list;
    }
    return condition->count == count ? (void *)condition : NULL;
}

enum truth listed_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    const struct listed_condition *listed = (const void *)condition;
    enum truth truth = TRUTH_NO;
    if (facts->host.at == NULL)
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < listed->count; i++) {
        const struct list *list = listed->lists[i]->compiled;
        enum truth one = list == NULL ? TRUTH_UNKNOWN : list_find(list, facts->host, facts->path, ret_match);
        if (one == TRUTH_YES)
            return TRUTH_YES;
        truth = one == TRUTH_UNKNOWN ? one : truth;
    }
    return truth;
}
