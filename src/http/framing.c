#include "http/framing.h"

#include "base/number.h"
#include "http/fields.h"

/* 18 digits cannot overflow, and no body is longer. */
enum { LENGTH_DIGITS = 18 };

enum { WEBSOCKET_KEY_LENGTH = 24 }; /* 16 bytes in base64 */

static const struct str chunked = {"chunked", 7};

/* RFC 9110 8.6: digits only. No list, even of equal members, and no second field: readers differ on which one
   counts. */
static bool read_length(const struct fields *fields, uint64_t *ret)
{
    const struct field *field = fields_find_known(fields, FIELD_CONTENT_LENGTH);
    if (fields_count_known(fields, FIELD_CONTENT_LENGTH) != 1 || field->value.len > LENGTH_DIGITS)
        return false;
    return number_parse_u64(field->value, UINT64_MAX, ret);
}

static void set_framing(struct head *head, enum framing framing, uint64_t length)
{
    head->framing = framing;
    head->length = length;
    head->declared = BODY_UNKNOWN;
}

/* Why a Transfer-Encoding that is not `chunked` is refused: one that is well formed and could be decoded by somebody
   (501), or one that has no reading at all (RFC 9112 6.1 and 6.3). */
static enum fault judge_coding(const struct fields *fields)
{
    struct member_cursor cursor = {0};
    struct str member = STR_NONE;
    unsigned count = 0, chunked_count = 0;
    while (fields_next_member(fields, FIELD_TRANSFER_ENCODING, &cursor, &member)) {
        count++;
        chunked_count += str_eq_nocase(member, chunked);
        if (!is_token(member))
            return FAULT_BAD_FRAMING;
    }
    bool is_last = chunked_count == 1 && str_eq_nocase(member, chunked);
    return count > 0 && (is_last || (chunked_count == 0 && count == 1)) ? FAULT_BAD_CODING : FAULT_BAD_FRAMING;
}

/* FAULT_NONE: exactly one Transfer-Encoding, `chunked`, on HTTP/1.1, without Content-Length. */
static enum fault check_chunked(const struct head *head, const struct field *coding)
{
    if (fields_count_known(&head->fields, FIELD_TRANSFER_ENCODING) != 1 || head->minor == 0 ||
        fields_find_known(&head->fields, FIELD_CONTENT_LENGTH) != NULL)
        return FAULT_BAD_FRAMING;
    if (!str_eq_nocase(coding->value, chunked)) {
        bool has_empty_member = coding->value.len == 0 || coding->value.at[0] == ',';
        return has_empty_member ? FAULT_BAD_FRAMING : judge_coding(&head->fields);
    }
    return FAULT_NONE;
}

/* Sets what the fields say. `without` is the framing when they say nothing. */
static enum fault read_framing(struct head *head, enum framing without)
{
    const struct field *coding = fields_find_known(&head->fields, FIELD_TRANSFER_ENCODING);
    uint64_t length = 0;
    if (coding != NULL) {
        enum fault fault = check_chunked(head, coding);
        if (fault == FAULT_NONE)
            set_framing(head, FRAMING_CHUNKED, BODY_UNKNOWN);
        return fault;
    }
    if (fields_find_known(&head->fields, FIELD_CONTENT_LENGTH) == NULL) {
        set_framing(head, without, without == FRAMING_NONE ? 0 : BODY_UNKNOWN);
        return FAULT_NONE;
    }
    if (!read_length(&head->fields, &length))
        return FAULT_BAD_FRAMING;
    set_framing(head, FRAMING_LENGTH, length);
    return FAULT_NONE;
}

enum fault framing_of_request(struct head *head)
{
    enum fault fault = read_framing(head, FRAMING_NONE);
    /* RFC 9110 9.3.6: content in a CONNECT has no meaning, so what follows could be body to one and tunnel to
       another. */
    if (fault == FAULT_NONE && head->method == METHOD_CONNECT && head->framing != FRAMING_NONE) {
        if (head->length != 0)
            return FAULT_BAD_FRAMING;
        set_framing(head, FRAMING_NONE, 0);
    }
    return fault;
}

/* RFC 9112 6.3, in its order. */
enum fault framing_of_response(struct head *head, enum method of_request)
{
    bool is_tunnel = of_request == METHOD_CONNECT && head->status / 100 == 2;
    if (is_tunnel || head->status / 100 == 1) {
        set_framing(head, FRAMING_NONE, 0); /* its framing fields must be ignored */
        return FAULT_NONE;
    }
    if (head->status ==
        204) { /* 204 with a Transfer-Encoding is wrong, common, and harmless: there is no body all the same */
        uint64_t length;
        bool is_valid = fields_find_known(&head->fields, FIELD_CONTENT_LENGTH) == NULL ||
                        read_length(&head->fields, &length);
        set_framing(head, FRAMING_NONE, 0);
        return is_valid ? FAULT_NONE : FAULT_SERVER_INVALID;
    }
    if (read_framing(head, FRAMING_CLOSE) != FAULT_NONE)
        return FAULT_SERVER_INVALID;
    if (of_request == METHOD_HEAD || head->status == 304) {
        uint64_t declared = head->framing == FRAMING_LENGTH ? head->length : BODY_UNKNOWN;
        set_framing(head, FRAMING_NONE, 0);
        head->declared = declared;
    }
    return FAULT_NONE;
}

/* RFC 9112 9.3. When both are said, `close` wins. */
void framing_connection(struct head *head)
{
    head->keep_alive = head->minor > 0;
    if (fields_find_known(&head->fields, FIELD_CONNECTION) != NULL) {
        if (head->minor == 0)
            head->keep_alive = fields_lists(&head->fields, FIELD_CONNECTION, STR("keep-alive"));
        if (fields_lists(&head->fields, FIELD_CONNECTION, STR("close")))
            head->keep_alive = false;
    }
    if (head->framing == FRAMING_CLOSE)
        head->keep_alive = false;
}

/* RFC 9110 10.1.1: a server may refuse what it cannot meet; HTTP/1.0 never waits for a 100. */
enum fault framing_expect(struct head *head)
{
    const struct field *field = fields_find_known(&head->fields, FIELD_EXPECT);
    head->expects_continue = false;
    if (field == NULL)
        return FAULT_NONE;
    if (fields_count_known(&head->fields, FIELD_EXPECT) != 1 || !str_eq_nocase(field->value, STR("100-continue")))
        return FAULT_BAD_EXPECT;
    head->expects_continue = head->minor > 0 && head->framing != FRAMING_NONE && head->length != 0;
    return FAULT_NONE;
}

static bool is_websocket_key(struct str key)
{
    if (key.len != WEBSOCKET_KEY_LENGTH || key.at[22] != '=' || key.at[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++)
        if (!char_is_alpha(key.at[i]) && !char_is_digit(key.at[i]) && key.at[i] != '+' && key.at[i] != '/')
            return false;
    return true;
}

/* Exactly one Upgrade field, of `websocket` alone, and a Connection that names it. */
static bool is_websocket(const struct head *head)
{
    const struct field *upgrade = fields_find_known(&head->fields, FIELD_UPGRADE);
    return upgrade != NULL && str_eq_nocase(upgrade->value, STR("websocket")) &&
           fields_count_known(&head->fields, FIELD_UPGRADE) == 1 && head->minor > 0 &&
           fields_lists(&head->fields, FIELD_CONNECTION, STR("upgrade"));
}

bool framing_asks_websocket(const struct head *head)
{
    if (head->method != METHOD_GET || !is_websocket(head) || (head->framing != FRAMING_NONE && head->length != 0))
        return false;
    const struct field *key = fields_find_known(&head->fields, FIELD_SEC_WEBSOCKET_KEY);
    const struct field *version = fields_find(&head->fields, STR("Sec-WebSocket-Version"));
    return key != NULL && fields_count_known(&head->fields, FIELD_SEC_WEBSOCKET_KEY) == 1 &&
           is_websocket_key(key->value) && version != NULL && str_eq(version->value, STR("13"));
}

bool framing_grants_websocket(const struct head *head)
{
    return head->status == 101 && is_websocket(head);
}
