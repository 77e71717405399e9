/*
 * Apache's combined form: %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i".
 */
#include "observe/log_format.h"

enum { VALUE_LIMIT = 2048, URL_LIMIT = 4 * 1024 };

static void put_word(struct line *into, struct str value)
{
    if (value.len == 0)
        line_put_char(into, '-');
    else
        line_put_escaped(into, value, true, VALUE_LIMIT);
}

static void put_quoted(struct line *into, struct str value)
{
    line_put_char(into, '"');
    if (value.len == 0)
        line_put_char(into, '-');
    else
        line_put_escaped(into, value, false, VALUE_LIMIT);
    line_put_char(into, '"');
}

static void put_time(struct line *into, struct wall time)
{
    line_put_char(into, '[');
    line_put_date_common(into, time);
    line_put_char(into, ']');
}

static void put_part(struct line *into, struct str part)
{
    line_put_escaped(into, part, true, URL_LIMIT);
}

/* The request line, with the target in the form that the mode takes: a path, a URL, an authority. */
static void put_request_line(struct line *into, const struct facts *facts)
{
    bool is_whole = facts->method == METHOD_CONNECT || str_eq(facts->block_kind, STR("forward"));
    if (facts->method_text.len == 0) {
        LINE_PUT(into, "\"-\"");
        return;
    }
    line_put_char(into, '"');
    put_part(into, facts->method_text);
    line_put_char(into, ' ');
    log_put_url(into, facts, is_whole, put_part);
    LINE_PUT(into, " HTTP/1.");
    line_put_number(into, facts->minor);
    line_put_char(into, '"');
}

static void combined_line(const struct log_view *view, struct line *into)
{
    const struct facts *facts = view->facts;
    put_word(into, view->client);
    LINE_PUT(into, " - ");
    put_word(into, view->user);
    line_put_char(into, ' ');
    put_time(into, facts->started);
    line_put_char(into, ' ');
    put_request_line(into, facts);
    line_put_char(into, ' ');
    if (facts->status == 0)
        line_put_char(into, '-');
    else
        line_put_number(into, facts->status);
    line_put_char(into, ' ');
    if (facts->bytes_out == 0)
        line_put_char(into, '-');
    else
        line_put_number(into, facts->bytes_out);
    line_put_char(into, ' ');
    put_quoted(into, view->referer);
    line_put_char(into, ' ');
    put_quoted(into, view->user_agent);
}

static void combined_lost(struct line *into, struct wall now, uint64_t count)
{
    LINE_PUT(into, "- - - ");
    put_time(into, now);
    LINE_PUT(into, " \"-\" - - \"-\" \"gatehouse: ");
    line_put_number(into, count);
    LINE_PUT(into, " lines were lost\"");
}

const struct log_format_ops log_combined = {combined_line, combined_lost};
