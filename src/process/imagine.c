#include "process/imagine.h"

#include "base/number.h"
#include "http/authority.h"
#include "http/path.h"
#include "proxy/apply.h"

static bool read_part(struct str *rest, size_t digits, char end, int *ret)
{
    uint64_t number;
    if (rest->len < digits || !number_parse_u64(str_head(*rest, digits), 9999, &number))
        return false;
    *ret = (int)number;
    *rest = str_skip(*rest, digits);
    if (end == '\0')
        return rest->len == 0;
    bool has_end = rest->len > 0 && rest->at[0] == end;
    *rest = str_skip(*rest, 1);
    return has_end;
}

bool imagine_time(struct str text, struct date *ret)
{
    struct date date = {0};
    if (!read_part(&text, 4, '-', &date.year) || !read_part(&text, 2, '-', &date.month) ||
        !read_part(&text, 2, ' ', &date.day) || !read_part(&text, 2, ':', &date.hour) ||
        !read_part(&text, 2, '\0', &date.minute) || !date_is_valid(&date))
        return false;
    *ret = date_of(date_seconds(&date));
    return true;
}

/* Cuts the scheme; http is meant when there is none. */
static const char *read_scheme(struct str *url, struct imagined *into)
{
    static const struct str separator = {"://", 3};
    size_t at = str_find_str(*url, separator);
    struct str scheme = str_head(*url, at);
    if (at == url->len)
        return "the URL has no scheme: write http://… or https://…";
    if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
        return "the scheme of the URL is neither http nor https";
    into->facts.scheme = scheme.len == 4 ? STR("http") : STR("https");
    *url = str_skip(*url, at + separator.len);
    return NULL;
}

static const char *read_url(const struct imagine *what, struct arena *arena, struct imagined *into)
{
    struct str rest = what->url;
    struct head *head = &into->head;
    bool is_tunnel = head->method == METHOD_CONNECT;
    const char *why = is_tunnel && str_find_str(rest, STR("://")) == rest.len ? NULL : read_scheme(&rest, into);
    if (why != NULL)
        return why;
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    if (!authority_parse(arena, str_head(rest, end), AUTHORITY_HOST, &head->authority))
        return "the URL names no valid host";
    struct str path = str_skip(rest, end);
    size_t mark = str_find(path, '?');
    head->target.query = mark < path.len ? str_skip(path, mark + 1) : STR_NONE;
    path = mark == 0 ? STR("/") : str_head(path, mark);
    struct str second;
    if (!path_canonical(arena, path, &head->target.path, &second))
        return "the URL has no valid path";
    return NULL;
}

/* As a client would send it to a forward proxy. */
static void make_tunnel(struct imagined *into)
{
    bool is_https = into->facts.scheme.at == NULL || str_eq(into->facts.scheme, STR("https"));
    into->head.method = METHOD_CONNECT;
    into->head.method_text = STR("CONNECT");
    into->facts.scheme = STR("tunnel");
    if (into->head.authority.port == 0)
        into->head.authority.port = is_https ? 443 : 80;
}

const char *imagine_request(const struct imagine *what, struct arena *arena, struct imagined *ret)
{
    *ret = (struct imagined){.head = {.method = method_of(what->method), .method_text = what->method, .minor = 1}};
    fields_init(&ret->head.fields, arena);
    const char *why = read_url(what, arena, ret);
    if (why != NULL)
        return why;
    struct date local;
    if (what->at.at != NULL && !imagine_time(what->at, &local))
        return "the time is not written as \"YYYY-MM-DD HH:MM\"";
    ret->clock = (struct facts_clock){.is_given = what->at.at != NULL};
    if (what->at.at != NULL)
        ret->clock.local = local;
    uint16_t port = str_eq(ret->facts.scheme, STR("https")) ? 443 : 80;
    fields_add_known(&ret->head.fields, FIELD_HOST, authority_text(arena, &ret->head.authority, port));
    for (size_t i = 0; i < what->header_count; i++)
        fields_add(&ret->head.fields, what->headers[i].name, what->headers[i].value);
    if (ret->head.method == METHOD_CONNECT || (what->is_forward && str_eq(ret->facts.scheme, STR("https"))))
        make_tunnel(ret);
    ret->facts.client = what->client;
    ret->facts.clock = &ret->clock;
    ret->facts.request_id = STR("0");
    facts_of_request(&ret->facts, &ret->head);
    ret->facts.destination = ret->facts.host_ip;
    return NULL;
}
