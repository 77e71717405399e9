#include "conf/check.h"

#include "base/map.h"

#include <string.h>

/* A listen line and the block it stands in: one of the two. */
struct gate {
    const struct listen_conf *listen;
    const struct reverse_conf *reverse;
    const struct forward_conf *forward;
};

struct checker {
    struct loading *load;
    struct map listens; /* by address: the first gate */
    struct map hosts;   /* by address and pattern: the first struct host_pattern */
};

static struct str address_key(struct arena *arena, const struct addr *addr)
{
    char text[ADDR_TEXT_MAX];
    return arena_dup(arena, str_from(text, addr_text(addr, text)));
}

static bool is_same_head(const struct gate *a, const struct gate *b)
{
    const struct limits *x = &a->reverse->settings.limits, *y = &b->reverse->settings.limits;
    const struct timeouts *s = &a->reverse->settings.timeouts, *t = &b->reverse->settings.timeouts;
    return x->uri_size == y->uri_size && x->header_size == y->header_size && x->field_size == y->field_size &&
           x->header_count == y->header_count && x->chunk_line == y->chunk_line &&
           x->chunk_overhead == y->chunk_overhead && x->trailer_size == y->trailer_size &&
           x->trailer_count == y->trailer_count && s->tls_handshake == t->tls_handshake &&
           s->client_header == t->client_header && s->client_idle == t->client_idle;
}

static void check_same_address(struct checker *checker, const struct gate *first, const struct gate *gate)
{
    struct loading *load = checker->load;
    const struct word *word = &gate->listen->address;
    const char *where = loading_where(load, &first->listen->address, word);
    if (first->forward != NULL || gate->forward != NULL)
        mistake(load, word, where, "a forward block has its addresses to itself");
    else if (!str_eq(first->listen->from_text, gate->listen->from_text) ||
             first->listen->is_tls != gate->listen->is_tls ||
             first->listen->is_passthrough != gate->listen->is_passthrough)
        mistake(load, word, where, "two blocks on one address must agree on what follows the address");
    else if (first->listen->is_dual != gate->listen->is_dual)
        mistake(load, word, where, "the same address, once for IPv6 and IPv4, once for IPv6 alone");
    else if (!is_same_head(first, gate))
        mistake(load, word, where,
                "two blocks on one address must agree on the limits and timeouts of a request's head");
}

/* 0.0.0.0:80 beside :80, which is for IPv4 too. */
static void check_overlap(struct checker *checker, const struct gate *gate)
{
    struct loading *load = checker->load;
    struct ip ip = addr_ip(&gate->listen->addr), any4 = {.version = 4}, any6 = {.version = 6};
    bool is_any4 = ip_eq(&ip, &any4);
    if (!is_any4 && !gate->listen->is_dual)
        return;
    struct addr other = addr_of_ip(is_any4 ? &any6 : &any4, addr_port(&gate->listen->addr));
    const struct gate *first = map_get(&checker->listens, address_key(load->arena, &other));
    if (first != NULL && (first->listen->is_dual || gate->listen->is_dual))
        mistake(load, &gate->listen->address, loading_where(load, &first->listen->address, &gate->listen->address),
                "all IPv4 addresses of this port are listened on twice");
}

static void add_hosts(struct checker *checker, struct str address, const struct reverse_conf *reverse)
{
    struct loading *load = checker->load;
    for (size_t i = 0; i < reverse->host_count; i++) {
        struct host_pattern *pattern = &reverse->hosts[i];
        struct str key = arena_printf(load->arena, "%.*s %d %.*s", STR_ARGS(address), pattern->kind,
                                      STR_ARGS(pattern->name));
        const struct host_pattern *first = map_get(&checker->hosts, key);
        const char *where = first != NULL ? loading_where(load, &first->word, &pattern->word) : NULL;
        if (first == NULL)
            map_put(&checker->hosts, key, pattern);
        else if (pattern->kind == HOST_DEFAULT)
            mistake(load, &pattern->word, where, "a second block for the rest of the hosts on %.*s: give it a 'host'",
                    STR_ARGS(address));
        else
            mistake(load, &pattern->word, where, "'%.*s' is served on %.*s already", STR_ARGS(pattern->word.text),
                    STR_ARGS(address));
    }
}

static void check_gate(struct checker *checker, const struct gate *gate)
{
    struct loading *load = checker->load;
    struct str key = address_key(load->arena, &gate->listen->addr);
    const struct gate *first = map_get(&checker->listens, key);
    if (first != NULL) {
        check_same_address(checker, first, gate);
    } else {
        struct gate *copy = arena_new(load->arena, struct gate);
        *copy = *gate;
        map_put(&checker->listens, key, copy);
        check_overlap(checker, gate);
    }
    if (gate->reverse != NULL)
        add_hosts(checker, key, gate->reverse);
}

/* Files of an order go by its authority and first name. */
static void check_orders(struct loading *load)
{
    const struct config *config = load->config;
    for (size_t i = 0; i < config->tls_server_count; i++)
        for (size_t n = 0; n < i; n++) {
            const struct tls_server_conf *first = config->tls_servers[n], *second = config->tls_servers[i];
            if (first->certificate_count == 0 || second->certificate_count == 0 || first->source != CERTIFICATE_AUTO ||
                second->source != CERTIFICATE_AUTO ||
                strcmp(first->certificates[0].key_path, second->certificates[0].key_path) != 0 ||
                str_eq(first->names, second->names))
                continue;
            mistake(load, &second->place, loading_where(load, &first->place, &second->place),
                    "two orders whose first host is '%s' have different hosts: write the same, or another one first",
                    second->acme->first);
        }
}

void check_blocks(struct loading *load)
{
    const struct config *config = load->config;
    struct checker checker = {.load = load};
    map_init(&checker.listens);
    map_init(&checker.hosts);
    for (size_t i = 0; i < config->reverse_count; i++)
        for (size_t n = 0; n < config->reverses[i].listen_count; n++)
            check_gate(&checker,
                       &(struct gate){.listen = &config->reverses[i].listens[n], .reverse = &config->reverses[i]});
    for (size_t i = 0; i < config->forward_count; i++)
        for (size_t n = 0; n < config->forwards[i].listen_count; n++)
            check_gate(&checker,
                       &(struct gate){.listen = &config->forwards[i].listens[n], .forward = &config->forwards[i]});
    map_fini(&checker.listens);
    map_fini(&checker.hosts);
    check_orders(load);
}
