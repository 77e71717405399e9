#include "modes/forward/tunnel_check.h"

bool tunnel_check_applies(const struct facts *facts)
{
    return facts->method == METHOD_CONNECT && facts->port == TUNNEL_CHECK_PORT;
}

struct client_hello tunnel_check_imagine(struct str name, bool is_ip)
{
    return (struct client_hello){.state = CLIENT_HELLO_WHOLE, .name = is_ip ? STR_NONE : name};
}

/* A sentence for people when `tunnel-check` refuses it; else nothing. */
static struct str find_wrong(const struct tunnel_check_conf *check, struct str host, const struct client_hello *hello,
                             struct arena *arena)
{
    if (hello->state == CLIENT_HELLO_NOT_TLS)
        return check->not_tls == TUNNEL_DENY ? STR("What was sent in the tunnel is not TLS.") : STR_NONE;
    if (hello->state == CLIENT_HELLO_MALFORMED) /* whatever else may be: the rules cannot be asked about its name */
        return arena_printf(arena, "The TLS greeting in the tunnel cannot be read: %s.", hello->wrong);
    if (hello->has_ech && check->ech == TUNNEL_DENY)
        return STR("The TLS greeting in the tunnel may hide the name of the host.");
    if (hello->name.at == NULL)
        return check->no_name == TUNNEL_DENY ? STR("The TLS greeting in the tunnel names no host.") : STR_NONE;
    if (!str_eq(hello->name, host) && check->mismatch == TUNNEL_DENY)
        return arena_printf(arena, "The tunnel was asked for %.*s, and the TLS greeting in it names %.*s.",
                            STR_ARGS(host), STR_ARGS(hello->name));
    return STR_NONE;
}

/* As if the tunnel had been asked for by the name in the hello. */
static bool pass_rules(const struct forward_conf *block, struct facts *facts, struct arena *arena,
                       struct forward_decision *decision)
{
    struct facts inside = *facts;
    struct forward_decision again;
    if (facts->tls_name.at != NULL) {
        inside.host = facts->tls_name;
        inside.host_ip = (struct ip){0};
    }
    forward_decide(block, &inside, arena, NULL, &again);
    if (again.outcome == FORWARD_ALLOW || again.outcome == FORWARD_LATER)
        return true;
    *decision = again;
    facts->rule = inside.rule;
    facts->reason = inside.reason;
    facts->matched = inside.matched;
    facts->verdict = STR("deny"); /* also by a redirect or a respond: nobody is answered */
    return false;
}

bool tunnel_check(const struct forward_conf *block, struct facts *facts, const struct client_hello *hello,
                  struct arena *arena, struct forward_decision *decision)
{
    struct str wrong = find_wrong(&block->tunnel_check, facts->host, hello, arena);
    if (wrong.len > 0) {
        forward_deny(decision, STR("tunnel-check"), wrong);
        forward_tell(decision, facts, arena);
        return false;
    }
    if (hello->state != CLIENT_HELLO_WHOLE)
        return true;
    facts->has_hello = true;
    facts->tls_name = hello->name;
    return pass_rules(block, facts, arena, decision);
}
