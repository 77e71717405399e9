#include "admin/status.h"

#include "base/date.h"
#include "base/escape.h"
#include "base/memory.h"
#include "base/must.h"
#include "observe/access_log.h"
#include "proxy/mode.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct figure {
    const char *name;  /* in JSON */
    const char *label; /* in the text */
    size_t at;         /* a uint64_t of struct hub_counts */
};

#define COUNT(member) offsetof(struct hub_counts, member)
static const struct figure figures[] = {
    {"connections_accepted", "connections accepted", COUNT(connections_accepted)},
    {"connections_refused", "connections refused", COUNT(connections_refused)},
    {"connections_open", "connections open", COUNT(connections_open)},
    {"headers_refused", "PROXY headers refused", COUNT(headers_refused)},
    {"handshakes_failed", "TLS handshakes that failed", COUNT(handshakes_failed)},
    {"requests", "requests", COUNT(requests)},
    {"answers_none", "without an answer", COUNT(answers[0])},
    {"answers_1xx", "answers 1xx", COUNT(answers[1])},
    {"answers_2xx", "answers 2xx", COUNT(answers[2])},
    {"answers_3xx", "answers 3xx", COUNT(answers[3])},
    {"answers_4xx", "answers 4xx", COUNT(answers[4])},
    {"answers_5xx", "answers 5xx", COUNT(answers[5])},
    {"bytes_in", "bytes in", COUNT(bytes_in)},
    {"bytes_out", "bytes out", COUNT(bytes_out)},
    {"tunnels_open", "tunnels open", COUNT(tunnels_open)},
    {"upstream_connects", "connects to servers", COUNT(upstream_connects)},
    {"upstream_reuses", "connections used again", COUNT(upstream_reuses)},
    {"upstream_idle", "idle connections to servers", COUNT(upstream_idle)},
    {"upstream_failures", "failures of servers", COUNT(upstream_failures)},
    {"accept_pauses", "pauses of accepting", COUNT(accept_pauses)},
};
#undef COUNT

static uint64_t value_of(const struct figure *figure, const struct hub_counts *counts)
{
    return *(const uint64_t *)(const void *)((const char *)counts + figure->at);
}

/* "3 d 4 h", "12 s": the two largest units. */
static void add_span(struct text *into, msec span)
{
    static const struct unit {
        const char *name;
        int64_t seconds;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    int64_t left = span / MSEC_SECOND;
    int shown = 0;
    for (size_t i = 0; i < lengthof(units) && shown < 2; i++) {
        if (left < units[i].seconds && (shown == 0 && units[i].seconds > 1))
            continue;
        text_printf(into, "%s%" PRId64 " %s", shown > 0 ? " " : "", left / units[i].seconds, units[i].name);
        left %= units[i].seconds;
        shown++;
    }
}

static const char *log_place(const struct log_conf *conf)
{
    static const char *const places[] = {[LOG_STDOUT] = "stdout", [LOG_STDERR] = "stderr"};
    return conf->path != NULL ? conf->path : places[conf->to];
}

static struct log_counts counts_of(const struct admin_view *view, size_t index)
{
    struct log_counts counts = {0};
    logs_counts(view->generation->logs, index, &counts);
    return counts;
}

static void add_line(struct text *into, const char *label)
{
    text_printf(into, "%-28s", label);
}

static void add_head(const struct admin_view *view, struct text *into)
{
    add_line(into, "gatehouse");
    text_printf(into, "%s, supervisor %ld, worker %ld, up ", view->is_draining ? "draining" : "serving",
                (long)view->supervisor, (long)view->worker);
    add_span(into, view->uptime);
    text_add_char(into, '\n');
    if (view->generation == NULL)
        return;
    add_line(into, "configuration");
    text_printf(into, "generation %u, for ", view->generation->number);
    add_span(into, view->generation_age);
    text_add_char(into, '\n');
}

/* Certificates */

struct shown_certificate {
    struct str block;
    bool is_to_servers; /* a pool shows it */
    bool is_stand_in;   /* for the one that is ordered: self-signed */
    const char *path;   /* NULL: it is self-signed, and in no file */
    struct certificate_facts facts;
    struct str names;
};

struct listing {
    struct text *into;
    void (*add)(struct text *into, size_t number, const struct shown_certificate *shown);
    size_t count;
};

static void list_one(struct listing *listing, struct shown_certificate *shown, struct text *taken_names)
{
    shown->names = text_str(taken_names);
    listing->add(listing->into, listing->count++, shown);
    text_fini(taken_names);
}

static void list_of_server(struct listing *listing, const struct tls_server_conf *server)
{
    for (size_t i = 0; i < tls_server_certificates(server->built); i++) {
        struct shown_certificate shown = {.block = server->block.text};
        struct text names;
        text_init(&names);
        tls_server_facts(server->built, i, &shown.facts, &names);
        shown.is_stand_in = shown.facts.is_made && server->source == CERTIFICATE_AUTO;
        shown.path = shown.facts.is_made ? NULL : server->certificates[i].certificate_path;
        list_one(listing, &shown, &names);
    }
}

static void list_of_pool(struct listing *listing, const struct pool_conf *pool)
{
    const struct certificate_conf *conf = pool_certificate(pool);
    if (conf == NULL)
        return;
    struct shown_certificate shown = {.block = pool->name.text, .is_to_servers = true, .path = conf->certificate_path};
    struct text names;
    text_init(&names);
    tls_client_facts(pool->tls->built, &shown.facts, &names);
    list_one(listing, &shown, &names);
}

static void each_certificate(const struct admin_view *view, struct text *into,
                             void (*add)(struct text *into, size_t number, const struct shown_certificate *shown))
{
    struct listing listing = {.into = into, .add = add};
    for (size_t i = 0; i < view->tls_server_count; i++)
        list_of_server(&listing, view->tls_servers[i]);
    for (size_t i = 0; i < view->pool_count; i++)
        list_of_pool(&listing, view->pools[i]);
}

static void add_certificate(struct text *into, size_t number, const struct shown_certificate *shown)
{
    add_line(into, number == 0 ? "certificates" : "");
    text_printf(into, "%.*s%s: ", STR_ARGS(shown->block), shown->is_to_servers ? ", to servers" : "");
    text_add(into, str_is_empty(shown->names) ? STR("without a name") : shown->names);
    if (shown->path == NULL)
        text_add_cstr(into, "; self-signed");
    text_add_cstr(into, shown->is_stand_in ? ", in place of the one that is ordered; " : "; ");
    certificate_tell_end(&shown->facts, wall_seconds(clock_wall()), into);
    text_add_char(into, '\n');
}

static const char *iso(int64_t seconds, char into[DATE_TEXT_MAX])
{
    size_t len = date_iso((struct wall){seconds * 1000000}, into);
    if (len > sizeof ".000Z" - 1) /* without the fraction */
        memcpy(into + len - (sizeof ".000Z" - 1), "Z", sizeof "Z");
    return into;
}

static void add_order(const struct order_state *order, struct text *into)
{
    char until[DATE_TEXT_MAX], next[DATE_TEXT_MAX];
    text_printf(into, "%s", order->name);
    if (order->names > 1)
        text_printf(into, " and %" PRIu32 " more", order->names - 1);
    if (order->until != 0)
        text_printf(into, ": until %s", iso(order->until, until));
    else
        text_add_cstr(into, order->is_unread ? ": with a certificate that cannot be read" : ": self-signed so far");
    if (order->is_running)
        text_add_cstr(into, "; an order is under way");
    else
        text_printf(into, "; next order %s", iso(order->next, next));
    if (order->failures > 0)
        text_printf(into, "; failed %" PRIu32 " time%s: %s", order->failures, order->failures > 1 ? "s" : "",
                    order->error);
    text_add_char(into, '\n');
}

static void add_text(const struct admin_view *view, struct text *into)
{
    add_head(view, into);
    add_line(into, "threads");
    text_printf(into, "%u\n", view->threads);
    add_line(into, "memory for traffic");
    text_printf(into, "%zu bytes, %u %% of the limit\n", memory_in_use(), memory_pressure());
    for (size_t i = 0; i < lengthof(figures); i++) {
        add_line(into, figures[i].label);
        text_printf(into, "%" PRIu64 "\n", value_of(&figures[i], &view->counts));
    }
    for (size_t i = 0; view->generation != NULL && i < view->generation->gate_count; i++) {
        const struct gate *gate = &view->generation->gates[i];
        add_line(into, i == 0 ? "listeners" : "");
        text_printf(into, "%.*s (%s)\n", STR_ARGS(gate->text), gate->mode->name);
    }
    each_certificate(view, into, add_certificate);
    for (size_t i = 0; i < view->order_count; i++) {
        add_line(into, i == 0 ? "orders" : "");
        add_order(&view->orders[i], into);
    }
    for (size_t i = 0; view->generation != NULL && i < view->log_count; i++) {
        struct log_counts counts = counts_of(view, i);
        add_line(into, i == 0 ? "logs" : "");
        text_printf(into, "%s: %" PRIu64 " lines, %" PRIu64 " lost\n", log_place(&view->log_confs[i]), counts.written,
                    counts.lost);
    }
}

static void add_json_text(struct text *into, const char *name, struct str value)
{
    text_printf(into, "\"%s\":\"", name);
    escape_json(into, value);
    text_add_char(into, '"');
}

static void add_json_names(struct text *into, struct str names)
{
    struct str name;
    text_add_cstr(into, ",\"names\":[");
    for (bool is_first = true; str_cut(&names, ' ', &name); is_first = false) {
        text_add_cstr(into, is_first ? "\"" : ",\"");
        escape_json(into, name);
        text_add_char(into, '"');
    }
    text_add_char(into, ']');
}

static void add_json_certificate(struct text *into, size_t number, const struct shown_certificate *shown)
{
    char ends[DATE_TEXT_MAX];
    text_add_cstr(into, number > 0 ? ",{" : "{");
    add_json_text(into, "block", shown->block);
    text_add_char(into, ',');
    add_json_text(into, "shown_to", shown->is_to_servers ? STR("servers") : STR("clients"));
    text_add_char(into, ',');
    if (shown->path != NULL)
        add_json_text(into, "file", str_of(shown->path));
    else
        text_add_cstr(into, shown->is_stand_in ? "\"self_signed\":true,\"stand_in\":true" : "\"self_signed\":true");
    add_json_names(into, shown->names);
    text_add_char(into, ',');
    date_iso((struct wall){shown->facts.ends * 1000000}, ends);
    add_json_text(into, "expires", str_of(ends));
    text_add_char(into, '}');
}

static void add_json_order(const struct order_state *order, struct text *into)
{
    char time[DATE_TEXT_MAX];
    text_add_char(into, '{');
    add_json_text(into, "name", str_of(order->name));
    text_printf(into, ",\"names\":%" PRIu32 ",\"under_way\":%s,\"failures\":%" PRIu32 ",", order->names,
                order->is_running ? "true" : "false", order->failures);
    add_json_text(into, "error", str_of(order->error));
    text_add_char(into, ',');
    add_json_text(into, "until", order->until != 0 ? str_of(iso(order->until, time)) : STR_NONE);
    text_add_char(into, ',');
    add_json_text(into, "next", order->next != 0 ? str_of(iso(order->next, time)) : STR_NONE);
    text_add_char(into, '}');
}

static void add_json_lists(const struct admin_view *view, struct text *into)
{
    text_add_cstr(into, ",\"listeners\":[");
    for (size_t i = 0; view->generation != NULL && i < view->generation->gate_count; i++) {
        text_add_cstr(into, i > 0 ? ",{" : "{");
        add_json_text(into, "address", view->generation->gates[i].text);
        text_add_char(into, ',');
        add_json_text(into, "mode", str_of(view->generation->gates[i].mode->name));
        text_add_char(into, '}');
    }
    text_add_cstr(into, "],\"certificates\":[");
    each_certificate(view, into, add_json_certificate);
    text_add_cstr(into, "],\"logs\":[");
    for (size_t i = 0; view->generation != NULL && i < view->log_count; i++) {
        struct log_counts counts = counts_of(view, i);
        text_add_cstr(into, i > 0 ? ",{" : "{");
        add_json_text(into, "to", str_of(log_place(&view->log_confs[i])));
        text_printf(into, ",\"written\":%" PRIu64 ",\"lost\":%" PRIu64 "}", counts.written, counts.lost);
    }
    text_add_cstr(into, "],\"orders\":[");
    for (size_t i = 0; i < view->order_count; i++) {
        text_add_cstr(into, i > 0 ? "," : "");
        add_json_order(&view->orders[i], into);
    }
    text_add_char(into, ']');
}

static void add_json(const struct admin_view *view, struct text *into)
{
    text_printf(into, "{\"state\":\"%s\",\"supervisor\":%ld,\"worker\":%ld,\"uptime_seconds\":%.3f",
                view->is_draining ? "draining" : "serving", (long)view->supervisor, (long)view->worker,
                (double)view->uptime / MSEC_SECOND);
    text_printf(into, ",\"generation\":%u,\"generation_seconds\":%.3f,\"threads\":%u",
                view->generation != NULL ? view->generation->number : 0, (double)view->generation_age / MSEC_SECOND,
                view->threads);
    text_printf(into, ",\"memory_bytes\":%zu,\"memory_percent\":%u", memory_in_use(), memory_pressure());
    for (size_t i = 0; i < lengthof(figures); i++)
        text_printf(into, ",\"%s\":%" PRIu64, figures[i].name, value_of(&figures[i], &view->counts));
    add_json_lists(view, into);
    text_add_cstr(into, "}\n");
}

bool status_run(const struct admin_view *view, struct str words, struct text *into)
{
    if (!str_is_empty(words) && !str_eq(words, STR("json"))) {
        text_printf(into, "status: '%.*s' is not known; write `status` or `status json`\n", STR_ARGS(words));
        return false;
    }
    (str_is_empty(words) ? add_text : add_json)(view, into);
    return true;
}
