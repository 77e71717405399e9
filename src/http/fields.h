/*
 * The fields of a head (RFC 9110 section 5), in the order of the message. Names keep the case they came in; comparison
 * ignores it. Text is borrowed from the arena of the exchange. Names that gatehouse looks at carry an id, found once.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Kept in one table with their names in fields.c. */
enum field_id {
    FIELD_OTHER,
    FIELD_ACCEPT,
    FIELD_ACCEPT_ENCODING,
    FIELD_ACCEPT_RANGES,
    FIELD_AGE,
    FIELD_ALLOW,
    FIELD_AUTHORIZATION,
    FIELD_CACHE_CONTROL,
    FIELD_CONNECTION,
    FIELD_CONTENT_ENCODING,
    FIELD_CONTENT_LENGTH,
    FIELD_CONTENT_RANGE,
    FIELD_CONTENT_TYPE,
    FIELD_COOKIE,
    FIELD_DATE,
    FIELD_ETAG,
    FIELD_EXPECT,
    FIELD_EXPIRES,
    FIELD_FORWARDED,
    FIELD_FROM,
    FIELD_HOST,
    FIELD_HTTP2_SETTINGS,
    FIELD_IF_MATCH,
    FIELD_IF_MODIFIED_SINCE,
    FIELD_IF_NONE_MATCH,
    FIELD_IF_RANGE,
    FIELD_IF_UNMODIFIED_SINCE,
    FIELD_KEEP_ALIVE,
    FIELD_LAST_MODIFIED,
    FIELD_LOCATION,
    FIELD_MAX_FORWARDS,
    FIELD_ORIGIN,
    FIELD_PRAGMA,
    FIELD_PROXY_AUTHENTICATE,
    FIELD_PROXY_AUTHORIZATION,
    FIELD_PROXY_CONNECTION,
    FIELD_RANGE,
    FIELD_REFERER,
    FIELD_RETRY_AFTER,
    FIELD_SEC_WEBSOCKET_ACCEPT,
    FIELD_SEC_WEBSOCKET_KEY,
    FIELD_SERVER,
    FIELD_SET_COOKIE,
    FIELD_TE,
    FIELD_TRAILER,
    FIELD_TRANSFER_ENCODING,
    FIELD_UPGRADE,
    FIELD_USER_AGENT,
    FIELD_VARY,
    FIELD_VIA,
    FIELD_WWW_AUTHENTICATE,
    FIELD_X_FORWARDED_FOR,
    FIELD_X_FORWARDED_HOST,
    FIELD_X_FORWARDED_PROTO,
    FIELD_X_POWERED_BY,
    FIELD_X_REAL_IP,
    FIELD_X_REQUEST_ID,
    FIELD_COUNT
};

struct field {
    struct str name;
    struct str value; /* without leading and trailing white space */
    enum field_id id;
};

struct fields {
    struct field *at;
    unsigned count;
    unsigned room;
    uint64_t seen;       /* a bit for each id that was ever added: a clear one saves the search */
    struct arena *arena; /* what the array grows in */
};

void fields_init(struct fields *fields, struct arena *arena);

/* The id of a name in any case; FIELD_OTHER when gatehouse does not know it. */
enum field_id field_id_of(struct str name);
/* The canonical spelling, e.g. "Content-Length". Not for FIELD_OTHER. */
struct str field_name(enum field_id id);

/* Name and value are borrowed. */
void fields_add(struct fields *fields, struct str name, struct str value);
void fields_add_known(struct fields *fields, enum field_id id, struct str value);
/* Makes room for one more. */
void fields_grow(struct fields *fields);
/* A field of another head, or one whose id was looked up already: it must be that of the name. */
static inline void fields_add_field(struct fields *fields, const struct field *field)
{
    if (fields->count == fields->room)
        fields_grow(fields);
    fields->at[fields->count++] = *field;
    fields->seen |= UINT64_C(1) << field->id;
}
/* Removes every field of that name, then adds. */
void fields_set(struct fields *fields, struct str name, struct str value);
/* Removes all of that name (which may end in `*`); returns how many there were. */
unsigned fields_remove(struct fields *fields, struct str name);
unsigned fields_remove_known(struct fields *fields, enum field_id id);

/* The first field of that name, or NULL. */
const struct field *fields_find(const struct fields *fields, struct str name);
const struct field *fields_find_known(const struct fields *fields, enum field_id id);
/* The next field of the same name behind `after` (NULL: the first), or NULL. */
const struct field *fields_next(const struct fields *fields, struct str name, const struct field *after);
unsigned fields_count_known(const struct fields *fields, enum field_id id);

/* Goes through the comma-separated members of all fields of that id (RFC 9110 5.6.1), quoted strings kept whole, empty
   members passed over. Start with *cursor zeroed; false at the end. */
struct member_cursor {
    unsigned field;
    size_t offset;
};
bool fields_next_member(const struct fields *fields, enum field_id id, struct member_cursor *cursor,
                        struct str *ret_member);

/* The members of all fields of that id for which `keep` (NULL: all) holds, asked with `of`, as one list, in memory that
   is linear in them; at == NULL: there is none. */
struct str fields_join(const struct fields *fields, enum field_id id, bool (*keep)(struct str member, const void *of),
                       const void *of, struct arena *arena);

/* Whether a member of that list field is the word, in any case: `close` of Connection, `websocket` of Upgrade. */
bool fields_lists(const struct fields *fields, enum field_id id, struct str word);

/* Grammar of RFC 9110 5.1 and 5.5: a token; and bytes allowed in a value (no NUL, CR, LF, other controls but HTAB). */
bool is_token(struct str s);
bool is_field_value(struct str s);

#endif
