#include "conf/block.h"
#include "conf/setters.h"

bool set_tunnel_check(struct scope *outer, const struct setting *setting)
{
    struct mode_draft *mode = outer->target;
    struct scope scope;
    mode->checks = setting->name;
    scope_init(&scope, outer->load, outer, BLOCK_TUNNEL_CHECK, &mode->tunnel_check);
    block_read(&scope, setting->statement->block);
    return true;
}

void tunnel_check_defaults(const struct scope *outer)
{
    struct scope scope;
    scope_init(&scope, outer->load, outer, BLOCK_TUNNEL_CHECK, &outer->mode->tunnel_check);
    scope_set_defaults(&scope);
}

/* What is said of greetings where none is read. */

static bool has_port(const struct port_ranges *ranges, uint16_t port)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->at[i].from <= port && port <= ranges->at[i].to)
            return true;
    return false;
}

static bool has_other_port(const struct port_ranges *ranges, uint16_t port)
{
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->at[i].from != port || ranges->at[i].to != port)
            return true;
    return false;
}

static const struct expression *find_kind(const struct expression *expression, const char *kind)
{
    if (expression == NULL)
        return NULL;
    if (expression->op == EXPRESSION_CONDITION)
        return str_eq(str_of(expression->kind->name), str_of(kind)) ? expression : NULL;
    const struct expression *left = find_kind(expression->left, kind);
    return left != NULL ? left : find_kind(expression->right, kind);
}

static void check_rule(struct scope *scope, const struct rule *rule)
{
    const struct port_ranges *ports = &scope->mode->tunnel_ports;
    const struct expression *asked = find_kind(rule->when, "tls-sni");
    if (asked == NULL)
        return;
    if (!has_port(ports, TUNNEL_CHECK_PORT))
        diag_add(scope->load->diag, DIAG_ERROR, &asked->place, "add 443 to tunnel-ports",
                 "'%.*s' is never known here: only tunnels to port 443 are looked into", STR_ARGS(asked->name));
    else if (has_other_port(ports, TUNNEL_CHECK_PORT) && find_kind(rule->when, "port") == NULL)
        diag_add(scope->load->diag, DIAG_WARNING, &asked->place, "add 'and port(443)', if that is meant",
                 "of tunnels to other ports than 443 '%.*s' is never known", STR_ARGS(asked->name));
}

void tunnel_check_block(struct scope *scope)
{
    const struct mode_draft *mode = scope->mode;
    if (mode->tunnel_ports.count == 0) /* their mistake was told */
        return;
    for (size_t i = 0; i < mode->rule_count; i++)
        check_rule(scope, &mode->rules[i]);
    if (mode->checks != NULL && !has_port(&mode->tunnel_ports, TUNNEL_CHECK_PORT))
        mistake(scope->load, mode->checks, "add 443 to tunnel-ports", "only tunnels to port 443 are looked into");
}
