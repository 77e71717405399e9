#include "http/validate.h"

#include "http/authority.h"
#include "http/framing.h"
#include "http/target.h"

enum { STATUS_MIN = 100, STATUS_MAX = 599, HTTP_PORT = 80 };

/* RFC 9112 3.2: one Host on HTTP/1.1, none or one on 1.0, and a valid one. */
static enum fault read_host(struct arena *arena, const struct head *head, struct authority *ret)
{
    const struct field *host = fields_find_known(&head->fields, FIELD_HOST);
    if (host == NULL)
        return head->minor > 0 ? FAULT_BAD_HOST : FAULT_NONE;
    if (fields_count_known(&head->fields, FIELD_HOST) != 1 || !authority_parse(arena, host->value, AUTHORITY_HOST, ret))
        return FAULT_BAD_HOST;
    return FAULT_NONE;
}

/* RFC 9112 3.3: the target's authority wins over Host. */
static enum fault read_target(struct arena *arena, struct head *head)
{
    struct str text;
    struct authority host = {.host = STR_NONE};
    if (!target_parse(arena, head->target.raw, head->method, &head->target, &text))
        return FAULT_BAD_TARGET;
    enum fault fault = read_host(arena, head, &host);
    if (fault != FAULT_NONE)
        return fault;
    head->authority = host;
    if (text.at == NULL)
        return FAULT_NONE;
    bool is_connect = head->method == METHOD_CONNECT;
    const struct field *field = fields_find_known(&head->fields, FIELD_HOST);
    if (!is_connect && field != NULL && str_eq(field->value, text)) /* as clients write it; read already */
        return FAULT_NONE;
    if (!authority_parse(arena, text, is_connect ? AUTHORITY_CONNECT : AUTHORITY_HOST, &head->authority))
        return FAULT_BAD_TARGET;
    head->host_differs = !is_connect && host.host.at != NULL && !authority_same(&head->authority, &host, HTTP_PORT);
    return FAULT_NONE;
}

enum fault validate_request(struct arena *arena, struct head *head)
{
    enum fault fault = read_target(arena, head);
    if (fault != FAULT_NONE)
        return fault;
    fault = framing_of_request(head);
    if (fault != FAULT_NONE)
        return fault;
    fault = framing_expect(head);
    if (fault != FAULT_NONE)
        return fault;
    framing_connection(head);
    head->upgrades_websocket = framing_asks_websocket(head);
    return FAULT_NONE;
}

enum fault validate_response(struct head *head, enum method of_request)
{
    if (head->status < STATUS_MIN || head->status > STATUS_MAX)
        return FAULT_SERVER_INVALID;
    enum fault fault = framing_of_response(head, of_request);
    if (fault != FAULT_NONE)
        return fault;
    framing_connection(head);
    head->upgrades_websocket = framing_grants_websocket(head);
    if (head->status == 101 && !head->upgrades_websocket)
        return FAULT_SERVER_INVALID;
    return FAULT_NONE;
}
