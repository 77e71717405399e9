/* source and destination: addresses, ranges, and lists of them. */
#include "acl/condition.h"

#include "acl/list.h"

struct address_condition {
    struct cidr_set ranges;
    const struct list_conf **lists;
    size_t list_count;
};

static const struct address_condition *address_of(const struct condition *condition)
{
    return (const void *)condition;
}

static bool parse_value(const struct acl_scope *scope, const struct word *word, struct address_condition *into)
{
    struct cidr range;
    const char *why;
    if (str_starts(word->text, STR("@"))) {
        const struct list_conf *list = condition_list(scope, word, 1);
        if (list != NULL)
            into->lists[into->list_count++] = list;
        return list != NULL;
    }
    if (!cidr_parse(word->text, &range, &why)) {
        diag_add(scope->diag, DIAG_ERROR, &word->place, "expected an address, a range like 10.0.0.0/8, or @LIST",
                 "'%.*s' is no range of addresses: %s", STR_ARGS(word->text), why);
        return false;
    }
    cidr_set_add(&into->ranges, scope->arena, &range, 0);
    return true;
}

static struct condition *parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    struct address_condition *condition = arena_new(scope->arena, struct address_condition);
    bool is_good = true;
    condition->lists = arena_zalloc(scope->arena, count * sizeof(const struct list_conf *));
    for (size_t i = 0; i < count; i++)
        is_good &= parse_value(scope, &values[i], condition);
    return is_good ? (void *)condition : NULL;
}

struct condition *source_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    return parse(scope, values, count);
}

struct condition *destination_parse(const struct acl_scope *scope, const struct word *values, size_t count)
{
    return parse(scope, values, count);
}

static enum truth has_address(const struct address_condition *condition, const struct ip *ip, struct match *ret_match)
{
    uint32_t number;
    enum truth truth = TRUTH_NO;
    if (cidr_set_find(&condition->ranges, ip, &number))
        return TRUTH_YES;
    for (size_t i = 0; i < condition->list_count; i++) {
        const struct list *list = condition->lists[i]->compiled;
        if (list == NULL)
            truth = TRUTH_UNKNOWN;
        else if (list_find_ip(list, ip, ret_match) == TRUTH_YES)
            return TRUTH_YES;
    }
    return truth;
}

/* The peer of a unix socket has no address: that is known, so it is in no range. */
enum truth source_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    return facts->client.version == 0 ? TRUTH_NO : has_address(address_of(condition), &facts->client, ret_match);
}

/* A numeric host is its own address, whoever connects to it. Beyond PHASE_DIAL an address that is not there never will
   be: a parent resolves. */
enum truth destination_truth(const struct condition *condition, const struct facts *facts, struct match *ret_match)
{
    struct ip ip = facts->destination.version != 0 ? facts->destination : facts->host_ip;
    if (ip.version == 0)
        return facts->phase < PHASE_DIAL ? TRUTH_LATER : TRUTH_UNKNOWN;
    return has_address(address_of(condition), &ip, ret_match);
}

const struct list_conf *const *address_lists(const struct condition *condition, size_t *ret_count)
{
    *ret_count = address_of(condition)->list_count;
    return address_of(condition)->lists;
}
