#include "process/ocsp_fetch.h"

#include "base/arena.h"
#include "base/must.h"
#include "base/text.h"
#include "http/authority.h"
#include "http/target.h"
#include "http1/client.h"
#include "loop/timer.h"
#include "net/dial.h"

#include <stdlib.h>

enum { PATIENCE_MS = 10 * MSEC_SECOND, CONNECT_MS = 5 * MSEC_SECOND, HTTP_PORT = 80, HTTP_OK = 200, INTERIM_MAX = 8 };

enum stage { FETCH_DIALS, FETCH_SENDS, FETCH_AWAITS, FETCH_READS, FETCH_DONE };

struct ocsp_fetch {
    enum stage stage;
    const char *why;
    struct arena arena;
    struct timer timer;
    struct head head; /* of the question */
    struct dial *dial;
    struct http1_client *client;
    struct stream *stream;
    struct buffer out;
    struct text answer;
};

static const struct limits limits = {LIMITS_OF_MESSAGES, .body_size = TLS_OCSP_ANSWER_MAX};

static enum flow fail(struct ocsp_fetch *fetch, const char *why)
{
    fetch->why = why;
    return FLOW_FAIL;
}

/* The question */

static bool prepare(struct ocsp_fetch *fetch, const struct tls_ocsp *ocsp)
{
    struct str authority, request = tls_ocsp_request(ocsp);
    struct head *head = &fetch->head;
    head->method = METHOD_POST;
    head->method_text = STR("POST");
    fields_init(&head->fields, &fetch->arena);
    if (!target_parse(&fetch->arena, tls_ocsp_url(ocsp), METHOD_POST, &head->target, &authority) ||
        !authority_parse(&fetch->arena, authority, AUTHORITY_HOST, &head->authority))
        return false;
    head->target.form = TARGET_ORIGIN;
    head->framing = FRAMING_LENGTH;
    head->length = request.len;
    fields_add(&head->fields, STR("Content-Type"), STR("application/ocsp-request"));
    fields_add(&head->fields, STR("Accept"), STR("application/ocsp-response"));
    buffer_add(&fetch->out, request);
    return true;
}

static struct dial *dial(struct resolver *resolver, const struct authority *authority)
{
    uint16_t port = authority->port != 0 ? authority->port : HTTP_PORT;
    struct ip ip;
    struct addr addr;
    if (!ip_parse(authority->host, &ip))
        return dial_name(resolver, authority->host, port, CONNECT_MS, NULL);
    addr = addr_of_ip(&ip, port);
    return dial_address(&addr, CONNECT_MS, NULL);
}

struct ocsp_fetch *ocsp_fetch_new(struct resolver *resolver, const struct tls_ocsp *ocsp, struct task *who)
{
    struct ocsp_fetch *fetch = must_calloc(1, sizeof *fetch);
    arena_init(&fetch->arena);
    text_init(&fetch->answer);
    timer_init(&fetch->timer, who);
    timer_set(&fetch->timer, PATIENCE_MS);
    if (prepare(fetch, ocsp))
        fetch->dial = dial(resolver, &fetch->head.authority);
    return fetch;
}

void ocsp_fetch_free(struct ocsp_fetch *fetch)
{
    if (fetch == NULL)
        return;
    if (fetch->stream != NULL)
        stream_done(fetch->stream, STREAM_CLOSE);
    http1_client_free(fetch->client);
    if (fetch->dial != NULL)
        dial_free(fetch->dial);
    buffer_clear(&fetch->out);
    text_fini(&fetch->answer);
    timer_fini(&fetch->timer);
    arena_reset(&fetch->arena);
    free(fetch);
}

/* Its stages. END: the next one begins. */

static enum flow dials(struct ocsp_fetch *fetch, struct task *who)
{
    struct addr peer;
    if (fetch->dial == NULL)
        return fail(fetch, "its address cannot be read");
    enum flow flow = dial_poll(fetch->dial, who);
    if (flow == FLOW_FAIL)
        return fail(fetch, "it cannot be connected to");
    if (flow != FLOW_END)
        return flow;
    fetch->client = http1_client_new(dial_take(fetch->dial, &peer));
    fetch->stream = http1_client_begin(fetch->client, &fetch->arena, &limits);
    stream_send_head(fetch->stream, &fetch->head);
    return FLOW_END;
}

static enum flow sends(struct ocsp_fetch *fetch, struct task *who)
{
    struct sink *sink = fetch->stream->body_out;
    enum flow flow = sink->ops->finish(sink, &fetch->out, who);
    return flow == FLOW_FAIL ? fail(fetch, "it takes no question") : flow;
}

static enum flow awaits(struct ocsp_fetch *fetch, struct task *who)
{
    enum flow flow;
    unsigned interims = 0; /* without this a responder could keep the loop busy with nothing else */
    do
        flow = stream_recv_head(fetch->stream, who);
    while (flow == FLOW_END && fetch->stream->head.status < HTTP_OK && fetch->stream->head.status != 101 &&
           interims++ < INTERIM_MAX);
    if (flow == FLOW_FAIL)
        return fail(fetch, "it gives no answer");
    return flow == FLOW_END && fetch->stream->head.status != HTTP_OK ? fail(fetch, "its status is not 200") : flow;
}

static void keep(struct ocsp_fetch *fetch, struct buffer *read)
{
    while (read->len > 0) {
        struct str front = buffer_front(read);
        text_add(&fetch->answer, front);
        buffer_drop(read, front.len);
    }
}

static enum flow reads(struct ocsp_fetch *fetch, struct task *who)
{
    struct source *source = fetch->stream->body_in;
    struct buffer read = {0};
    enum flow flow;
    do {
        flow = source->ops->read(source, &read, BLOCK_SIZE, who);
        keep(fetch, &read);
    } while (flow == FLOW_MORE && fetch->answer.len <= TLS_OCSP_ANSWER_MAX);
    if (fetch->answer.len > TLS_OCSP_ANSWER_MAX)
        return fail(fetch, "its answer is too long");
    return flow == FLOW_FAIL ? fail(fetch, "its answer is broken off") : flow;
}

static enum flow (*const stages[])(struct ocsp_fetch *fetch, struct task *who) = {
    [FETCH_DIALS] = dials, [FETCH_SENDS] = sends, [FETCH_AWAITS] = awaits, [FETCH_READS] = reads};

enum flow ocsp_fetch_poll(struct ocsp_fetch *fetch, struct task *who, struct str *ret_answer, const char **ret_why)
{
    enum flow flow = FLOW_END;
    while (flow == FLOW_END && fetch->stage != FETCH_DONE) {
        flow = stages[fetch->stage](fetch, who);
        fetch->stage += flow == FLOW_END;
    }
    if (flow == FLOW_WAIT && timer_is_due(&fetch->timer))
        flow = fail(fetch, "it takes too long");
    if (flow == FLOW_END)
        *ret_answer = text_str(&fetch->answer);
    else if (flow == FLOW_FAIL)
        *ret_why = fetch->why;
    return flow;
}
