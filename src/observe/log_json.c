/*
 * One JSON object a line, plain ASCII. The names of its members never change their meaning; what is not known is left
 * out. The table below is the order of the members.
 */
#include "http/fault.h"
#include "observe/log_format.h"

enum { VALUE_LIMIT = 1024, URL_LIMIT = 4 * 1024 };

/* `,"name":`; every line begins with its time, so that a comma is always right. */
static inline void put_name(struct line *into, struct str name)
{
    LINE_PUT(into, ",\"");
    line_put(into, name);
    LINE_PUT(into, "\":");
}

static void put_text(struct line *into, struct str name, struct str value)
{
    if (value.len == 0)
        return;
    put_name(into, name);
    line_put_char(into, '"');
    line_put_json(into, value, VALUE_LIMIT);
    line_put_char(into, '"');
}

static void put_number(struct line *into, struct str name, uint64_t value)
{
    put_name(into, name);
    line_put_number(into, value);
}

static void begin(struct line *into, struct wall time)
{
    LINE_PUT(into, "{\"time\":\"");
    line_put_date_iso(into, time);
    line_put_char(into, '"');
}

static void put_url_part(struct line *into, struct str part)
{
    line_put_json(into, part, URL_LIMIT);
}

static void put_request(struct line *into, const struct log_view *view)
{
    const struct facts *facts = view->facts;
    put_text(into, STR("client"), view->client);
    put_text(into, STR("user"), view->user);
    put_text(into, STR("client_certificate"), view->certificate);
    put_text(into, STR("method"), facts->method_text);
    put_text(into, STR("host"), facts->host);
    if (facts->host.at == NULL && facts->asked_path.at == NULL)
        return;
    put_name(into, STR("url"));
    line_put_char(into, '"');
    log_put_url(into, facts, true, put_url_part);
    line_put_char(into, '"');
}

static void put_policy(struct line *into, const struct facts *facts)
{
    put_text(into, STR("mode"), facts->block_kind);
    put_text(into, STR("block"), facts->block);
    put_text(into, STR("verdict"), facts->verdict);
    put_text(into, STR("rule"), facts->rule);
    put_text(into, STR("reason"), facts->reason);
    put_text(into, STR("matched"), facts->matched);
    put_text(into, STR("route"), facts->route);
}

static void put_upstream(struct line *into, const struct facts *facts)
{
    put_text(into, STR("pool"), facts->pool);
    put_text(into, STR("server"), facts->server);
    if (facts->tries == 0)
        return;
    put_number(into, STR("tries"), facts->tries);
    put_name(into, STR("reused"));
    line_put(into, facts->reused ? STR("true") : STR("false"));
    if (facts->upstream_status != 0)
        put_number(into, STR("upstream_status"), facts->upstream_status);
    if (facts->upstream_time >= 0)
        put_number(into, STR("upstream_ms"), (uint64_t)facts->upstream_time);
}

static void json_line(const struct log_view *view, struct line *into)
{
    const struct facts *facts = view->facts;
    begin(into, facts->started);
    put_text(into, STR("id"), facts->request_id);
    put_request(into, view);
    put_number(into, STR("status"), facts->status);
    put_number(into, STR("bytes_in"), facts->bytes_in);
    put_number(into, STR("bytes_out"), facts->bytes_out);
    put_number(into, STR("duration_ms"), (uint64_t)(facts->duration > 0 ? facts->duration : 0));
    put_policy(into, facts);
    put_upstream(into, facts);
    if (facts->fault != FAULT_NONE)
        put_text(into, STR("fault"), str_of(fault_info(facts->fault)->word));
    put_text(into, STR("fault_detail"), facts->fault_detail);
    put_text(into, STR("referer"), view->referer);
    put_text(into, STR("user_agent"), view->user_agent);
    line_put_char(into, '}');
}

static void json_lost(struct line *into, struct wall now, uint64_t count)
{
    begin(into, now);
    put_number(into, STR("lost_lines"), count);
    line_put_char(into, '}');
}

const struct log_format_ops log_json = {json_line, json_lost};
