#include "upstream/reach.h"

#include "base/counter.h"
#include "base/must.h"
#include "upstream/connection.h"
#include "upstream/pool.h"
#include "upstream/server_load.h"
#include "upstream/upstreams.h"

/* One more server, and only as long as no byte was written. */
enum { RETRIES = 1, ADDRESSES_MAX = 8 };

struct reach {
    struct upstreams *upstreams;
    struct arena *arena;
    const struct dial_policy *policy;
    msec connect_timeout;
    unsigned tries;
    bool fresh;
    struct str preface; /* at == NULL: none */
    enum fault fault;
    struct server *server;     /* being tried; counted */
    struct upstream *upstream; /* the result */
    struct dial *dial;
    struct str detail; /* of the last failure */
    /* A pool */
    const struct pool_conf *pool_conf; /* of the exchange's own generation */
    const struct pool *pool;           /* that `tried` is about; only compared, since a reload frees it */
    size_t tried_count;
    bool *tried;
    struct server_conf conf;            /* of the server being tried; a copy, for the same reason */
    struct lookup *lookup;              /* of a server with a name */
    struct ip addresses[ADDRESSES_MAX]; /* its addresses, in the order to be tried */
    unsigned address_count;
    unsigned address_next;
    struct transport *securing; /* connected, and in its TLS handshake */
    struct addr securing_peer;
    struct timer timer; /* of the handshake */
    msec tls_timeout;
    /* A host */
    struct str host;
    uint16_t port;
    struct ip literal;
    bool keep;
};

static const enum fault dial_faults[] = {
    [DIAL_OK] = FAULT_NONE,
    [DIAL_NO_NAME] = FAULT_NAME_UNKNOWN,
    [DIAL_NAME_FAILED] = FAULT_NAME_FAILED,
    [DIAL_NAME_TIMEOUT] = FAULT_NAME_TIMEOUT,
    [DIAL_DENIED] = FAULT_ADDRESS_DENIED,
    [DIAL_REFUSED] = FAULT_CONNECT_FAILED,
    [DIAL_TIMEOUT] = FAULT_CONNECT_TIMEOUT,
};

static const enum fault lookup_faults[] = {
    [LOOKUP_OK] = FAULT_NONE,
    [LOOKUP_NO_NAME] = FAULT_NAME_UNKNOWN,
    [LOOKUP_FAILED] = FAULT_NAME_FAILED,
    [LOOKUP_TIMEOUT] = FAULT_NAME_TIMEOUT,
};

static struct reach *reach_new(struct upstreams *upstreams, struct arena *arena, msec connect_timeout, bool fresh)
{
    struct reach *reach = arena_new(arena, struct reach);
    reach->upstreams = upstreams;
    reach->arena = arena;
    reach->connect_timeout = connect_timeout;
    reach->fresh = fresh;
    timer_init(&reach->timer, NULL);
    return reach;
}

struct reach *reach_pool(struct upstreams *upstreams, struct arena *arena, const struct pool_conf *conf,
                         msec connect_timeout, msec tls_timeout, bool fresh)
{
    struct reach *reach = reach_new(upstreams, arena, connect_timeout, fresh);
    reach->pool_conf = conf;
    reach->tls_timeout = tls_timeout;
    return reach;
}

struct reach *reach_host(struct upstreams *upstreams, struct arena *arena, struct str host, uint16_t port,
                         const struct ip *literal, msec connect_timeout, const struct dial_policy *policy,
                         unsigned keep, bool fresh)
{
    struct reach *reach = reach_new(upstreams, arena, connect_timeout, fresh);
    reach->host = host;
    reach->port = port;
    reach->literal = *literal;
    reach->policy = policy;
    reach->keep = keep > 0;
    reach->server = upstreams_host(upstreams, host, port, keep);
    server_enter(reach->server);
    return reach;
}

void reach_set_preface(struct reach *reach, struct str preface)
{
    reach->preface = preface;
    reach->fresh = true;
}

static void leave_server(struct reach *reach)
{
    dial_free(reach->dial);
    lookup_free(reach->lookup);
    reach->dial = NULL;
    reach->lookup = NULL;
    transport_free(reach->securing);
    reach->securing = NULL;
    timer_clear(&reach->timer);
    reach->address_count = reach->address_next = 0;
    if (reach->server != NULL) {
        server_leave(reach->server);
        server_unref(reach->server);
    }
    reach->server = NULL;
}

void reach_fini(struct reach *reach)
{
    if (reach == NULL)
        return;
    leave_server(reach);
    timer_fini(&reach->timer);
    if (reach->upstream != NULL)
        upstream_free(reach->upstream);
    reach->upstream = NULL;
}

static enum flow fail(struct reach *reach, enum fault fault)
{
    reach->fault = fault;
    reach->detail = STR_NONE;
    return FLOW_FAIL;
}

static bool may_reuse(void *arg, const struct addr *peer)
{
    const struct dial_policy *policy = arg;
    struct ip ip = addr_ip(peer);
    return policy->may == NULL || policy->may(policy, &ip, addr_port(peer));
}

static bool has_name(const struct reach *reach)
{
    return reach->conf.host.at != NULL;
}

static bool is_next_address(void *arg, const struct addr *peer)
{
    const struct reach *reach = arg;
    struct ip ip = addr_ip(peer);
    return ip_eq(&ip, &reach->addresses[reach->address_next]);
}

static bool take_idle(struct reach *reach)
{
    if (reach->fresh)
        return false;
    if (has_name(reach)) {
        reach->upstream = upstream_take(reach->server, is_next_address, reach);
        return reach->upstream != NULL;
    }
    bool asks = reach->policy != NULL;
    reach->upstream = upstream_take(reach->server, asks ? may_reuse : NULL, (void *)(uintptr_t)reach->policy);
    return reach->upstream != NULL;
}

static enum flow connected(struct reach *reach, struct transport *taken, const struct addr *peer)
{
    reach->upstream = upstream_new(reach->server, taken, peer);
    reach->upstream->is_personal = reach->preface.at != NULL;
    if (reach->server->tls == NULL) /* else it has gone before the handshake */
        http1_client_precede(reach->upstream->http, reach->preface);
    counter_add(&reach->upstreams->counts.connects, 1);
    return FLOW_END;
}

/* A host (forward mode) */

static enum flow poll_host(struct reach *reach, struct task *who)
{
    if (reach->dial == NULL) {
        reach->tries++;
        if (reach->keep && take_idle(reach))
            return FLOW_END;
        struct addr to = addr_of_ip(&reach->literal, reach->port);
        reach->dial = reach->literal.version != 0 ? dial_address(&to, reach->connect_timeout, reach->policy)
                                                  : dial_name(reach->upstreams->resolver, reach->host, reach->port,
                                                              reach->connect_timeout, reach->policy);
    }
    enum flow flow = dial_poll(reach->dial, who);
    if (flow == FLOW_END) {
        struct addr peer;
        struct transport *transport = dial_take(reach->dial, &peer);
        return connected(reach, transport, &peer);
    }
    return flow == FLOW_FAIL ? fail(reach, dial_faults[dial_result_of(reach->dial)]) : flow;
}

/* A pool (reverse mode) */

/* The addresses of a name are servers of their own: each try begins with the next one. */
static void rotate_addresses(struct reach *reach, const struct addresses *found)
{
    size_t count = found->count < ADDRESSES_MAX ? found->count : ADDRESSES_MAX;
    unsigned turn = reach->server->turn++;
    for (size_t i = 0; i < count; i++)
        reach->addresses[i] = found->at[(turn + i) % found->count];
    reach->address_count = (unsigned)count;
}

static enum flow resolve_server(struct reach *reach, struct task *who)
{
    struct addresses found = {0};
    enum lookup_result result;
    if (reach->lookup == NULL)
        reach->lookup = lookup_new(reach->upstreams->resolver, reach->conf.host);
    enum flow flow = lookup_poll(reach->lookup, &result, &found, who);
    if (flow != FLOW_END)
        return flow;
    if (result != LOOKUP_OK || found.count == 0)
        return fail(reach, result != LOOKUP_OK ? lookup_faults[result] : FAULT_NAME_UNKNOWN);
    rotate_addresses(reach, &found);
    return FLOW_END;
}

static enum flow dial_server(struct reach *reach, struct task *who)
{
    if (has_name(reach) && reach->address_count == 0) {
        enum flow flow = resolve_server(reach, who);
        if (flow != FLOW_END)
            return flow;
    }
    for (;;) {
        if (reach->dial == NULL) {
            if (has_name(reach) && take_idle(reach)) /* of the address whose turn it is */
                return FLOW_END;
            struct addr to = has_name(reach) ? addr_of_ip(&reach->addresses[reach->address_next++], reach->conf.port)
                                             : reach->conf.addr;
            reach->dial = dial_address(&to, reach->connect_timeout, reach->policy);
        }
        enum flow flow = dial_poll(reach->dial, who);
        if (flow != FLOW_FAIL)
            return flow;
        fail(reach, dial_faults[dial_result_of(reach->dial)]);
        dial_free(reach->dial);
        reach->dial = NULL;
        if (reach->address_next >= reach->address_count)
            return FLOW_FAIL;
    }
}

/* Whose certificate it ought to be. */
static struct str name_of_server(struct reach *reach)
{
    char text[ADDR_TEXT_MAX];
    struct ip ip = addr_ip(&reach->conf.addr);
    if (has_name(reach))
        return reach->conf.host;
    return ip.version != 0 ? arena_dup(reach->arena, str_from(text, ip_text(&ip, text))) : STR_NONE;
}

/* A new socket takes so few bytes at once, or none at all any more. */
static bool send_preface(struct reach *reach, struct transport *tcp, struct task *who)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_add_reference(&buffer, reach->preface, NULL, NULL);
    enum flow flow = transport_write(tcp, &buffer, who);
    buffer_clear(&buffer);
    return flow == FLOW_MORE;
}

static enum flow begin_securing(struct reach *reach, struct task *who)
{
    struct transport *tcp = dial_take(reach->dial, &reach->securing_peer);
    if (reach->preface.at != NULL && !send_preface(reach, tcp, who)) {
        transport_free(tcp);
        return fail(reach, FAULT_CONNECT_FAILED);
    }
    reach->securing = tls_connect(tcp, reach->server->tls, name_of_server(reach), &reach->server->resumption);
    reach->timer.task = who;
    timer_set(&reach->timer, reach->tls_timeout);
    return FLOW_MORE;
}

/* Another server may answer, and then the exchange knows nothing of it. */
static void tell_not_secured(struct reach *reach, const char *why)
{
    if (server_load_may_tell(reach->server->load, clock_mono()))
        reach->upstreams->ops->not_secured(reach->pool_conf->name.text, reach->conf.text, why);
}

static enum flow fail_securing(struct reach *reach, enum fault fault, const char *why)
{
    fail(reach, fault);
    reach->detail = arena_dup(reach->arena, str_of(why));
    tell_not_secured(reach, why);
    return FLOW_FAIL;
}

static enum flow secure(struct reach *reach, struct task *who)
{
    enum flow flow = tls_connected(reach->securing, who);
    if (flow == FLOW_FAIL)
        return fail_securing(reach, tls_is_untrusted(reach->securing) ? FAULT_TLS_UNTRUSTED : FAULT_TLS_FAILED,
                             tls_why(reach->securing));
    if (flow == FLOW_WAIT)
        return timer_is_due(&reach->timer) ? fail_securing(reach, FAULT_TLS_TIMEOUT, "no end of the handshake in time")
                                           : flow;
    timer_clear(&reach->timer);
    struct transport *transport = reach->securing;
    reach->securing = NULL;
    return connected(reach, transport, &reach->securing_peer);
}

/* Each address of a name is a server of its own: false when it was the last. */
static bool leave_address(struct reach *reach)
{
    transport_free(reach->securing);
    reach->securing = NULL;
    dial_free(reach->dial);
    reach->dial = NULL;
    timer_clear(&reach->timer);
    return reach->address_next < reach->address_count;
}

/* A connection to an address of the server that is being tried: an idle one, or a new one. */
static enum flow join_address(struct reach *reach, struct task *who)
{
    if (reach->securing == NULL) {
        enum flow flow = dial_server(reach, who);
        if (flow != FLOW_END || reach->upstream != NULL)
            return flow;
        if (reach->server->tls == NULL) {
            struct addr peer;
            struct transport *transport = dial_take(reach->dial, &peer);
            return connected(reach, transport, &peer);
        }
        if (begin_securing(reach, who) == FLOW_FAIL)
            return FLOW_FAIL;
    }
    return secure(reach, who);
}

static enum flow join_server(struct reach *reach, struct task *who)
{
    enum flow flow;
    do
        flow = join_address(reach, who);
    while (flow == FLOW_FAIL && reach->securing != NULL && leave_address(reach));
    return flow;
}

/* Looked up for each try: a reload may have put another pool in its place since the last. */
static struct pool *current_pool(struct reach *reach)
{
    struct pool *pool = upstreams_pool(reach->upstreams, reach->pool_conf);
    if (pool != NULL && (pool != reach->pool || pool->conf->server_count != reach->tried_count)) {
        reach->pool = pool;
        reach->tried_count = pool->conf->server_count;
        reach->tried = arena_zalloc(reach->arena, reach->tried_count * sizeof(bool));
        for (size_t i = 0; i < reach->tried_count; i++)
            reach->tried[i] = reach->tries > 0 && str_eq(pool->conf->servers[i].text, reach->conf.text);
    }
    return pool;
}

/* With every line that names the same server. */
static void mark_tried(struct reach *reach, const struct pool *pool, int index)
{
    for (size_t i = 0; i < reach->tried_count; i++)
        if (pool->members[i].server == pool->members[index].server)
            reach->tried[i] = true;
}

/* Enters a server that has room, also while other threads enter it; -1 when there is none. */
static int enter_server(struct reach *reach, struct pool *pool)
{
    for (;;) {
        int index = pool_choose(pool, reach->tried);
        if (index < 0)
            return -1;
        mark_tried(reach, pool, index);
        unsigned most = pool->conf->servers[index].max_connections;
        if (server_enter(pool->members[index].server) <= most || most == 0)
            return index;
        server_leave(pool->members[index].server);
    }
}

static bool choose_server(struct reach *reach)
{
    struct pool *pool = reach->tries <= RETRIES ? current_pool(reach) : NULL;
    int index = pool != NULL ? enter_server(reach, pool) : -1;
    if (index < 0)
        return false;
    reach->tries++;
    reach->detail = STR_NONE; /* that of the one before */
    reach->conf = pool->conf->servers[index];
    reach->conf.text = arena_dup(reach->arena, reach->conf.text);
    if (reach->conf.host.at != NULL)
        reach->conf.host = arena_dup(reach->arena, reach->conf.host);
    reach->server = server_ref(pool->members[index].server);
    return true;
}

static enum flow poll_pool(struct reach *reach, struct task *who)
{
    for (;;) {
        if (reach->server == NULL) {
            if (!choose_server(reach))
                return reach->fault != FAULT_NONE ? FLOW_FAIL : fail(reach, FAULT_NO_SERVER);
            if (!has_name(reach) && take_idle(reach))
                return FLOW_END;
        }
        enum flow flow = join_server(reach, who);
        if (flow != FLOW_FAIL)
            return flow;
        server_failed(reach->server);
        leave_server(reach);
    }
}

enum flow reach_poll(struct reach *reach, struct task *who)
{
    return reach->host.at != NULL ? poll_host(reach, who) : poll_pool(reach, who);
}

struct upstream *reach_take(struct reach *reach)
{
    struct upstream *upstream = reach->upstream;
    must(upstream != NULL);
    reach->upstream = NULL;
    return upstream;
}

enum fault reach_fault(const struct reach *reach)
{
    return reach->fault;
}

struct str reach_detail(const struct reach *reach)
{
    return reach->detail;
}

struct str reach_server(const struct reach *reach)
{
    return reach->conf.text;
}

unsigned reach_tries(const struct reach *reach)
{
    return reach->tries;
}
