#include "http1/write.h"

#include "base/must.h"
#include "base/number.h"
#include "http/chars.h"

#include <string.h>

enum { FIXED_MAX = 256 }; /* version, status, names and values of the framing fields and Connection, ends of lines */

#define WRITE_LITERAL(at, literal) write_bytes((at), literal, sizeof(literal) - 1)

static char *write_bytes(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static char *write_str(char *at, struct str s)
{
    return s.len > 0 ? write_bytes(at, s.at, s.len) : at;
}

/* Written from members of the head, not from here. */
static bool is_own(enum field_id id)
{
    return id == FIELD_HOST || id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING || id == FIELD_CONNECTION ||
           id == FIELD_UPGRADE;
}

size_t head_write_size(const struct head *head)
{
    size_t size = FIXED_MAX + head->method_text.len + head->reason.len;
    size += head->target.path.len + head->target.query.len + 2 * head->authority.host.len;
    for (unsigned i = 0; i < head->fields.count; i++)
        size += head->fields.at[i].name.len + head->fields.at[i].value.len + sizeof ": \r\n" - 1;
    return size;
}

/* Whether the text is just so many lines, of bytes that may stand in a field. */
static bool are_lines(const char *at, size_t len, unsigned lines)
{
    for (; lines > 0; lines--) {
        size_t end = span_of_value(at, len);
        if (len - end < 2 || at[end] != '\r' || at[end + 1] != '\n')
            return false;
        at += end + 2;
        len -= end + 2;
    }
    return len == 0;
}

/* The last line of defence against a field that ends early and begins another is a look at all that was written. */
static char *write_fields(char *at, const struct fields *fields)
{
    const char *begin = at;
    unsigned lines = 0;
    for (unsigned i = 0; i < fields->count; i++) {
        const struct field *field = &fields->at[i];
        if (is_own(field->id))
            continue;
        must(field->name.len > 0);
        at = write_str(at, field->name);
        at = WRITE_LITERAL(at, ": ");
        at = write_str(at, field->value);
        at = WRITE_LITERAL(at, "\r\n");
        lines++;
    }
    must(are_lines(begin, (size_t)(at - begin), lines));
    return at;
}

static char *write_length(char *at, uint64_t length)
{
    at = WRITE_LITERAL(at, "Content-Length: ");
    at = number_write(at, length);
    return WRITE_LITERAL(at, "\r\n");
}

static char *write_framing(char *at, const struct head *head)
{
    if (head->framing == FRAMING_LENGTH)
        return write_length(at, head->length);
    if (head->framing == FRAMING_CHUNKED)
        return WRITE_LITERAL(at, "Transfer-Encoding: chunked\r\n");
    return at;
}

static char *write_connection(char *at, const struct head *head)
{
    if (head->upgrades_websocket)
        return WRITE_LITERAL(at, "Connection: upgrade\r\nUpgrade: websocket\r\n");
    if (!head->keep_alive)
        return WRITE_LITERAL(at, "Connection: close\r\n");
    return head->minor == 0 ? WRITE_LITERAL(at, "Connection: keep-alive\r\n") : at;
}

static char *write_authority(char *at, const struct authority *authority)
{
    if (authority->ip.version == 6)
        *at++ = '[';
    at = write_str(at, authority->host);
    if (authority->ip.version == 6)
        *at++ = ']';
    if (authority->port != 0) {
        *at++ = ':';
        at = number_write(at, authority->port);
    }
    return at;
}

static char *write_target(char *at, const struct head *head)
{
    const struct target *target = &head->target;
    if (target->form == TARGET_AUTHORITY)
        return write_authority(at, &head->authority);
    if (target->form == TARGET_ABSOLUTE) {
        at = WRITE_LITERAL(at, "http://");
        at = write_authority(at, &head->authority);
        if (str_eq(target->path, STR("*"))) /* OPTIONS of the server itself: RFC 9112 3.2.4 */
            return at;
    }
    must(span_of_target(target->path.at, target->path.len) == target->path.len && target->path.len > 0);
    at = write_str(at, target->path);
    if (target->query.at != NULL) {
        must(span_of_target(target->query.at, target->query.len) == target->query.len);
        *at++ = '?';
        at = write_str(at, target->query);
    }
    return at;
}

char *request_head_write(char *at, const struct head *head)
{
    must(is_token(head->method_text));
    at = write_str(at, head->method_text);
    *at++ = ' ';
    at = write_target(at, head);
    at = WRITE_LITERAL(at, " HTTP/1.1\r\n");
    if (head->authority.host.len > 0) {
        at = WRITE_LITERAL(at, "Host: ");
        at = write_authority(at, &head->authority);
        at = WRITE_LITERAL(at, "\r\n");
    }
    at = write_fields(at, &head->fields);
    at = write_framing(at, head);
    at = write_connection(at, head);
    return WRITE_LITERAL(at, "\r\n");
}

static char *write_status_line(char *at, const struct head *head)
{
    must(head->status >= 100 && head->status <= 999);
    must(is_field_value(head->reason));
    at = WRITE_LITERAL(at, "HTTP/1.1 ");
    at = number_write(at, head->status);
    *at++ = ' ';
    at = write_str(at, head->reason.len > 0 ? head->reason : str_of(status_reason(head->status)));
    return WRITE_LITERAL(at, "\r\n");
}

char *response_head_write(char *at, const struct head *head)
{
    bool is_interim = head->status / 100 == 1 && head->status != 101;
    at = write_status_line(at, head);
    at = write_fields(at, &head->fields);
    if (!is_interim) {
        at = write_framing(at, head);
        if (head->framing == FRAMING_NONE && head->declared != BODY_UNKNOWN)
            at = write_length(at, head->declared);
        at = write_connection(at, head);
    }
    return WRITE_LITERAL(at, "\r\n");
}

char *chunk_head_write(char *at, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    must(len > 0);
    int shift = 60;
    while (((uint64_t)len >> shift & 15) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *at++ = digits[(uint64_t)len >> shift & 15];
    return WRITE_LITERAL(at, "\r\n");
}
