#include "observe/log_format.h"

static const struct log_format_ops *const formats[] = {
    [LOG_JSON] = &log_json,
    [LOG_COMBINED] = &log_combined,
    [LOG_SQUID] = &log_squid,
    [LOG_TEMPLATE] = &log_template,
};

const struct log_format_ops *log_format_ops(enum log_format format)
{
    return formats[format];
}

static bool is_default_port(const struct facts *facts)
{
    return facts->port == 0 || (facts->port == 80 && str_eq(facts->scheme, STR("http"))) ||
           (facts->port == 443 && str_eq(facts->scheme, STR("https")));
}

static void put_authority(struct line *into, const struct facts *facts, void (*put)(struct line *line, struct str s))
{
    bool is_ipv6 = facts->host_ip.version == 6;
    if (is_ipv6)
        line_put_char(into, '[');
    put(into, facts->host);
    if (is_ipv6)
        line_put_char(into, ']');
    if (is_default_port(facts))
        return;
    line_put_char(into, ':');
    line_put_number(into, facts->port);
}

void log_put_url(struct line *into, const struct facts *facts, bool with_authority,
                 void (*put)(struct line *line, struct str s))
{
    bool is_tunnel = facts->method == METHOD_CONNECT;
    if (with_authority && facts->host.at != NULL) {
        if (!is_tunnel) {
            put(into, facts->scheme);
            LINE_PUT(into, "://");
        }
        put_authority(into, facts, put);
    }
    if (is_tunnel && facts->host.at == NULL) /* a TLS greeting without a name */
        line_put_char(into, '-');
    if (is_tunnel)
        return;
    put(into, facts->asked_path);
    if (facts->query.at != NULL) {
        line_put_char(into, '?');
        put(into, facts->query);
    }
}
