#include "http/fields.h"

#include "base/must.h"
#include "http/chars.h"

#include <string.h>

enum { LONGEST = 20, FIRST_ROOM = 16, SLOTS = 256 };

struct known_name {
    struct str name;
    char lower[LONGEST + 1];
};

#define STR_ROW(literal)                                                                                               \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }

static const struct known_name known[FIELD_COUNT] = {
    [FIELD_ACCEPT] = {STR_ROW("Accept"), "accept"},
    [FIELD_ACCEPT_ENCODING] = {STR_ROW("Accept-Encoding"), "accept-encoding"},
    [FIELD_ACCEPT_RANGES] = {STR_ROW("Accept-Ranges"), "accept-ranges"},
    [FIELD_AGE] = {STR_ROW("Age"), "age"},
    [FIELD_ALLOW] = {STR_ROW("Allow"), "allow"},
    [FIELD_AUTHORIZATION] = {STR_ROW("Authorization"), "authorization"},
    [FIELD_CACHE_CONTROL] = {STR_ROW("Cache-Control"), "cache-control"},
    [FIELD_CONNECTION] = {STR_ROW("Connection"), "connection"},
    [FIELD_CONTENT_ENCODING] = {STR_ROW("Content-Encoding"), "content-encoding"},
    [FIELD_CONTENT_LENGTH] = {STR_ROW("Content-Length"), "content-length"},
    [FIELD_CONTENT_RANGE] = {STR_ROW("Content-Range"), "content-range"},
    [FIELD_CONTENT_TYPE] = {STR_ROW("Content-Type"), "content-type"},
    [FIELD_COOKIE] = {STR_ROW("Cookie"), "cookie"},
    [FIELD_DATE] = {STR_ROW("Date"), "date"},
    [FIELD_ETAG] = {STR_ROW("ETag"), "etag"},
    [FIELD_EXPECT] = {STR_ROW("Expect"), "expect"},
    [FIELD_EXPIRES] = {STR_ROW("Expires"), "expires"},
    [FIELD_FORWARDED] = {STR_ROW("Forwarded"), "forwarded"},
    [FIELD_FROM] = {STR_ROW("From"), "from"},
    [FIELD_HOST] = {STR_ROW("Host"), "host"},
    [FIELD_HTTP2_SETTINGS] = {STR_ROW("HTTP2-Settings"), "http2-settings"},
    [FIELD_IF_MATCH] = {STR_ROW("If-Match"), "if-match"},
    [FIELD_IF_MODIFIED_SINCE] = {STR_ROW("If-Modified-Since"), "if-modified-since"},
    [FIELD_IF_NONE_MATCH] = {STR_ROW("If-None-Match"), "if-none-match"},
    [FIELD_IF_RANGE] = {STR_ROW("If-Range"), "if-range"},
    [FIELD_IF_UNMODIFIED_SINCE] = {STR_ROW("If-Unmodified-Since"), "if-unmodified-since"},
    [FIELD_KEEP_ALIVE] = {STR_ROW("Keep-Alive"), "keep-alive"},
    [FIELD_LAST_MODIFIED] = {STR_ROW("Last-Modified"), "last-modified"},
    [FIELD_LOCATION] = {STR_ROW("Location"), "location"},
    [FIELD_MAX_FORWARDS] = {STR_ROW("Max-Forwards"), "max-forwards"},
    [FIELD_ORIGIN] = {STR_ROW("Origin"), "origin"},
    [FIELD_PRAGMA] = {STR_ROW("Pragma"), "pragma"},
    [FIELD_PROXY_AUTHENTICATE] = {STR_ROW("Proxy-Authenticate"), "proxy-authenticate"},
    [FIELD_PROXY_AUTHORIZATION] = {STR_ROW("Proxy-Authorization"), "proxy-authorization"},
    [FIELD_PROXY_CONNECTION] = {STR_ROW("Proxy-Connection"), "proxy-connection"},
    [FIELD_RANGE] = {STR_ROW("Range"), "range"},
    [FIELD_REFERER] = {STR_ROW("Referer"), "referer"},
    [FIELD_RETRY_AFTER] = {STR_ROW("Retry-After"), "retry-after"},
    [FIELD_SEC_WEBSOCKET_ACCEPT] = {STR_ROW("Sec-WebSocket-Accept"), "sec-websocket-accept"},
    [FIELD_SEC_WEBSOCKET_KEY] = {STR_ROW("Sec-WebSocket-Key"), "sec-websocket-key"},
    [FIELD_SERVER] = {STR_ROW("Server"), "server"},
    [FIELD_SET_COOKIE] = {STR_ROW("Set-Cookie"), "set-cookie"},
    [FIELD_TE] = {STR_ROW("TE"), "te"},
    [FIELD_TRAILER] = {STR_ROW("Trailer"), "trailer"},
    [FIELD_TRANSFER_ENCODING] = {STR_ROW("Transfer-Encoding"), "transfer-encoding"},
    [FIELD_UPGRADE] = {STR_ROW("Upgrade"), "upgrade"},
    [FIELD_USER_AGENT] = {STR_ROW("User-Agent"), "user-agent"},
    [FIELD_VARY] = {STR_ROW("Vary"), "vary"},
    [FIELD_VIA] = {STR_ROW("Via"), "via"},
    [FIELD_WWW_AUTHENTICATE] = {STR_ROW("WWW-Authenticate"), "www-authenticate"},
    [FIELD_X_FORWARDED_FOR] = {STR_ROW("X-Forwarded-For"), "x-forwarded-for"},
    [FIELD_X_FORWARDED_HOST] = {STR_ROW("X-Forwarded-Host"), "x-forwarded-host"},
    [FIELD_X_FORWARDED_PROTO] = {STR_ROW("X-Forwarded-Proto"), "x-forwarded-proto"},
    [FIELD_X_POWERED_BY] = {STR_ROW("X-Powered-By"), "x-powered-by"},
    [FIELD_X_REAL_IP] = {STR_ROW("X-Real-IP"), "x-real-ip"},
    [FIELD_X_REQUEST_ID] = {STR_ROW("X-Request-Id"), "x-request-id"},
};

#undef STR_ROW

/* Length, first and last letter tell the known names apart. Two that fall on one slot do not compile (-Woverride-init):
   then other factors are needed. test_fields.c looks every name up. */
#define SLOT(len, first, last) (((len) + 16u * (unsigned char)(first) + 9u * (unsigned char)(last)) % SLOTS)

static const uint8_t slots[SLOTS] = {
    [SLOT(6, 'a', 't')] = FIELD_ACCEPT,
    [SLOT(15, 'a', 'g')] = FIELD_ACCEPT_ENCODING,
    [SLOT(13, 'a', 's')] = FIELD_ACCEPT_RANGES,
    [SLOT(3, 'a', 'e')] = FIELD_AGE,
    [SLOT(5, 'a', 'w')] = FIELD_ALLOW,
    [SLOT(13, 'a', 'n')] = FIELD_AUTHORIZATION,
    [SLOT(13, 'c', 'l')] = FIELD_CACHE_CONTROL,
    [SLOT(10, 'c', 'n')] = FIELD_CONNECTION,
    [SLOT(16, 'c', 'g')] = FIELD_CONTENT_ENCODING,
    [SLOT(14, 'c', 'h')] = FIELD_CONTENT_LENGTH,
    [SLOT(13, 'c', 'e')] = FIELD_CONTENT_RANGE,
    [SLOT(12, 'c', 'e')] = FIELD_CONTENT_TYPE,
    [SLOT(6, 'c', 'e')] = FIELD_COOKIE,
    [SLOT(4, 'd', 'e')] = FIELD_DATE,
    [SLOT(4, 'e', 'g')] = FIELD_ETAG,
    [SLOT(6, 'e', 't')] = FIELD_EXPECT,
    [SLOT(7, 'e', 's')] = FIELD_EXPIRES,
    [SLOT(9, 'f', 'd')] = FIELD_FORWARDED,
    [SLOT(4, 'f', 'm')] = FIELD_FROM,
    [SLOT(4, 'h', 't')] = FIELD_HOST,
    [SLOT(14, 'h', 's')] = FIELD_HTTP2_SETTINGS,
    [SLOT(8, 'i', 'h')] = FIELD_IF_MATCH,
    [SLOT(17, 'i', 'e')] = FIELD_IF_MODIFIED_SINCE,
    [SLOT(13, 'i', 'h')] = FIELD_IF_NONE_MATCH,
    [SLOT(8, 'i', 'e')] = FIELD_IF_RANGE,
    [SLOT(19, 'i', 'e')] = FIELD_IF_UNMODIFIED_SINCE,
    [SLOT(10, 'k', 'e')] = FIELD_KEEP_ALIVE,
    [SLOT(13, 'l', 'd')] = FIELD_LAST_MODIFIED,
    [SLOT(8, 'l', 'n')] = FIELD_LOCATION,
    [SLOT(12, 'm', 's')] = FIELD_MAX_FORWARDS,
    [SLOT(6, 'o', 'n')] = FIELD_ORIGIN,
    [SLOT(6, 'p', 'a')] = FIELD_PRAGMA,
    [SLOT(18, 'p', 'e')] = FIELD_PROXY_AUTHENTICATE,
    [SLOT(19, 'p', 'n')] = FIELD_PROXY_AUTHORIZATION,
    [SLOT(16, 'p', 'n')] = FIELD_PROXY_CONNECTION,
    [SLOT(5, 'r', 'e')] = FIELD_RANGE,
    [SLOT(7, 'r', 'r')] = FIELD_REFERER,
    [SLOT(11, 'r', 'r')] = FIELD_RETRY_AFTER,
    [SLOT(20, 's', 't')] = FIELD_SEC_WEBSOCKET_ACCEPT,
    [SLOT(17, 's', 'y')] = FIELD_SEC_WEBSOCKET_KEY,
    [SLOT(6, 's', 'r')] = FIELD_SERVER,
    [SLOT(10, 's', 'e')] = FIELD_SET_COOKIE,
    [SLOT(2, 't', 'e')] = FIELD_TE,
    [SLOT(7, 't', 'r')] = FIELD_TRAILER,
    [SLOT(17, 't', 'g')] = FIELD_TRANSFER_ENCODING,
    [SLOT(7, 'u', 'e')] = FIELD_UPGRADE,
    [SLOT(10, 'u', 't')] = FIELD_USER_AGENT,
    [SLOT(4, 'v', 'y')] = FIELD_VARY,
    [SLOT(3, 'v', 'a')] = FIELD_VIA,
    [SLOT(16, 'w', 'e')] = FIELD_WWW_AUTHENTICATE,
    [SLOT(15, 'x', 'r')] = FIELD_X_FORWARDED_FOR,
    [SLOT(16, 'x', 't')] = FIELD_X_FORWARDED_HOST,
    [SLOT(17, 'x', 'o')] = FIELD_X_FORWARDED_PROTO,
    [SLOT(12, 'x', 'y')] = FIELD_X_POWERED_BY,
    [SLOT(9, 'x', 'p')] = FIELD_X_REAL_IP,
    [SLOT(12, 'x', 'd')] = FIELD_X_REQUEST_ID,
};

/* Eight, and four, bytes without regard to case. `lower` holds lower-case letters, digits and hyphens; of these only
   letters have bit 0x40, and only there is case, bit 0x20, taken out of the comparison: so that a CR does not pass for
   a hyphen. */
static bool is_same_8(const char *at, const char *lower)
{
    uint64_t a, b;
    memcpy(&a, at, sizeof a);
    memcpy(&b, lower, sizeof b);
    return (a | (b & UINT64_C(0x4040404040404040)) >> 1) == b;
}

static bool is_same_4(const char *at, const char *lower)
{
    uint32_t a, b;
    memcpy(&a, at, sizeof a);
    memcpy(&b, lower, sizeof b);
    return (a | (b & UINT32_C(0x40404040)) >> 1) == b;
}

/* Words from the front, and one at the end that may overlap. */
static bool is_same_name(const char *at, const char *lower, size_t len)
{
    size_t i = 0;
    if (len >= 8) {
        for (; i + 8 < len; i += 8)
            if (!is_same_8(at + i, lower + i))
                return false;
        return is_same_8(at + len - 8, lower + len - 8);
    }
    if (len >= 4)
        return is_same_4(at, lower) && is_same_4(at + len - 4, lower + len - 4);
    while (i < len && (at[i] | (lower[i] & 0x40) >> 1) == lower[i])
        i++;
    return i == len;
}

enum field_id field_id_of(struct str name)
{
    if (name.len > LONGEST || name.len == 0)
        return FIELD_OTHER;
    unsigned id = slots[SLOT(name.len, name.at[0] | 0x20, name.at[name.len - 1] | 0x20)];
    if (known[id].name.len != name.len || !is_same_name(name.at, known[id].lower, name.len))
        return FIELD_OTHER;
    return (enum field_id)id;
}

#undef SLOT

struct str field_name(enum field_id id)
{
    must(id > FIELD_OTHER && id < FIELD_COUNT);
    return known[id].name;
}

void fields_init(struct fields *fields, struct arena *arena)
{
    *fields = (struct fields){.arena = arena};
}

void fields_grow(struct fields *fields)
{
    unsigned room = fields->room > 0 ? fields->room * 2 : FIRST_ROOM;
    struct field *at = arena_alloc(fields->arena, room * sizeof *at);
    if (fields->count > 0)
        memcpy(at, fields->at, fields->count * sizeof *at);
    fields->at = at;
    fields->room = room;
}

void fields_add(struct fields *fields, struct str name, struct str value)
{
    fields_add_field(fields, &(struct field){.name = name, .value = value, .id = field_id_of(name)});
}

void fields_add_known(struct fields *fields, enum field_id id, struct str value)
{
    fields_add_field(fields, &(struct field){.name = field_name(id), .value = value, .id = id});
}

void fields_set(struct fields *fields, struct str name, struct str value)
{
    fields_remove(fields, name);
    fields_add(fields, name, value);
}

_Static_assert(FIELD_COUNT <= 64, "a bit for each in `seen`");

static bool may_have(const struct fields *fields, enum field_id id)
{
    return (fields->seen >> id & 1) != 0;
}

static bool is_named(const struct field *field, enum field_id id, struct str name)
{
    return field->id == id && (id != FIELD_OTHER || str_eq_nocase(field->name, name));
}

unsigned fields_remove(struct fields *fields, struct str name)
{
    bool is_prefix = name.len > 0 && name.at[name.len - 1] == '*';
    struct str prefix = str_head(name, name.len - is_prefix);
    enum field_id id = field_id_of(name);
    unsigned kept = 0;
    for (unsigned i = 0; i < fields->count; i++) {
        const struct field *field = &fields->at[i];
        if (is_prefix ? !str_starts_nocase(field->name, prefix) : !is_named(field, id, name))
            fields->at[kept++] = *field;
    }
    unsigned removed = fields->count - kept;
    fields->count = kept;
    return removed;
}

unsigned fields_remove_known(struct fields *fields, enum field_id id)
{
    unsigned kept = 0;
    if (!may_have(fields, id))
        return 0;
    for (unsigned i = 0; i < fields->count; i++)
        if (fields->at[i].id != id)
            fields->at[kept++] = fields->at[i];
    unsigned removed = fields->count - kept;
    fields->count = kept;
    return removed;
}

const struct field *fields_next(const struct fields *fields, struct str name, const struct field *after)
{
    enum field_id id = field_id_of(name);
    for (unsigned i = after ? (unsigned)(after - fields->at) + 1 : 0; i < fields->count; i++)
        if (is_named(&fields->at[i], id, name))
            return &fields->at[i];
    return NULL;
}

const struct field *fields_find(const struct fields *fields, struct str name)
{
    return fields_next(fields, name, NULL);
}

const struct field *fields_find_known(const struct fields *fields, enum field_id id)
{
    if (!may_have(fields, id))
        return NULL;
    for (unsigned i = 0; i < fields->count; i++)
        if (fields->at[i].id == id)
            return &fields->at[i];
    return NULL;
}

unsigned fields_count_known(const struct fields *fields, enum field_id id)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fields->count; i++)
        count += fields->at[i].id == id;
    return count;
}

/* The end of the member that begins at `from`: a comma outside quotes, or the end. A quote that is not closed runs to
   the end. */
static size_t member_end(struct str value, size_t from)
{
    bool is_quoted = false;
    for (size_t i = from; i < value.len; i++) {
        if (value.at[i] == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && value.at[i] == '\\')
            i++;
        else if (!is_quoted && value.at[i] == ',')
            return i;
    }
    return value.len;
}

bool fields_next_member(const struct fields *fields, enum field_id id, struct member_cursor *cursor,
                        struct str *ret_member)
{
    if (!may_have(fields, id))
        return false;
    for (; cursor->field < fields->count; cursor->field++, cursor->offset = 0) {
        if (fields->at[cursor->field].id != id)
            continue;
        struct str value = fields->at[cursor->field].value;
        if (cursor->offset == 0 && value.len > 0 && str_find(value, ',') == value.len) { /* the usual case */
            cursor->offset = value.len;
            *ret_member = str_trim(value);
            if (ret_member->len > 0)
                return true;
        }
        while (cursor->offset < value.len) {
            size_t from = cursor->offset;
            size_t end = member_end(value, from);
            cursor->offset = end + 1;
            struct str member = str_trim(str_from(value.at + from, end - from));
            if (member.len > 0) {
                *ret_member = member;
                return true;
            }
        }
    }
    return false;
}

/* A member has at least one byte, and a comma before the next: a list with blanks behind its commas is less than twice
   as long. */
static size_t join_room(const struct fields *fields, enum field_id id)
{
    size_t room = 0;
    for (unsigned i = 0; i < fields->count; i++)
        room += fields->at[i].id == id ? 2 * fields->at[i].value.len + 2 : 0;
    return room;
}

struct str fields_join(const struct fields *fields, enum field_id id, bool (*keep)(struct str member, const void *of),
                       const void *of, struct arena *arena)
{
    struct member_cursor cursor = {0};
    struct str member;
    if (!may_have(fields, id))
        return STR_NONE;
    char *text = arena_bytes(arena, join_room(fields, id));
    size_t len = 0;
    while (fields_next_member(fields, id, &cursor, &member)) {
        if (keep != NULL && !keep(member, of))
            continue;
        if (len > 0) {
            text[len++] = ',';
            text[len++] = ' ';
        }
        memcpy(text + len, member.at, member.len);
        len += member.len;
    }
    return len > 0 ? str_from(text, len) : STR_NONE;
}

bool fields_lists(const struct fields *fields, enum field_id id, struct str word)
{
    struct member_cursor cursor = {0};
    struct str member;
    if (!may_have(fields, id))
        return false;
    while (fields_next_member(fields, id, &cursor, &member))
        if (str_eq_nocase(member, word))
            return true;
    return false;
}

bool is_token(struct str s)
{
    return s.len > 0 && is_all_token(s.at, s.len);
}

bool is_field_value(struct str s)
{
    return span_of_value(s.at, s.len) == s.len;
}
