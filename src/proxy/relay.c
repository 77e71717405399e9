#include "proxy/relay.h"

#include "base/date.h"
#include "base/must.h"
#include "http1/client.h"
#include "proxy/exchange.h"
#include "proxy/hop.h"
#include "proxy/hub.h"
#include "proxy/trailers.h"
#include "upstream/connection.h"

enum {
    LOOK_MS = 1000,  /* how often slow peers are looked for */
    INTERIM_MAX = 32 /* 1xx before an answer; each is kept until the answer's end */
};

void relay_init(struct relay *relay, struct exchange *x, struct stream *server)
{
    *relay = (struct relay){.server = server};
    pipe_init(&relay->up, x->client->body_in, server->body_out);
    if (x->client->ops->is_body_read(x->client)) {
        relay->up_state = UP_DONE;
        relay->asked = clock_mono();
    } else if (x->client->head.expects_continue) {
        relay->asked = clock_mono(); /* for leave to send the body */
    }
}

void relay_fini(struct relay *relay)
{
    pipe_fini(&relay->up);
    pipe_fini(&relay->down);
}

static enum flow fail(struct relay *relay, enum fault fault)
{
    relay->fault = fault;
    return FLOW_FAIL;
}

/* The request's body */

static enum flow run_up(struct relay *relay, struct exchange *x)
{
    if (relay->up_state != UP_MOVING) {
        if (relay->up_state == UP_DONE && !relay->has_sent) {
            enum flow sent = stream_flush(relay->server, &x->task);
            relay->has_sent = sent == FLOW_END;
            if (sent == FLOW_FAIL)
                relay->up_state = UP_BROKEN;
        }
        return FLOW_WAIT;
    }
    enum flow flow = pipe_run(&relay->up, &x->task);
    if (flow == FLOW_MORE)
        task_wake(&x->task);
    if (flow == FLOW_END) {
        relay->up_state = UP_DONE;
        relay->has_sent = true;
        relay->asked = clock_mono();
    }
    if (flow != FLOW_FAIL)
        return FLOW_WAIT;
    relay->up_state = UP_BROKEN;
    if (relay->up.failed == PIPE_SOURCE && relay->state != RELAY_DONE)
        return fail(relay, x->client->ops->body_fault(x->client));
    if (relay->asked.us == 0)
        relay->asked = clock_mono();
    return FLOW_WAIT; /* the server takes no more, but an early answer may be there to read */
}

/* The answer's head */

static void frame_for_client(const struct exchange *x, const struct head *from, struct head *out)
{
    out->framing = from->framing;
    out->length = from->length;
    out->declared = from->declared;
    if (from->framing != FRAMING_CHUNKED && from->framing != FRAMING_CLOSE)
        return;
    /* A client of HTTP/1.0 knows no chunks; the end of the connection is the end of the body. */
    bool knows_chunks = x->client->head.minor > 0;
    out->framing = knows_chunks ? FRAMING_CHUNKED : FRAMING_CLOSE;
    if (!knows_chunks)
        x->client->must_close = true;
}

static void begin_answer(struct exchange *x, const struct head *from, struct head *out)
{
    *out = (struct head){.status = from->status, .reason = from->reason, .minor = 1};
    fields_init(&out->fields, x->arena);
    hop_copy(&from->fields, &out->fields);
    if (fields_find_known(&out->fields, FIELD_DATE) == NULL && from->status >= 200)
        fields_add_known(&out->fields, FIELD_DATE, arena_dup(x->arena, date_now()));
}

/* 1xx: passed on to clients that know them, before the final answer (RFC 9110 15.2). */
static enum flow pass_interim(struct relay *relay, struct exchange *x)
{
    struct head out;
    if (x->client->head.minor == 0)
        return FLOW_MORE;
    begin_answer(x, &relay->server->head, &out);
    out.framing = FRAMING_NONE;
    out.declared = BODY_UNKNOWN;
    stream_send_head(x->client, &out);
    enum flow flow = stream_flush(x->client, &x->task);
    return flow == FLOW_FAIL ? fail(relay, FAULT_CLIENT_GONE) : FLOW_MORE;
}

static enum flow pass_head(struct relay *relay, struct exchange *x)
{
    const struct head *from = &relay->server->head;
    struct head out;
    bool is_upgrade = from->status == 101;
    if (is_upgrade && !x->client->head.upgrades_websocket)
        return fail(relay, FAULT_SERVER_INVALID);
    begin_answer(x, from, &out);
    frame_for_client(x, from, &out);
    out.upgrades_websocket = is_upgrade;
    if (is_upgrade || (relay->up_state == UP_MOVING && !from->keep_alive)) /* the rest of the upload will go nowhere */
        x->client->must_close = true;
    hop_add_via(&out.fields, from->minor, hub_pseudonym(), x->arena);
    x->facts.upstream_status = from->status;
    x->facts.upstream_time = mono_since(relay->asked.us != 0 ? relay->asked : x->started, clock_mono());
    x->facts.status = from->status;
    if (!x->mode->edit_response(x, &out, false))
        return fail(relay, FAULT_ADDRESS_DENIED); /* a rule on the answer; the plan says what is answered instead */
    const struct fields *trailers = NULL;
    if (fields_lists(&x->client->head.fields, FIELD_TE, STR("trailers")))
        trailers = trailers_announce(x, RULE_RESPONSE, from, &out);
    stream_send_head(x->client, &out);
    if (trailers != NULL)
        trailers_pass(relay->server, x->client, trailers);
    x->answered = true;
    relay->is_upgrade = is_upgrade;
    pipe_init(&relay->down, relay->server->body_in, x->client->body_out);
    relay->state = RELAY_BODY;
    return FLOW_MORE;
}

/* A request may be sent again only when a connection that was idle before proved dead without a byte of an answer,
   nothing of a body is gone, and the method allows it (RFC 9112 9.3.1). */
static bool may_retry(const struct relay *relay, const struct exchange *x)
{
    return relay->server->fault == FAULT_SERVER_CLOSED && x->upstream->is_reused && !x->is_retry &&
           !http1_client_has_answered(x->upstream->http) && relay->up.moved == 0 &&
           x->client->head.framing == FRAMING_NONE && method_is_idempotent(x->client->head.method);
}

static enum flow run_head(struct relay *relay, struct exchange *x)
{
    for (;;) {
        enum flow flow = stream_recv_head(relay->server, &x->task);
        if (flow == FLOW_WAIT)
            return FLOW_WAIT;
        if (flow == FLOW_FAIL) {
            relay->may_retry = may_retry(relay, x);
            return fail(relay, relay->server->fault);
        }
        bool is_interim = relay->server->head.status < 200 && relay->server->head.status != 101;
        if (is_interim && ++relay->interims > INTERIM_MAX)
            return fail(relay, FAULT_SERVER_INVALID);
        flow = is_interim ? pass_interim(relay, x) : pass_head(relay, x);
        if (flow != FLOW_MORE || !is_interim)
            return flow;
    }
}

/* The answer's body */

static enum flow run_body(struct relay *relay, struct exchange *x)
{
    if (relay->is_upgrade) {
        enum flow flow = stream_flush(x->client, &x->task);
        return flow == FLOW_FAIL ? fail(relay, FAULT_CLIENT_GONE) : flow;
    }
    enum flow flow = pipe_run(&relay->down, &x->task);
    if (flow == FLOW_MORE)
        task_wake(&x->task);
    if (flow == FLOW_FAIL)
        return fail(relay, relay->down.failed == PIPE_SINK ? FAULT_CLIENT_GONE : FAULT_SERVER_TRUNCATED);
    return flow == FLOW_MORE ? FLOW_WAIT : flow;
}

/* Slow peers: who owes what right now, and for how long already */

/* The client has asked for leave to send its body (RFC 9110 10.1.1), and it is the server that has to say something. */
static bool waits_for_continue(const struct relay *relay, const struct exchange *x)
{
    return x->client->head.expects_continue && relay->state == RELAY_HEAD && relay->interims == 0 &&
           relay->up.moved == 0;
}

/* What a peer has really taken. The kernel queues megabytes and tells of room only when a third of them is gone: a peer
   that reads slowly would look idle, and one that reads nothing busy. */
uint64_t relay_taken(const struct pipe *pipe, struct stream *by)
{
    uint64_t unsent = by->ops->unsent(by);
    return pipe->delivered > unsent ? pipe->delivered - unsent : 0;
}

static enum fault look_at_client(struct relay *relay, struct exchange *x)
{
    const struct timeouts *timeouts = x->plan.timeouts;
    uint64_t least = x->plan.limits->min_rate;
    bool owes_body = relay->up_state == UP_MOVING && relay->up.waits_for == PIPE_SOURCE &&
                     !waits_for_continue(relay, x);
    if (rate_look(&relay->upload, relay->up.moved, owes_body, timeouts->client_body, least, timeouts->rate_grace) !=
        RATE_FINE)
        return FAULT_CLIENT_SLOW_BODY;
    bool owes_reading = relay->state == RELAY_BODY && relay->down.waits_for == PIPE_SINK;
    uint64_t taken = owes_reading ? relay_taken(&relay->down, x->client) : relay->download.bytes;
    if (rate_look(&relay->download, taken, owes_reading, timeouts->client_write, least, timeouts->rate_grace) !=
        RATE_FINE)
        return FAULT_CLIENT_SLOW_READ;
    return FAULT_NONE;
}

/* A server may be as slow as it likes (event streams), but not silent for ever. */
static enum fault look_at_server(struct relay *relay, struct exchange *x)
{
    const struct timeouts *timeouts = x->plan.timeouts;
    bool owes_reading = relay->up_state == UP_MOVING && relay->up.waits_for == PIPE_SINK;
    uint64_t taken = owes_reading ? relay_taken(&relay->up, relay->server) : relay->taking.bytes;
    if (rate_look(&relay->taking, taken, owes_reading, timeouts->response, 0, 0) != RATE_FINE)
        return FAULT_SERVER_TIMEOUT;
    if (relay->state == RELAY_DONE)
        return FAULT_NONE;
    if (relay->state == RELAY_HEAD) {
        bool owes_head = relay->asked.us != 0 && (relay->up_state != UP_MOVING || waits_for_continue(relay, x));
        bool is_late = owes_head && mono_since(relay->asked, clock_mono()) >= timeouts->response;
        return is_late ? FAULT_SERVER_TIMEOUT : FAULT_NONE;
    }
    bool owes_body = relay->down.waits_for == PIPE_SOURCE;
    bool is_silent = rate_look(&relay->answering, relay->down.moved, owes_body, timeouts->response_gap, 0, 0) !=
                     RATE_FINE;
    return is_silent ? FAULT_SERVER_SLOW : FAULT_NONE;
}

/* Once a second of waiting; what is answered within it costs nothing here. */
static enum fault look_for_slowness(struct relay *relay, struct exchange *x)
{
    if (timer_is_set(&x->timer) && !timer_is_due(&x->timer))
        return FAULT_NONE;
    bool is_first = !timer_is_set(&x->timer);
    timer_set(&x->timer, LOOK_MS);
    if (is_first)
        return FAULT_NONE;
    enum fault fault = look_at_client(relay, x);
    return fault != FAULT_NONE ? fault : look_at_server(relay, x);
}

/* An answer may be complete before the request is. As long as the server listens on, the rest of the upload is passed
   on, and both connections stay of use; one that closes has said all it wanted. */
static bool is_upload_owed(const struct relay *relay)
{
    return relay->up_state == UP_MOVING && !relay->is_upgrade && relay->server->head.keep_alive &&
           !relay->server->ops->is_gone(relay->server);
}

enum flow relay_run(struct relay *relay, struct exchange *x)
{
    if (run_up(relay, x) == FLOW_FAIL)
        return FLOW_FAIL;
    if (relay->state == RELAY_HEAD && run_head(relay, x) == FLOW_FAIL)
        return FLOW_FAIL;
    if (relay->state == RELAY_BODY) {
        enum flow flow = run_body(relay, x);
        if (flow == FLOW_FAIL)
            return FLOW_FAIL;
        if (flow == FLOW_END)
            relay->state = RELAY_DONE;
    }
    if (relay->state == RELAY_DONE && !is_upload_owed(relay))
        return FLOW_END;
    /* A client that has gone for good is waiting for nothing any more; one that has only ended its side is. As long as
       its body is read, reading tells. */
    if (relay->up_state != UP_MOVING || relay->up.waits_for == PIPE_SINK) {
        bool is_gone = x->client->ops->is_reset(x->client);
        if (is_gone && relay->state != RELAY_DONE)
            return fail(relay, FAULT_CLIENT_GONE);
        if (is_gone) {
            relay->up_state = UP_BROKEN;
            return FLOW_END;
        }
        x->client->ops->watch(x->client, &x->task);
    }
    enum fault fault = look_for_slowness(relay, x);
    if (fault == FAULT_NONE)
        return FLOW_WAIT;
    if (relay->state != RELAY_DONE)
        return fail(relay, fault);
    relay->up_state = UP_BROKEN;
    return FLOW_END;
}
