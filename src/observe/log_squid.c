/*
 * Squid's native form: %ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt
 * https://wiki.squid-cache.org/Features/LogFormat
 */
#include "observe/log_format.h"

enum { VALUE_LIMIT = 1024, URL_LIMIT = 4 * 1024 };

static void put_word(struct line *into, struct str value)
{
    if (value.len == 0)
        line_put_char(into, '-');
    else
        line_put_escaped(into, value, true, VALUE_LIMIT);
}

static void put_part(struct line *into, struct str part)
{
    line_put_escaped(into, part, true, URL_LIMIT);
}

static void put_time(struct line *into, struct wall time)
{
    uint64_t ms = time.us > 0 ? (uint64_t)time.us / 1000 : 0;
    line_put_number(into, ms / 1000);
    line_put_char(into, '.');
    line_put_padded(into, ms % 1000, 3, '0');
}

static struct str code_of(const struct facts *facts)
{
    bool is_denied = str_eq(facts->verdict, STR("deny"));
    if (facts->method_text.len == 0)
        return STR("NONE_NONE");
    if (is_denied)
        return STR("TCP_DENIED");
    if (str_eq(facts->verdict, STR("redirect")))
        return STR("TCP_REDIRECT");
    if (facts->server.len == 0)
        return facts->method == METHOD_CONNECT ? STR("NONE_NONE")
               : facts->fault != FAULT_NONE    ? STR("TCP_MISS")
                                               : STR("TCP_HIT");
    if (facts->fault == FAULT_CLIENT_GONE)
        return STR("TCP_MISS_ABORTED");
    return facts->method == METHOD_CONNECT ? STR("TCP_TUNNEL") : STR("TCP_MISS");
}

static void put_hierarchy(struct line *into, const struct facts *facts)
{
    if (facts->server.len == 0) {
        LINE_PUT(into, "HIER_NONE/-");
        return;
    }
    line_put(into, str_eq(facts->block_kind, STR("reverse")) ? STR("FIRSTUP_PARENT/") : STR("HIER_DIRECT/"));
    struct str host = facts->server;
    if (host.at[0] == '[')
        host = str_head(str_skip(host, 1), str_find(str_skip(host, 1), ']'));
    else if (!str_starts(host, STR("unix:")))
        host = str_head(host, str_find(host, ':'));
    put_word(into, host);
}

static struct str media_type(const struct facts *facts)
{
    const struct field *type = facts->response_fields != NULL
                                   ? fields_find_known(facts->response_fields, FIELD_CONTENT_TYPE)
                                   : NULL;
    return type == NULL ? STR_NONE : str_trim(str_head(type->value, str_find(type->value, ';')));
}

static void squid_line(const struct log_view *view, struct line *into)
{
    const struct facts *facts = view->facts;
    uint64_t duration = (uint64_t)(facts->duration > 0 ? facts->duration : 0);
    put_time(into, (struct wall){facts->started.us + (int64_t)duration * 1000});
    line_put_char(into, ' ');
    line_put_padded(into, duration, 6, ' ');
    line_put_char(into, ' ');
    put_word(into, view->client);
    line_put_char(into, ' ');
    line_put(into, code_of(facts));
    line_put_char(into, '/');
    line_put_padded(into, facts->status, 3, '0');
    line_put_char(into, ' ');
    line_put_number(into, facts->wire_out);
    line_put_char(into, ' ');
    put_word(into, facts->method_text);
    line_put_char(into, ' ');
    if (facts->host.at != NULL || facts->asked_path.len > 0)
        log_put_url(into, facts, true, put_part);
    else
        LINE_PUT(into, "error:invalid-request");
    line_put_char(into, ' ');
    put_word(into, view->user);
    line_put_char(into, ' ');
    put_hierarchy(into, facts);
    line_put_char(into, ' ');
    put_word(into, media_type(facts));
}

static void squid_lost(struct line *into, struct wall now, uint64_t count)
{
    put_time(into, now);
    LINE_PUT(into, "      0 - NONE_NONE/000 0 - error:lost-lines/");
    line_put_number(into, count);
    LINE_PUT(into, " - HIER_NONE/- -");
}

const struct log_format_ops log_squid = {squid_line, squid_lost};
