#include "proxy/hub.h"

#include "base/counter.h"
#include "base/descriptors.h"
#include "base/memory.h"
#include "base/must.h"
#include "http1/server.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "net/arrival.h"
#include "net/listener.h"
#include "net/tls_arrival.h"
#include "net/tls_jobs.h"
#include "net/keeper_link.h"
#include "observe/access_log.h"
#include "observe/notice.h"
#include "proxy/client_counts.h"
#include "proxy/exchange.h"
#include "proxy/hub_private.h"
#include "proxy/passthrough.h"
#include "proxy/room.h"
#include "proxy/tidy.h"
#include "upstream/upstreams.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    HUB_MAGIC = 0x48554221,
    SHED = 32,
    OVERLOAD_PERCENT = 95,
    SHED_PERCENT = 90,
    REST_MS = 1000, /* who is silent or rests for less is about to send a request */
    LONG_REST_MS = 10 * 1000,
    GIVE_MS = 50,
};

/* A listening address of this thread. Lives as long as a connection that came through it. */
struct port {
    struct list link; /* in hub->ports, while it listens or has connections */
    struct hub *hub;
    struct addr address;
    struct listener *listener;     /* NULL: the address is no longer served */
    struct generation *generation; /* counted: the one in force, or the last that knew the address */
    const struct gate *gate;       /* of it */
    unsigned clients;
    bool wants_room; /* accepting pauses, for want of what another client may give */
};

/* What is spoken on a connection. */
enum kind {
    KIND_CLEAR,
    KIND_TLS,
    KIND_PASSTHROUGH,
    KIND_MISTAKEN /* HTTP in clear, where TLS is spoken: it is only told so */
};

/* A connection goes through them in this order; what it has no need of is left out. */
enum stage {
    STAGE_ARRIVING, /* its PROXY header is read */
    STAGE_GREETING, /* its TLS handshake is done */
    STAGE_PASSED,   /* its TLS is passed through */
    STAGE_SERVED
};

/* What a client is to others who need its place. */
enum standing {
    STANDING_SILENT,  /* it has asked for nothing yet */
    STANDING_RESTING, /* between two requests */
    STANDING_BUSY,    /* in one, or seen to begin one */
    STANDINGS
};

/* A client's connection. Small, since thousands of idle ones are held. */
struct client {
    struct list link; /* in hub->clients of its standing */
    struct port *port;
    union {
        struct arrival *arrival;
        struct tls_arrival *greeting;
        struct passthrough *passthrough;
        struct http1_server *server;
    };
    union {
        struct generation *generation; /* in a greeting: counted, for it has the certificates */
        const struct tls_seen *seen;   /* later: what it has told, the transport's; NULL: there was none */
    };
    struct mono since;         /* it has this standing */
    struct proxy_header *told; /* owned: what came in front of everything else; NULL: nothing that names a client */
    struct ip ip;              /* of a unix socket's peer: version 0 */
    uint16_t ip_port;
    enum kind kind : 8;
    enum stage stage : 8;
    bool is_counted;  /* in client_counts */
    bool is_draining; /* before it is served */
};

struct hub {
    uint32_t magic;
    struct generation *generation;
    struct resolver *resolver;
    struct upstreams upstreams;
    struct list ports;
    struct list clients[STANDINGS]; /* the longest silent or resting ones first */
    struct hub_counts counts;
    struct tidy tidy;
    struct room_member room;
    struct mono gave; /* when one that rests was last closed for others */
    bool lacks_room;  /* as may_accept() found last: another client could give what is missing */
};

static struct str pseudonym = {"gatehouse", 9};

void hub_set_pseudonym(struct str text)
{
    pseudonym = text;
}

struct str hub_pseudonym(void)
{
    return pseudonym;
}

/* Clients */

static void let_port_go(struct port *port)
{
    if (port->listener != NULL || port->clients > 0)
        return;
    list_remove(&port->link);
    generation_unref(port->generation);
    free(port);
}

static void accept_again(const struct hub *hub)
{
    list_each(link, &hub->ports) {
        const struct port *port = container_of(link, struct port, link);
        if (port->listener != NULL)
            listener_retry(port->listener);
    }
}

/* Those whom a pause keeps waiting need not wait it out; else no more would be served in a second than pauses give room
   for. */
static void tell_of_room(const struct hub *hub)
{
    accept_again(hub);
    if (room_is_wanted())
        room_tell(&hub->room);
}

static void set_standing(struct client *client, enum standing standing)
{
    list_remove(&client->link);
    list_push_back(&client->port->hub->clients[standing], &client->link);
    client->since = clock_mono();
}

static void forget_client(struct client *client)
{
    struct port *port = client->port;
    struct hub *hub = port->hub;
    list_remove(&client->link);
    if (client->is_counted)
        client_counts_leave(&client->ip);
    descriptors_client(-1);
    counter_add(&hub->counts.connections_open, -1);
    port->clients--;
    let_port_go(port);
    tell_of_room(hub);
    tidy_soon(&hub->tidy);
    if (client->stage == STAGE_GREETING)
        generation_unref(client->generation);
    free(client->told);
    free(client);
}

static void client_closed(void *owner)
{
    forget_client(owner);
}

static void client_limits(void *owner, const struct limits **ret_limits, const struct timeouts **ret_timeouts)
{
    struct client *client = owner;
    *ret_limits = client->port->gate->limits;
    *ret_timeouts = client->port->gate->timeouts;
}

static enum kind kind_of(const struct gate *gate)
{
    if (gate->listen->is_passthrough)
        return KIND_PASSTHROUGH;
    return gate->tls.first != NULL ? KIND_TLS : KIND_CLEAR;
}

static const struct gate *gate_of(const struct generation *generation, const struct addr *address)
{
    for (size_t i = 0; i < generation->gate_count; i++)
        if (addr_eq(&generation->gates[i].listen->addr, address))
            return &generation->gates[i];
    return NULL;
}

/* Whatever else is wrong with what was sent here, but for half a head, of which nobody knows. */
static void say_mistaken(struct stream *stream)
{
    if (stream->fault != FAULT_CLIENT_SLOW_HEAD)
        stream->fault = FAULT_NOT_TLS;
    stream->must_close = true;
}

static void client_begin(void *owner, struct stream *stream)
{
    struct client *client = owner;
    struct port *port = client->port;
    struct hub *hub = port->hub;
    set_standing(client, STANDING_BUSY);
    tidy_soon(&hub->tidy);
    if (client->kind == KIND_MISTAKEN)
        say_mistaken(stream);
    else if (client->kind != kind_of(port->gate) && stream->fault == FAULT_NONE) /* it is another since a reload */
        stream->fault = FAULT_SHUTDOWN;
    if (descriptors_are_short() || room_is_wanted())
        stream->must_close = true; /* so that the others, who wait to be accepted, get their turn */
    struct caller caller = {.ip = client->ip, .port = client->ip_port, .told = client->told, .seen = client->seen};
    exchange_begin(hub, stream, &caller, port->generation, port->gate);
}

static void client_rests(void *owner)
{
    struct client *client = owner;
    set_standing(client, STANDING_RESTING);
    tidy_soon(&client->port->hub->tidy);
}

static const struct http1_owner client_ops = {
    .begin = client_begin,
    .rests = client_rests,
    .limits = client_limits,
    .closed = client_closed,
};

/* False: the address has all the connections that it may have. *ret_counts: this one is among them. */
static bool may_enter(struct hub *hub, const struct ip *ip, bool *ret_counts)
{
    uint64_t most = hub->generation->limits->connections_per_client;
    *ret_counts = most != 0 && ip->version != 0;
    if (!*ret_counts || client_counts_enter(ip, most))
        return true;
    *ret_counts = false;
    counter_add(&hub->counts.connections_refused, 1);
    return false;
}

/* Both sides of a handshake know now who the other is. */
static void greeted(void *owner, struct transport *taken)
{
    struct client *client = owner;
    if (tls_is_challenge(taken)) {
        transport_free(taken);
        forget_client(client);
        return;
    }
    generation_unref(client->generation);
    client->seen = tls_seen(taken);
    client->stage = STAGE_SERVED;
    set_standing(client, STANDING_SILENT); /* anew: it has not asked for anything yet */
    tidy_soon(&client->port->hub->tidy);   /* of the stack that the handshake has had */
    client->server = http1_server_new(taken, &client_ops, client);
    if (client->is_draining)
        http1_server_drain(client->server);
}

/* A connection that no request will be heard of: whoever looks for it finds it in a notice. */
static void say_refused(const struct client *client, const char *what, struct str name, const char *why)
{
    const struct hub *hub = client->port->hub;
    char text[ADDR_TEXT_MAX];
    struct ip ip;
    bool is_shown = logs_may_show(hub->generation->logs, &client->ip, &ip);
    struct str who = !is_shown ? STR("a client") : str_from(text, ip_text(&ip, text));
    struct str of_whom = name.at != NULL ? name : STR("");
    notice(NOTICE_CLIENT, "%.*s at %.*s: %s%s%.*s: %s", STR_ARGS(who), STR_ARGS(client->port->gate->text), what,
           name.at != NULL ? " for " : "", STR_ARGS(of_whom), why);
}

static void not_greeted(void *owner, struct str name, const char *why)
{
    struct client *client = owner;
    counter_add(&client->port->hub->counts.handshakes_failed, 1);
    if (why != NULL)
        say_refused(client, "no TLS handshake", name, why);
    forget_client(client);
}

static void serve_rest(struct client *client, struct buffer *rest, msec waited)
{
    if (client->is_draining)
        http1_server_drain(client->server);
    http1_server_give(client->server, rest, waited);
}

static void greeted_in_clear(void *owner, struct transport *taken, struct buffer *rest, msec waited)
{
    struct client *client = owner;
    counter_add(&client->port->hub->counts.handshakes_failed, 1);
    generation_unref(client->generation);
    client->seen = NULL;
    client->stage = STAGE_SERVED;
    client->kind = KIND_MISTAKEN;
    say_refused(client, "no TLS handshake", STR_NONE, "http request");
    client->server = http1_server_new(taken, &client_ops, client);
    serve_rest(client, rest, waited);
}

/* The one in force; or, when TLS is not spoken here any more, the last by which it was. */
static const struct tls_gate *greeting_gate(void *owner)
{
    struct client *client = owner;
    struct port *port = client->port;
    if (kind_of(port->gate) == KIND_TLS) {
        struct generation *old = client->generation;
        client->generation = generation_ref(port->generation);
        generation_unref(old);
    }
    return &gate_of(client->generation, &port->address)->tls;
}

static const struct tls_arrival_owner greeting_ops = {
    .gate = greeting_gate, .arrived = greeted, .in_clear = greeted_in_clear, .failed = not_greeted};

/* `rest` is what was read already; it is emptied. */
static void greet(struct client *client, struct transport *taken, struct buffer *rest, msec waited)
{
    struct port *port = client->port;
    client->stage = STAGE_GREETING;
    tidy_soon(&port->hub->tidy);
    client->generation = generation_ref(port->generation);
    client->greeting = tls_arrival_new(taken, rest, waited, port->gate->timeouts->tls_handshake, &greeting_ops, client);
}

/* True: it is HTTP in clear, and `rest` is still to be given to its server; else it was taken. */
static bool begin_serving(struct client *client, struct transport *taken, struct buffer *rest, msec waited)
{
    client->kind = kind_of(client->port->gate);
    if (client->kind == KIND_TLS) {
        greet(client, taken, rest, waited);
    } else if (client->kind == KIND_PASSTHROUGH) {
        client->stage = STAGE_PASSED;
        client->passthrough = passthrough_new(taken, rest, &client_ops, client);
    } else {
        client->stage = STAGE_SERVED;
        client->server = http1_server_new(taken, &client_ops, client);
    }
    return client->kind == KIND_CLEAR;
}

/* Whom the header names is the client, from here on and in every respect; when it names nobody, it is the peer. */
static void arrived(void *owner, struct transport *taken, struct buffer *rest, const struct proxy_header *header,
                    msec waited)
{
    struct client *client = owner;
    if (header->source.version != 0) {
        client->ip = header->source;
        client->ip_port = header->source_port;
        client->told = must_alloc(sizeof *client->told);
        *client->told = *header;
    }
    if (!may_enter(client->port->hub, &client->ip, &client->is_counted)) {
        buffer_clear(rest);
        transport_free(taken);
        forget_client(client);
        return;
    }
    if (begin_serving(client, taken, rest, waited))
        serve_rest(client, rest, waited);
}

static void not_arrived(void *owner, const char *why)
{
    struct client *client = owner;
    counter_add(&client->port->hub->counts.headers_refused, 1);
    if (why != NULL)
        say_refused(client, "no PROXY header", STR_NONE, why);
    forget_client(client);
}

static const struct arrival_owner arrival_ops = {.arrived = arrived, .failed = not_arrived};

static bool has_header(const struct port *port, const struct ip *ip)
{
    const struct cidr_set *from = port->gate->listen->proxied_from;
    uint32_t number;
    return from != NULL && cidr_set_find(from, ip, &number);
}

static void drain_client(struct client *client)
{
    client->is_draining = true;
    if (client->stage == STAGE_SERVED)
        http1_server_drain(client->server);
    else if (client->stage == STAGE_PASSED)
        passthrough_drain(client->passthrough);
    else if (client->stage == STAGE_ARRIVING)
        arrival_drain(client->arrival);
}

static void end_client(struct client *client)
{
    if (client->stage == STAGE_ARRIVING)
        arrival_free(client->arrival);
    else if (client->stage == STAGE_GREETING)
        tls_arrival_free(client->greeting);
    else if (client->stage == STAGE_PASSED)
        passthrough_free(client->passthrough);
    else
        http1_server_free(client->server);
    forget_client(client);
}

static void end_those(struct list *clients)
{
    list_each_safe(link, clients)
        end_client(container_of(link, struct client, link));
}

static void accepted(void *owner, int taken_fd, const struct addr *peer)
{
    struct port *port = owner;
    struct hub *hub = port->hub;
    struct ip ip = addr_ip(peer);
    bool is_arriving = has_header(port, &ip), counts = false;
    if (!is_arriving && !may_enter(hub, &ip, &counts)) {
        close(taken_fd);
        return;
    }
    struct client *client = must_calloc(1, sizeof *client);
    client->port = port;
    client->ip = ip;
    client->is_counted = counts;
    client->stage = is_arriving ? STAGE_ARRIVING : STAGE_SERVED;
    client->ip_port = addr_port(peer);
    port->clients++;
    counter_add(&hub->counts.connections_accepted, 1);
    counter_add(&hub->counts.connections_open, 1);
    list_init(&client->link);
    set_standing(client, STANDING_SILENT);
    descriptors_client(1);
    struct transport *transport = tcp_new(taken_fd, true);
    if (is_arriving)
        client->arrival = arrival_new(transport, port->gate->timeouts->client_header, &arrival_ops, client);
    else
        begin_serving(client, transport, &(struct buffer){0}, 0);
}

/* Each client may need a second descriptor for its server. What is idle goes first. */
static bool has_room(struct hub *hub)
{
    uint64_t most = hub->generation->limits->connections;
    if (most != 0 && descriptors_clients() >= most)
        return false;
    if (descriptors_may_accept())
        return true;
    upstreams_shed(&hub->upstreams, SHED);
    return descriptors_may_accept();
}

static bool may_accept(void *owner)
{
    struct hub *hub = ((struct port *)owner)->hub;
    if (memory_pressure() >= SHED_PERCENT)
        upstreams_shed(&hub->upstreams, SHED);
    bool has_memory = memory_pressure() < OVERLOAD_PERCENT;
    hub->lacks_room = has_memory && !has_room(hub);
    return has_memory && !hub->lacks_room;
}

static bool is_silent(const struct client *client)
{
    if (client->stage == STAGE_ARRIVING)
        return arrival_is_silent(client->arrival);
    if (client->stage == STAGE_GREETING)
        return tls_arrival_is_silent(client->greeting);
    return client->stage == STAGE_PASSED && passthrough_is_silent(client->passthrough);
}

static bool give_up(struct client *client)
{
    if (client->stage == STAGE_SERVED)
        return http1_server_close_idle(client->server);
    if (!is_silent(client))
        return false;
    end_client(client);
    return true;
}

/* The first that can go of those who are so for long enough. Who has begun to say something has its time-outs for that,
   and is looked at no more. */
static bool give_one_of(struct list *clients, msec least)
{
    list_each_safe(link, clients) {
        struct client *client = container_of(link, struct client, link);
        if (mono_since(client->since, clock_mono()) < least)
            return false;
        if (give_up(client))
            return true;
        set_standing(client, STANDING_BUSY);
    }
    return false;
}

/* Who has never said anything goes before those who have proved to be clients; and those one by one, as long as they
   rest no longer than people do: else whoever only connects would drive them all out in a moment. */
static bool give_room(struct hub *hub)
{
    struct list *silent = &hub->clients[STANDING_SILENT], *resting = &hub->clients[STANDING_RESTING];
    if (give_one_of(silent, REST_MS) || give_one_of(resting, LONG_REST_MS))
        return true;
    if (mono_since(hub->gave, clock_mono()) < GIVE_MS || !give_one_of(resting, REST_MS))
        return false;
    hub->gave = clock_mono();
    return true;
}

static void asked_for_room(struct room_member *member)
{
    give_room(container_of(member, struct hub, room));
}

static void told_of_room(struct room_member *member)
{
    accept_again(container_of(member, struct hub, room));
}

static const struct room_ops room_ops = {.asked = asked_for_room, .told = told_of_room};

static void paused(void *owner)
{
    struct port *port = owner;
    struct hub *hub = port->hub;
    counter_add(&hub->counts.accept_pauses, 1);
    port->wants_room = hub->lacks_room;
    if (!port->wants_room)
        return;
    room_waiters(1);
    if (!give_room(hub))
        room_ask(&hub->room);
}

static void resumed(void *owner)
{
    struct port *port = owner;
    if (port->wants_room)
        room_waiters(-1);
    port->wants_room = false;
}

static const struct listener_ops port_ops = {
    .accepted = accepted, .may_accept = may_accept, .paused = paused, .resumed = resumed};

/* Ports */

static struct port *port_of(const struct hub *hub, const struct addr *address)
{
    list_each(link, &hub->ports) {
        struct port *port = container_of(link, struct port, link);
        if (addr_eq(&port->address, address))
            return port;
    }
    return NULL;
}

bool hub_is_listening(const struct hub *hub, const struct addr *address)
{
    const struct port *port = port_of(hub, address);
    return port != NULL && port->listener != NULL;
}

static void drain_those(struct list *clients, const struct port *of)
{
    list_each_safe(link, clients) {
        struct client *client = container_of(link, struct client, link);
        if (of == NULL || client->port == of)
            drain_client(client);
    }
}

static void drain_clients(struct hub *hub, const struct port *of)
{
    for (unsigned i = 0; i < STANDINGS; i++)
        drain_those(&hub->clients[i], of);
}

static void set_gate(struct port *port, struct generation *generation, const struct gate *gate)
{
    must(gate != NULL);
    struct generation *old = port->generation;
    port->clients++; /* stays, whoever goes */
    if (old != NULL && kind_of(port->gate) != kind_of(gate))
        drain_clients(port->hub, port);
    port->clients--;
    port->generation = generation_ref(generation);
    port->gate = gate;
    if (old != NULL)
        generation_unref(old);
}

void hub_listen(struct hub *hub, const struct addr *address, int taken_fd)
{
    struct port *port = port_of(hub, address);
    if (port == NULL) {
        port = must_calloc(1, sizeof *port);
        port->hub = hub;
        port->address = *address;
        list_push_back(&hub->ports, &port->link);
    }
    must(port->listener == NULL);
    set_gate(port, hub->generation, gate_of(hub->generation, address));
    port->listener = listener_new(taken_fd, &port_ops, port);
}

static void close_port(struct port *port)
{
    struct listener *listener = port->listener;
    if (listener != NULL)
        listener_free(listener); /* accepts what is in the kernel's queue first */
    port->listener = NULL;
    let_port_go(port);
}

/* The address is served no more. What waits in the kernel's queue is accepted first; clients end after the exchange
   under way, by the generation that knew them. */
static void end_port(struct hub *hub, struct port *port)
{
    port->clients++; /* stays until all have been looked at */
    must(port->clients > 0);
    drain_those(&hub->clients[STANDING_RESTING], port); /* those make room for who still waits */
    close_port(port);
    drain_clients(hub, port);
    port->clients--;
    let_port_go(port);
}

void hub_adopt(struct hub *hub, struct generation *generation)
{
    struct generation *old = hub->generation;
    hub->generation = generation_ref(generation);
    resolver_set_conf(hub->resolver, generation->resolver);
    upstreams_set_pools(&hub->upstreams, generation->pools, generation->pool_count);
    list_each_safe(link, &hub->ports) {
        struct port *port = container_of(link, struct port, link);
        const struct gate *gate = gate_of(generation, &port->address);
        if (gate != NULL)
            set_gate(port, generation, gate);
        else
            end_port(hub, port);
    }
    generation_unref(old);
}

void hub_drain(struct hub *hub)
{
    hub->upstreams.is_closing = true;
    drain_those(&hub->clients[STANDING_RESTING], NULL); /* those make room for who still waits */
    list_each_safe(link, &hub->ports)
        close_port(container_of(link, struct port, link));
    drain_clients(hub, NULL);
    upstreams_shed(&hub->upstreams, UINT32_MAX);
}

bool hub_is_empty(const struct hub *hub)
{
    for (unsigned i = 0; i < STANDINGS; i++)
        if (!list_is_empty(&hub->clients[i]))
            return false;
    return true;
}

/* What exchanges ask */

struct upstreams *hub_upstreams(struct hub *hub)
{
    return &hub->upstreams;
}

bool hub_is_overloaded(const struct hub *hub)
{
    (void)hub;
    return memory_pressure() >= OVERLOAD_PERCENT;
}

void hub_exchange_began(struct hub *hub)
{
    counter_add(&hub->counts.requests, 1);
}

void hub_tunnel_began(struct hub *hub)
{
    counter_add(&hub->counts.tunnels_open, 1);
}

void hub_tunnel_ended(struct hub *hub)
{
    counter_add(&hub->counts.tunnels_open, -1);
}

void hub_count_answer(struct hub *hub, const struct facts *facts)
{
    unsigned class = facts->status / 100;
    counter_add(&hub->counts.answers[class < lengthof(hub->counts.answers) ? class : 0], 1);
    counter_add(&hub->counts.bytes_in, (int64_t)facts->bytes_in);
    counter_add(&hub->counts.bytes_out, (int64_t)facts->wire_out);
}

void hub_count(const struct hub *hub, struct hub_counts *ret)
{
    const uint64_t *from = (const uint64_t *)&hub->counts;
    uint64_t *to = (uint64_t *)ret;
    for (size_t i = 0; i < sizeof *ret / sizeof *to; i++)
        to[i] = counter_read(&from[i]);
    ret->upstream_connects = counter_read(&hub->upstreams.counts.connects);
    ret->upstream_reuses = counter_read(&hub->upstreams.counts.reuses);
    ret->upstream_idle = counter_read(&hub->upstreams.counts.idle);
    ret->upstream_failures = counter_read(&hub->upstreams.counts.failures);
}

/* The hub */

/* The name of a pool in short has all its servers; the reason is to have room behind it. */
static void not_secured(struct str pool, struct str server, const char *why)
{
    enum { SHOWN = 256 };
    struct str head = str_head(pool, SHOWN);
    notice(NOTICE_SERVER, "pool %.*s%s, server %.*s: %s", STR_ARGS(head), head.len < pool.len ? "..." : "",
           STR_ARGS(server), why);
}

static const struct upstreams_ops upstreams_ops = {.not_secured = not_secured};

struct hub *hub_new(struct generation *generation, struct opener *opener)
{
    struct hub *hub = must_calloc(1, sizeof *hub);
    hub->magic = HUB_MAGIC;
    hub->generation = generation_ref(generation);
    hub->resolver = resolver_new(generation->resolver, opener);
    list_init(&hub->ports);
    for (unsigned i = 0; i < STANDINGS; i++)
        list_init(&hub->clients[i]);
    upstreams_init(&hub->upstreams, hub->resolver, &upstreams_ops);
    upstreams_set_pools(&hub->upstreams, generation->pools, generation->pool_count);
    keeper_link_begin(opener);
    tidy_init(&hub->tidy);
    room_join(&hub->room, &room_ops);
    return hub;
}

void hub_free(struct hub *hub)
{
    must_be(hub, HUB_MAGIC);
    hub->upstreams.is_closing = true;
    list_each_safe(link, &hub->ports) /* first: closing one accepts what still waits in the kernel's queue */
        close_port(container_of(link, struct port, link));
    for (unsigned i = 0; i < STANDINGS; i++)
        end_those(&hub->clients[i]);
    tidy_fini(&hub->tidy);
    room_leave(&hub->room);
    keeper_link_end();
    tls_jobs_done();
    upstreams_fini(&hub->upstreams);
    resolver_free(hub->resolver);
    generation_unref(hub->generation);
    hub->magic = 0;
    free(hub);
}
