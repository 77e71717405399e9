#include "http/conditional.h"

#include "base/date.h"
#include "http/chars.h"

static const struct str weak_prefix = {"W/", 2};

static struct str opaque_tag(struct str etag)
{
    return str_skip(etag, str_starts(etag, weak_prefix) ? weak_prefix.len : 0);
}

/* RFC 9110 8.8.3. */
bool etag_is_valid(struct str etag)
{
    struct str tag = opaque_tag(etag);
    if (tag.len < 2 || tag.at[0] != '"' || tag.at[tag.len - 1] != '"')
        return false;
    return span_of(tag.at + 1, tag.len - 2, CHAR_ETAG) == tag.len - 2;
}

bool etag_matches_strong(struct str a, struct str b)
{
    return a.len > 0 && str_eq(a, b) && !str_starts(a, weak_prefix);
}

bool etag_matches_weak(struct str a, struct str b)
{
    return a.len > 0 && str_eq(opaque_tag(a), opaque_tag(b));
}

struct validators validators_of(const struct fields *response)
{
    struct validators validators = {.etag = STR_NONE};
    const struct field *etag = fields_find_known(response, FIELD_ETAG);
    const struct field *modified = fields_find_known(response, FIELD_LAST_MODIFIED);
    if (etag != NULL && etag_is_valid(etag->value))
        validators.etag = etag->value;
    validators.has_modified = modified != NULL && date_parse_http(modified->value, &validators.modified);
    return validators;
}

/* Whether one of the listed tags is ours, or `*` and there is something. */
static bool lists_etag(const struct fields *request, enum field_id id, const struct validators *have,
                       bool (*matches)(struct str a, struct str b))
{
    struct member_cursor cursor = {0};
    struct str member;
    while (fields_next_member(request, id, &cursor, &member))
        if (str_eq(member, STR("*")) ? !have->is_missing : matches(member, have->etag))
            return true;
    return false;
}

/* The date of that field; false when there is none, more than one, or no valid one: it is then ignored (13.1.3,
   13.1.4). */
static bool read_date(const struct fields *request, enum field_id id, int64_t *ret_seconds)
{
    struct wall wall;
    const struct field *field = fields_find_known(request, id);
    if (field == NULL || fields_count_known(request, id) != 1 || !date_parse_http(field->value, &wall))
        return false;
    *ret_seconds = wall_seconds(wall);
    return true;
}

/* Steps 1 and 2 of RFC 9110 13.2.2. */
static bool is_as_expected(const struct fields *request, const struct validators *have)
{
    int64_t seconds;
    if (fields_find_known(request, FIELD_IF_MATCH) != NULL)
        return lists_etag(request, FIELD_IF_MATCH, have, etag_matches_strong);
    if (have->has_modified && read_date(request, FIELD_IF_UNMODIFIED_SINCE, &seconds))
        return wall_seconds(have->modified) <= seconds;
    return true;
}

/* Steps 3 and 4. */
static bool is_known_already(enum method method, const struct fields *request, const struct validators *have)
{
    int64_t seconds;
    if (fields_find_known(request, FIELD_IF_NONE_MATCH) != NULL)
        return lists_etag(request, FIELD_IF_NONE_MATCH, have, etag_matches_weak);
    bool is_read = method == METHOD_GET || method == METHOD_HEAD;
    if (is_read && have->has_modified && read_date(request, FIELD_IF_MODIFIED_SINCE, &seconds))
        return wall_seconds(have->modified) <= seconds;
    return false;
}

enum precondition conditional_judge(enum method method, const struct fields *request, const struct validators *have)
{
    if (!is_as_expected(request, have))
        return PRECONDITION_FAILED;
    if (is_known_already(method, request, have))
        return method == METHOD_GET || method == METHOD_HEAD ? PRECONDITION_NOT_MODIFIED : PRECONDITION_FAILED;
    return PRECONDITION_HOLDS;
}

bool conditional_allows_range(const struct fields *request, const struct validators *have)
{
    int64_t seconds;
    const struct field *field = fields_find_known(request, FIELD_IF_RANGE);
    if (field == NULL)
        return true;
    if (etag_is_valid(field->value))
        return etag_matches_strong(field->value, have->etag);
    /* A date must be exactly ours; whether it is a strong one (a second older than Date) is the sender's care. */
    return have->has_modified && read_date(request, FIELD_IF_RANGE, &seconds) &&
           wall_seconds(have->modified) == seconds;
}
