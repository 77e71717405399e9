#include "proxy/exchange.h"

#include "base/must.h"
#include "base/rand.h"
#include "flow/text_source.h"
#include "http1/client.h"
#include "net/proxy_header.h"
#include "net/tls_conf.h"
#include "net/tls_seen.h"
#include "observe/access_log.h"
#include "proxy/file_body.h"
#include "proxy/generation.h"
#include "proxy/greeting.h"
#include "proxy/hop.h"
#include "proxy/hub.h"
#include "proxy/hub_private.h"
#include "proxy/reply.h"
#include "proxy/trailers.h"
#include "upstream/connection.h"
#include "upstream/reach.h"
#include "upstream/server.h"

enum {
    EXCHANGE_MAGIC = 0x58434847,
    HOST_CONNECTIONS = 64, /* idle ones kept to each host, in forward mode */
    DIAL_ATTEMPTS = 3,     /* connect time-outs that reaching a server may take in all … */
    DIAL_LOOKUP_MS = 3000  /* … besides the look-up */
};

void plan_fault(struct exchange *x, enum fault fault)
{
    x->plan.kind = PLAN_FAULT;
    x->plan.fault = fault;
    x->facts.fault = fault;
}

void plan_unserved(struct exchange *x)
{
    bool has_host = x->facts.host.at != NULL;
    plan_fault(x, has_host ? FAULT_MISDIRECTED : FAULT_BAD_HOST);
    if (has_host)
        x->facts.fault_detail = STR("no block has this host");
}

bool plan_other_rules(struct exchange *x, const struct tls_server_conf *tls)
{
    if (x->seen == NULL || (tls != NULL && tls_server_same_rules(x->seen->server, tls->built)))
        return false;
    plan_fault(x, FAULT_MISDIRECTED);
    x->facts.fault_detail = STR("the TLS greeting was under other rules on certificates of clients");
    return true;
}

/* The end of what the exchange holds of a server. An abort tells the server that the request is not whole. */
static void leave_upstream(struct exchange *x, enum stream_end end)
{
    reach_fini(x->reach);
    x->reach = NULL;
    if (x->upstream == NULL)
        return;
    relay_fini(&x->relay);
    tunnel_fini(&x->tunnel);
    if (x->relay.server != NULL)
        stream_done(x->relay.server, end);
    x->relay.server = NULL;
    if (end == STREAM_REUSE)
        upstream_give(x->upstream, x->plan.timeouts->upstream_idle);
    else
        upstream_free(x->upstream);
    x->upstream = NULL;
}

/* Something failed for good: answered with a page of ours while that is possible, else the client sees the connection
   cut. */
static enum step fail(struct exchange *x, enum fault fault)
{
    x->facts.fault = fault;
    leave_upstream(x, STREAM_ABORT);
    if (x->answered || fault_info(fault)->status == 0) {
        x->client_end = STREAM_ABORT;
        return STEP_LOG;
    }
    plan_fault(x, fault);
    return STEP_REPLY;
}

/* Identify and choose */

static enum step identify(struct exchange *x)
{
    struct stream *client = x->client;
    x->request_bytes = client->bytes_held;
    if (client->fault == FAULT_NONE || client->speaks_no_http)
        x->mode->identify(x, x->block);
    if (client->fault != FAULT_NONE && fault_info(client->fault)->status == 0)
        return fail(x, client->fault);
    if (client->fault != FAULT_NONE)
        plan_fault(x, client->fault);
    if (x->plan.kind == PLAN_FAULT && x->plan.fault != FAULT_NONE)
        return STEP_REPLY;
    if (hub_is_overloaded(x->hub))
        return fail(x, FAULT_OVERLOAD);
    if (hop_is_loop(&client->head.fields, hub_pseudonym()))
        return fail(x, FAULT_LOOP);
    return STEP_CHOOSE;
}

/* OPTIONS that is to go no further (RFC 9110 7.6.2). */
static void answer_options(struct exchange *x)
{
    bool is_forwarded = x->plan.kind == PLAN_POOL || x->plan.kind == PLAN_NAME;
    if (!is_forwarded || x->facts.method != METHOD_OPTIONS || !hop_is_last(&x->client->head.fields))
        return;
    x->plan.kind = PLAN_REPLY;
    x->plan.status = 200;
}

static enum step choose(struct exchange *x)
{
    x->mode->choose(x);
    answer_options(x);
    /* The route's, which may be another than the block's. */
    x->client->ops->limit_body(x->client, x->plan.limits->body_size);
    bool is_refused = x->plan.kind == PLAN_FAULT || x->plan.kind == PLAN_REPLY;
    if (!is_refused && x->client->head.framing == FRAMING_LENGTH && x->client->head.length > x->plan.limits->body_size)
        return fail(x, FAULT_BODY_TOO_LARGE);
    switch (x->plan.kind) {
    case PLAN_POOL:
    case PLAN_NAME:
    case PLAN_PASS:
    case PLAN_TUNNEL:
        return STEP_DIAL;
    case PLAN_FILES:
        return STEP_FILE;
    case PLAN_FAULT:
    case PLAN_REPLY:
        break;
    }
    return STEP_REPLY;
}

/* Dial */

static bool may_dial(const struct dial_policy *policy, const struct ip *ip, uint16_t port)
{
    struct exchange *x = container_of(policy, struct exchange, dial_policy);
    return x->mode->may_dial == NULL || x->mode->may_dial(x, ip, port);
}

/* For a pool with `proxy-protocol`: where the client is, and what it connected to. */
static struct str introduction(const struct exchange *x)
{
    struct proxy_header header = {.source = x->facts.client, .source_port = x->facts.client_port};
    if (x->told != NULL) {
        header.destination = x->told->destination;
        header.destination_port = x->told->destination_port;
    } else {
        struct addr local = transport_local(x->client->transport);
        header.destination = addr_ip(&local);
        header.destination_port = addr_port(&local);
    }
    char *text = arena_bytes(x->arena, PROXY_HEADER_WRITTEN_MAX);
    return str_from(text, proxy_header_write(&header, x->plan.pool->proxy_header, text));
}

static struct reach *reach_servers(struct exchange *x, bool fresh)
{
    struct reach *reach = reach_pool(hub_upstreams(x->hub), x->arena, x->plan.pool, x->plan.timeouts->connect,
                                     x->plan.timeouts->server_tls, fresh);
    if (x->plan.pool->proxy_header != PROXY_HEADER_OFF)
        reach_set_preface(reach, introduction(x));
    return reach;
}

static struct reach *begin_reach(struct exchange *x)
{
    struct upstreams *upstreams = hub_upstreams(x->hub);
    msec timeout = x->plan.timeouts->connect;
    if (x->plan.kind == PLAN_POOL)
        return reach_servers(x, x->is_retry);
    if (x->plan.kind == PLAN_PASS) /* an idle connection has spoken HTTP */
        return reach_servers(x, true);
    unsigned keep = x->plan.kind == PLAN_TUNNEL ? 0 : HOST_CONNECTIONS;
    x->dial_policy.may = may_dial;
    return reach_host(upstreams, x->arena, x->plan.host, x->plan.port, &x->plan.literal, timeout, &x->dial_policy, keep,
                      x->is_retry);
}

static void tell_server(struct exchange *x)
{
    struct ip ip = addr_ip(&x->upstream->peer);
    x->facts.server = arena_dup(x->arena, x->upstream->server->text);
    x->facts.reused = x->upstream->is_reused;
    if (x->mode->dialled != NULL)
        x->mode->dialled(x, &ip);
}

/* What was tried last, while none serves. */
static void tell_tried(struct exchange *x)
{
    struct str server = reach_server(x->reach);
    x->facts.tries += reach_tries(x->reach);
    x->facts.fault_detail = reach_detail(x->reach);
    if (server.at == NULL)
        return;
    x->facts.server = server;
    x->facts.reused = false;
}

/* Names and addresses have time-outs of their own; this one bounds them all, so that a name with many dead addresses
   does not hold the client for long. */
static bool dial_takes_too_long(struct exchange *x)
{
    if (!timer_is_set(&x->timer))
        timer_set(&x->timer,
                  DIAL_ATTEMPTS * (x->plan.timeouts->connect + x->plan.timeouts->server_tls) + DIAL_LOOKUP_MS);
    return timer_is_due(&x->timer);
}

static enum step fail_dial(struct exchange *x, enum fault fault)
{
    tell_tried(x);
    if (fault != FAULT_ADDRESS_DENIED || x->mode->dialled == NULL)
        return fail(x, fault);
    reach_fini(x->reach);
    x->reach = NULL;
    x->mode->dialled(x, NULL);
    return STEP_REPLY;
}

static enum step dial(struct exchange *x)
{
    if (x->reach == NULL)
        x->reach = begin_reach(x);
    enum flow flow = reach_poll(x->reach, &x->task);
    if (flow == FLOW_WAIT || flow == FLOW_MORE)
        return dial_takes_too_long(x) ? fail_dial(x, FAULT_CONNECT_TIMEOUT) : STEP_WAIT;
    if (flow == FLOW_FAIL)
        return fail_dial(x, reach_fault(x->reach));
    x->facts.tries += reach_tries(x->reach);
    x->facts.fault_detail = STR_NONE;
    x->upstream = reach_take(x->reach);
    reach_fini(x->reach);
    x->reach = NULL;
    tell_server(x);
    if (x->plan.kind == PLAN_REPLY || x->plan.kind == PLAN_FAULT) {
        leave_upstream(x, STREAM_CLOSE);
        return STEP_REPLY;
    }
    return STEP_SEND;
}

/* Send */

/* The request as it leaves: written afresh from what was parsed. */
static void build_request(struct exchange *x, struct head *out)
{
    const struct head *from = &x->client->head;
    *out = (struct head){
        .method = from->method,
        .method_text = from->method_text,
        .target = {.form = from->target.form == TARGET_ASTERISK ? TARGET_ASTERISK : TARGET_ORIGIN,
                   .path = x->facts.path,
                   .query = x->facts.query},
        .authority = from->authority,
        .minor = 1,
        .framing = from->framing,
        .length = from->length,
        .declared = BODY_UNKNOWN,
        .keep_alive = !x->upstream->is_personal,
        .upgrades_websocket = from->upgrades_websocket && x->plan.allow_websocket,
    };
    fields_init(&out->fields, x->arena);
    hop_copy(&from->fields, &out->fields);
    if (from->method == METHOD_OPTIONS)
        hop_count(&out->fields, x->arena);
    hop_add_via(&out->fields, from->minor, hub_pseudonym(), x->arena);
    x->mode->edit_request(x, out);
}

static enum step begin_tunnel(struct exchange *x)
{
    struct head out = {.status = 200, .minor = 1, .framing = FRAMING_NONE, .declared = BODY_UNKNOWN};
    fields_init(&out.fields, x->arena);
    x->facts.phase = PHASE_RESPONSE;
    x->facts.status = 200;
    if (x->mode->edit_response != NULL && !x->mode->edit_response(x, &out, true))
        return STEP_REPLY;
    x->client->must_close = false; /* a 2xx to CONNECT says nothing of the connection */
    stream_send_head(x->client, &out);
    x->client->must_close = true;
    x->answered = true;
    hub_tunnel_began(x->hub);
    tunnel_init(&x->tunnel, x->client, x->relay.server);
    if (x->plan.looks_inside)
        tunnel_listen(&x->tunnel, greeting_new(x->arena, x->plan.timeouts->tls_handshake));
    return STEP_TUNNEL;
}

/* Nobody is told anything: the server gets the client's first bytes, and all that follow. */
static enum step begin_pass(struct exchange *x)
{
    x->facts.phase = PHASE_RESPONSE;
    x->facts.status = 200; /* as of a tunnel that was asked for */
    x->answered = true;
    server_succeeded(x->upstream->server);
    hub_tunnel_began(x->hub);
    tunnel_init(&x->tunnel, x->client, x->relay.server);
    tunnel_expect(&x->tunnel, x->arena, x->client->hello, x->plan.timeouts->tls_handshake);
    return STEP_TUNNEL;
}

static enum step send_request(struct exchange *x)
{
    struct stream *server = http1_client_begin(x->upstream->http, x->arena, x->plan.limits);
    timer_clear(&x->timer);
    relay_init(&x->relay, x, server);
    if (x->plan.kind == PLAN_TUNNEL)
        return begin_tunnel(x);
    if (x->plan.kind == PLAN_PASS)
        return begin_pass(x);
    struct head out;
    build_request(x, &out);
    if (x->plan.kind == PLAN_REPLY || x->plan.kind == PLAN_FAULT) {
        leave_upstream(x, STREAM_CLOSE);
        return STEP_REPLY;
    }
    const struct fields *trailers = trailers_announce(x, RULE_REQUEST, &x->client->head, &out);
    stream_send_head(server, &out);
    if (trailers != NULL)
        trailers_pass(x->client, server, trailers);
    return STEP_RELAY;
}

/* Relay */

static enum step retry(struct exchange *x)
{
    leave_upstream(x, STREAM_ABORT);
    timer_clear(&x->timer);
    x->is_retry = true;
    return STEP_DIAL;
}

/* A rule on the answer has refused it: the plan says what the client gets instead. */
static enum step refuse_answer(struct exchange *x)
{
    leave_upstream(x, STREAM_ABORT);
    return STEP_REPLY;
}

/* With TLS 1.3 a server that refuses our certificate says so behind the handshake. */
static void note_detail(struct exchange *x)
{
    const char *why = transport_why(x->relay.server->transport);
    if (why != NULL)
        x->facts.fault_detail = arena_dup(x->arena, str_of(why));
}

static enum step relay(struct exchange *x)
{
    enum flow flow = relay_run(&x->relay, x);
    if (flow == FLOW_WAIT)
        return STEP_WAIT;
    x->request_bytes = x->relay.up.moved;
    x->answer_bytes = x->relay.down.delivered;
    if (flow == FLOW_FAIL) {
        if (x->relay.may_retry)
            return retry(x);
        if (x->relay.fault == FAULT_ADDRESS_DENIED)
            return refuse_answer(x);
        if (x->relay.fault == FAULT_SERVER_CLOSED)
            note_detail(x);
        if (x->relay.fault >= FAULT_SERVER_CLOSED && x->relay.fault <= FAULT_SERVER_TIMEOUT)
            server_failed(x->upstream->server);
        return fail(x, x->relay.fault);
    }
    server_succeeded(x->upstream->server);
    if (x->relay.is_upgrade) {
        hub_tunnel_began(x->hub);
        tunnel_init(&x->tunnel, x->client, x->relay.server);
        return STEP_TUNNEL;
    }
    /* An answer that was complete before the upload was: neither connection can be used further. */
    bool is_whole = x->relay.up_state == UP_DONE;
    x->client_end = is_whole ? STREAM_REUSE : STREAM_CLOSE;
    leave_upstream(x, is_whole ? STREAM_REUSE : STREAM_ABORT);
    return STEP_LOG;
}

/* May what the client sent first go on? One that ended without a word has nothing to be judged. */
static bool passes_greeting(struct exchange *x)
{
    const struct greeting *greeting = x->tunnel.greeting;
    x->tunnel.greeting = NULL;
    if (greeting->is_silent)
        return true;
    if (!x->mode->heard(x, &greeting->hello)) {
        x->tunnel.fault = FAULT_TUNNEL_DENIED;
        return false;
    }
    if (greeting->hello.state == CLIENT_HELLO_WHOLE)
        tunnel_expect(&x->tunnel, x->arena, &greeting->hello, x->plan.timeouts->tls_handshake);
    return true;
}

static enum flow run_tunnel(struct exchange *x)
{
    for (;;) {
        enum flow flow = tunnel_run(&x->tunnel, &x->task, &x->timer, x->plan.timeouts->tunnel_idle);
        if (flow != FLOW_MORE)
            return flow;
        if (!passes_greeting(x))
            return FLOW_FAIL;
    }
}

static enum step tunnel(struct exchange *x)
{
    enum flow flow = run_tunnel(x);
    if (flow == FLOW_WAIT)
        return STEP_WAIT;
    x->request_bytes = x->tunnel.up.delivered;
    x->answer_bytes = x->tunnel.down.delivered;
    if (flow == FLOW_FAIL)
        x->facts.fault = x->tunnel.fault;
    if (x->tunnel.detail.at != NULL)
        x->facts.fault_detail = x->tunnel.detail;
    x->client_end = flow == FLOW_END ? STREAM_CLOSE : STREAM_ABORT;
    hub_tunnel_ended(x->hub);
    leave_upstream(x, flow == FLOW_END ? STREAM_CLOSE : STREAM_ABORT);
    return STEP_LOG;
}

/* Answers of our own */

static enum step deliver_with(struct exchange *x, struct head *out, struct source *body)
{
    /* Whoever asks so is not to be trusted further. */
    bool is_refused = x->plan.kind == PLAN_FAULT && x->plan.fault <= FAULT_LOOP;
    if (!x->client->ops->is_body_read(x->client) || x->facts.status == 400 || is_refused)
        x->client->must_close = true;
    stream_send_head(x->client, out);
    x->answered = true;
    pipe_init(&x->delivery, body, x->client->body_out);
    timer_clear(&x->timer);
    return STEP_DELIVER;
}

static enum step reply(struct exchange *x)
{
    struct head out;
    struct str body;
    reply_build(x, &out, &body);
    if (!x->mode->edit_response(x, &out, true))
        reply_build(x, &out, &body);
    if (x->client->speaks_no_http)
        body = STR_NONE;
    if (x->facts.method == METHOD_CONNECT) /* refused: what follows may be meant for the tunnel */
        x->client->must_close = true;
    return deliver_with(x, &out, text_source(x->arena, body));
}

static enum step file(struct exchange *x)
{
    struct head out;
    x->file = file_body_open(x, &out);
    if (x->file == NULL)
        return STEP_REPLY;
    if (!x->mode->edit_response(x, &out, true)) {
        file_body_close(x->file);
        x->file = NULL;
        return STEP_REPLY;
    }
    return deliver_with(x, &out, file_body_source(x->file));
}

static bool is_slow_reader(struct exchange *x)
{
    if (timer_is_set(&x->timer) && !timer_is_due(&x->timer))
        return false;
    const struct timeouts *timeouts = x->plan.timeouts;
    timer_set(&x->timer, MSEC_SECOND);
    bool owes_reading = x->delivery.waits_for == PIPE_SINK;
    uint64_t taken = owes_reading ? relay_taken(&x->delivery, x->client) : x->reading.bytes;
    return rate_look(&x->reading, taken, owes_reading, timeouts->client_write, x->plan.limits->min_rate,
                     timeouts->rate_grace) != RATE_FINE;
}

static enum step deliver(struct exchange *x)
{
    enum flow flow = pipe_run(&x->delivery, &x->task);
    if (flow == FLOW_MORE)
        task_wake(&x->task);
    if (flow == FLOW_MORE || flow == FLOW_WAIT) {
        if (!is_slow_reader(x))
            return STEP_WAIT;
        x->facts.fault = FAULT_CLIENT_SLOW_READ;
        flow = FLOW_FAIL;
    }
    x->answer_bytes = x->delivery.delivered;
    x->client_end = flow == FLOW_END ? STREAM_REUSE : STREAM_ABORT;
    if (flow == FLOW_FAIL && x->facts.fault == FAULT_NONE)
        x->facts.fault = x->delivery.failed == PIPE_SINK ? FAULT_CLIENT_GONE : FAULT_FILE;
    return STEP_LOG;
}

/* The end */

static void write_logs(struct exchange *x)
{
    struct logs *logs = x->generation->logs;
    if (logs == NULL)
        return;
    if (!x->plan.log_decided) {
        for (size_t i = 0; i < logs_count(logs); i++)
            access_log_write(logs, i, &x->facts);
        return;
    }
    for (size_t i = 0; i < x->plan.log_count; i++)
        access_log_write(logs, x->plan.logs[i]->index, &x->facts);
}

/* Everything of the exchange but its stream. */
static void let_go(struct exchange *x)
{
    struct facts *facts = &x->facts;
    facts->phase = PHASE_DONE;
    facts->bytes_in = x->request_bytes;
    facts->wire_out = x->answer_bytes + x->client->head_bytes_out;
    facts->bytes_out = x->client->speaks_no_http ? facts->wire_out : x->answer_bytes;
    facts->duration = mono_since(x->started, clock_mono());
    hub_count_answer(x->hub, facts);
    write_logs(x);
    leave_upstream(x, STREAM_ABORT);
    pipe_fini(&x->delivery);
    file_body_close(x->file);
    task_fini(&x->task);
    timer_fini(&x->timer);
    x->magic = 0;
    generation_unref(x->generation);
}

static enum step log_and_end(struct exchange *x)
{
    struct stream *client = x->client;
    enum stream_end end = x->client_end;
    let_go(x);
    stream_done(client, end); /* frees the arena, and so the exchange */
    return STEP_WAIT;
}

/* The table of steps */

static const struct {
    const char *name;
    enum step (*run)(struct exchange *x);
} steps[STEP_COUNT] = {
    [STEP_IDENTIFY] = {"identify", identify},
    [STEP_CHOOSE] = {"choose", choose},
    [STEP_DIAL] = {"dial", dial},
    [STEP_SEND] = {"send", send_request},
    [STEP_RELAY] = {"relay", relay},
    [STEP_TUNNEL] = {"tunnel", tunnel},
    [STEP_FILE] = {"file", file},
    [STEP_REPLY] = {"reply", reply},
    [STEP_DELIVER] = {"deliver", deliver},
    [STEP_LOG] = {"log", log_and_end},
};

static void run(struct task *task)
{
    struct exchange *x = container_of(task, struct exchange, task);
    must_be(x, EXCHANGE_MAGIC);
    for (;;) {
        enum step step = x->step;
        enum step next = steps[step].run(x); /* STEP_LOG: x is gone */
        if (next == STEP_WAIT)
            return;
        x->step = next;
    }
}

static void cancel(struct stream_user *user)
{
    struct exchange *x = container_of(user, struct exchange, user);
    must_be(x, EXCHANGE_MAGIC);
    /* cppcheck-suppress nullPointerRedundantCheck ; must_be() ends where there is none */
    if (x->facts.fault == FAULT_NONE)
        x->facts.fault = FAULT_SHUTDOWN;
    if (x->step == STEP_TUNNEL) {
        x->request_bytes = x->tunnel.up.delivered;
        x->answer_bytes = x->tunnel.down.delivered;
        hub_tunnel_ended(x->hub);
    } else if (x->step == STEP_RELAY) {
        x->request_bytes = x->relay.up.moved;
        x->answer_bytes = x->relay.down.delivered;
    } else if (x->step == STEP_DELIVER) {
        x->answer_bytes = x->delivery.delivered;
    }
    let_go(x);
}

static void know_client(struct exchange *x, const struct caller *caller)
{
    struct facts *facts = &x->facts;
    char *id = arena_bytes(x->arena, REQUEST_ID_LEN + 1);
    request_id_make(id);
    facts->request_id = str_from(id, REQUEST_ID_LEN);
    facts->client = caller->ip;
    facts->client_port = caller->port;
    facts->listener = x->gate->text;
    facts->started = clock_wall();
    facts->upstream_time = -1;
    facts->response_size = BODY_UNKNOWN;
    facts->block_kind = str_of(x->mode->name);
    facts->minor = x->client->head.minor;
    if (caller->seen != NULL)
        facts->client_certificate = caller->seen->subject;
}

void exchange_begin(struct hub *hub, struct stream *client, const struct caller *caller, struct generation *generation,
                    const struct gate *gate)
{
    struct exchange *x = arena_new(client->arena, struct exchange);
    x->magic = EXCHANGE_MAGIC;
    x->user.cancel = cancel;
    x->hub = hub;
    x->generation = generation_ref(generation);
    x->gate = gate;
    x->mode = gate->mode;
    x->block = gate->block;
    x->client = client;
    x->arena = client->arena;
    x->started = clock_mono();
    x->plan.limits = gate->limits;
    x->plan.timeouts = gate->timeouts;
    x->plan.conceal = true;
    x->plan.allow_websocket = true;
    verdict_init(&x->verdict);
    task_init(&x->task, run);
    timer_init(&x->timer, &x->task);
    hub_exchange_began(hub);
    x->told = caller->told;
    x->seen = caller->seen;
    know_client(x, caller);
    client->user = &x->user;
    run(&x->task);
}
