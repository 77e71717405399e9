#include "http1/parse.h"

#include "base/must.h"
#include "http/chars.h"
#include "http/validate.h"

#include <string.h>

enum {
    LEADING_EMPTY_LINES = 2, /* RFC 9112 2.2 asks for one; old clients put a CRLF behind a body */
    FIRST_ROOM = 512,        /* for text that comes in pieces */
    COPIED_UNSEEN = 1024,
    VERSION_LENGTH = 8, /* HTTP/1.1 */
    STATUS_DIGITS = 3
};

/* One for each place in the grammar; the order counts only for has_begun. */
enum state {
    AT_REQUEST,
    EMPTY_LINE_LF,
    AT_RESPONSE,
    AT_TRAILERS,
    IN_METHOD,
    IN_TARGET,
    IN_VERSION,
    BEFORE_STATUS,
    IN_STATUS,
    AFTER_STATUS,
    IN_REASON,
    FIRST_LINE_CR,
    FIRST_LINE_LF,
    AT_LINE,
    IN_NAME,
    BEFORE_VALUE,
    IN_VALUE,
    VALUE_LF,
    LAST_LINE_LF
};

static void init(struct head_parser *parser, enum head_kind kind, struct arena *arena, struct fields *fields)
{
    *parser = (struct head_parser){.arena = arena, .kind = kind, .fields = fields};
}

static uint32_t clamp(uint64_t limit)
{
    return limit < UINT32_MAX / 4 ? (uint32_t)limit : UINT32_MAX / 4;
}

static void init_head(struct head_parser *parser, enum head_kind kind, struct arena *arena, struct head *into,
                      const struct limits *limits)
{
    *into = (struct head){.length = BODY_UNKNOWN, .declared = BODY_UNKNOWN};
    fields_init(&into->fields, arena);
    init(parser, kind, arena, &into->fields);
    parser->head = into;
    parser->field_max = clamp(limits->field_size);
    parser->size_max = clamp(limits->header_size);
    parser->count_max = clamp(limits->header_count);
}

void head_parser_init_request(struct head_parser *parser, struct arena *arena, struct head *into,
                              const struct limits *limits)
{
    init_head(parser, HEAD_REQUEST, arena, into, limits);
    parser->line_max = clamp(limits->uri_size);
    parser->state = AT_REQUEST;
}

void head_parser_init_response(struct head_parser *parser, struct arena *arena, struct head *into,
                               const struct limits *limits, enum method of_request)
{
    init_head(parser, HEAD_RESPONSE, arena, into, limits);
    parser->line_max = parser->field_max;
    parser->of_request = of_request;
    parser->state = AT_RESPONSE;
}

void head_parser_init_trailers(struct head_parser *parser, struct arena *arena, struct fields *into,
                               const struct limits *limits)
{
    init(parser, HEAD_TRAILERS, arena, into);
    parser->field_max = parser->size_max = clamp(limits->trailer_size);
    parser->count_max = clamp(limits->trailer_count);
    parser->state = AT_TRAILERS;
}

bool head_parser_has_begun(const struct head_parser *parser)
{
    return parser->state > AT_TRAILERS;
}

/* What is wrong with a request is told as it is; a server's answer is wrong or too large; trailers belong to the
   coding. */
static enum parse fail(struct head_parser *parser, enum fault fault)
{
    if (parser->kind == HEAD_TRAILERS)
        fault = FAULT_BAD_CHUNK;
    else if (parser->kind == HEAD_RESPONSE)
        fault = fault == FAULT_HEAD_TOO_LARGE || fault == FAULT_URI_TOO_LONG ? FAULT_SERVER_HEAD_LARGE
                                                                             : FAULT_SERVER_INVALID;
    parser->fault = fault;
    return PARSE_BAD;
}

/* How far this line may go, its CRLF included, for its own limit and for the whole head's. */
static uint32_t line_allowance(const struct head_parser *parser)
{
    uint32_t line = (parser->state < AT_LINE && parser->state != AT_TRAILERS ? parser->line_max : parser->field_max) +
                    2;
    uint32_t left = parser->size_max - parser->size;
    return line < left ? line : left;
}

/* The end of what a step may look at. Capping each step at the limit makes the outcome the same however the bytes
   came. */
static uint32_t reach(const struct head_parser *parser)
{
    uint32_t end = parser->line + line_allowance(parser);
    return end < parser->text_len ? end : parser->text_len;
}

/* A step looks at the bytes from `at` up to `end`, of which there is at least one. It moves `at`, sets the state, or
   both; what it stops at without moving is for the next state. */

static struct str token_before(const struct head_parser *parser, uint32_t end)
{
    return str_from(parser->text + parser->token, end - parser->token);
}

static void enter(struct head_parser *parser, enum state state)
{
    parser->state = (uint8_t)state;
}

static void line_is_over(struct head_parser *parser, enum state next)
{
    parser->at++;
    parser->size += parser->at - parser->line;
    parser->line = parser->at;
    enter(parser, next);
}

/* The byte that has to be here, and nothing else. */
static enum parse expect(struct head_parser *parser, char c, enum state next)
{
    if (parser->text[parser->at] != c)
        return fail(parser, FAULT_BAD_REQUEST);
    parser->at++;
    enter(parser, next);
    return PARSE_MORE;
}

/* The hot path: a line that is there as a whole, valid and within its limit, is taken at once by take_request_line(),
   take_status_line() or take_field_line(). For every other they return false with nothing changed, and leave it to the
   steps to find out whether it is wrong or only not complete. */

static bool ends_line(const char *at, const char *end)
{
    return end - at >= 2 && at[0] == '\r' && at[1] == '\n';
}

static void take_line(struct head_parser *parser, const char *end)
{
    parser->at = (uint32_t)(end - parser->text) + 1; /* on its LF */
    line_is_over(parser, AT_LINE);
}

static bool take_request_line(struct head_parser *parser, const char *at, const char *end)
{
    static const char version[] = " HTTP/1.1";
    const char *method_end = at + span_of(at, (size_t)(end - at), CHAR_TOKEN);
    if (method_end == end || method_end == at || *method_end != ' ')
        return false;
    const char *target = method_end + 1;
    const char *target_end = target + span_of_target(target, (size_t)(end - target));
    const char *version_end = target_end + sizeof version - 1;
    if (target_end == target || end - target_end < (ptrdiff_t)sizeof version || !ends_line(version_end, end) ||
        memcmp(target_end, version, sizeof version - 1) != 0)
        return false;
    parser->head->method_text = str_from(at, (size_t)(method_end - at));
    parser->head->method = method_of(parser->head->method_text);
    parser->head->target.raw = str_from(target, (size_t)(target_end - target));
    parser->head->minor = 1;
    take_line(parser, version_end);
    return true;
}

static bool take_status_line(struct head_parser *parser, const char *at, const char *end)
{
    static const char version[] = "HTTP/1.1 ";
    const char *status = at + sizeof version - 1, *reason = status + STATUS_DIGITS + 1;
    if (end - at <= reason - at || memcmp(at, version, sizeof version - 1) != 0 || reason[-1] != ' ')
        return false;
    for (int i = 0; i < STATUS_DIGITS; i++)
        if (!char_is_digit(status[i]))
            return false;
    const char *reason_end = reason + span_of_value(reason, (size_t)(end - reason));
    if (!ends_line(reason_end, end))
        return false;
    parser->head->minor = 1;
    parser->head->status = (uint16_t)((status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] - '0');
    parser->head->reason = str_from(reason, (size_t)(reason_end - reason));
    take_line(parser, reason_end);
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool take_field_line(struct head_parser *parser, const char *at, const char *end)
{
    struct str name = str_from(at, find_colon(at, (size_t)(end - at)));
    if (name.at + name.len == end)
        return false;
    enum field_id id = field_id_of(name);
    if (id == FIELD_OTHER && !is_token(name))
        return false;
    const char *value = name.at + name.len + 1;
    while (value < end && is_space(*value))
        value++;
    const char *value_end = value + span_of_value(value, (size_t)(end - value)), *line_end = value_end;
    if (!ends_line(line_end, end))
        return false;
    while (value_end > value && is_space(value_end[-1]))
        value_end--;
    struct field field = {.name = name, .value = str_from(value, (size_t)(value_end - value)), .id = id};
    fields_add_field(parser->fields, &field);
    take_line(parser, line_end);
    return true;
}

static enum parse begin_request(struct head_parser *parser, uint32_t end)
{
    if (parser->text[parser->at] == '\r' && parser->empty_lines < LEADING_EMPTY_LINES)
        return expect(parser, '\r', EMPTY_LINE_LF);
    if (take_request_line(parser, parser->text + parser->at, parser->text + end))
        return PARSE_MORE;
    parser->token = parser->at;
    enter(parser, IN_METHOD);
    return PARSE_MORE;
}

static enum parse skip_empty_line(struct head_parser *parser, uint32_t end)
{
    (void)end;
    if (parser->text[parser->at] != '\n')
        return fail(parser, FAULT_BAD_REQUEST);
    parser->empty_lines++;
    line_is_over(parser, AT_REQUEST);
    return PARSE_MORE;
}

/* RFC 9112 section 3: exactly one space between the parts. */
static enum parse read_method(struct head_parser *parser, uint32_t end)
{
    parser->at += (uint32_t)span_of(parser->text + parser->at, end - parser->at, CHAR_TOKEN);
    if (parser->at == end)
        return PARSE_MORE;
    struct str method = token_before(parser, parser->at);
    if (parser->text[parser->at] != ' ' || method.len == 0)
        return fail(parser, FAULT_BAD_REQUEST);
    parser->head->method_text = method;
    parser->head->method = method_of(method);
    parser->token = ++parser->at;
    enter(parser, IN_TARGET);
    return PARSE_MORE;
}

static enum parse read_target(struct head_parser *parser, uint32_t end)
{
    parser->at += (uint32_t)span_of_target(parser->text + parser->at, end - parser->at);
    if (parser->at == end)
        return PARSE_MORE;
    struct str target = token_before(parser, parser->at);
    if (target.len == 0 || parser->text[parser->at] == '\r' || parser->text[parser->at] == '\n')
        return fail(parser, FAULT_BAD_REQUEST);
    if (parser->text[parser->at] != ' ')
        return fail(parser, FAULT_BAD_TARGET);
    parser->head->target.raw = target;
    parser->at++;
    parser->matched = 0;
    enter(parser, IN_VERSION);
    return PARSE_MORE;
}

static enum fault match_version(struct head_parser *parser, char c)
{
    static const char version[] = "HTTP/1.";
    unsigned at = parser->matched++;
    if (at < VERSION_LENGTH - 1 && c == version[at])
        return FAULT_NONE;
    if (at == VERSION_LENGTH - 1 && (c == '0' || c == '1')) {
        parser->head->minor = (uint8_t)(c - '0');
        return FAULT_NONE;
    }
    bool is_number = at == VERSION_LENGTH - 1 || at == VERSION_LENGTH - 3;
    return is_number && char_is_digit(c) ? FAULT_BAD_VERSION : FAULT_BAD_REQUEST;
}

/* The preface of HTTP/2 (RFC 9113 3.4) ends here: `PRI * HTTP/2`. */
static enum parse read_version(struct head_parser *parser, uint32_t end)
{
    while (parser->at < end && parser->matched < VERSION_LENGTH) {
        enum fault fault = match_version(parser, parser->text[parser->at]);
        if (fault != FAULT_NONE)
            return fail(parser, fault);
        parser->at++;
    }
    if (parser->matched == VERSION_LENGTH)
        enter(parser, parser->kind == HEAD_REQUEST ? FIRST_LINE_CR : BEFORE_STATUS);
    return PARSE_MORE;
}

static enum parse begin_response(struct head_parser *parser, uint32_t end)
{
    if (take_status_line(parser, parser->text + parser->at, parser->text + end))
        return PARSE_MORE;
    parser->matched = 0;
    enter(parser, IN_VERSION);
    return PARSE_MORE;
}

static enum parse before_status(struct head_parser *parser, uint32_t end)
{
    (void)end;
    parser->matched = 0;
    return expect(parser, ' ', IN_STATUS);
}

static enum parse read_status(struct head_parser *parser, uint32_t end)
{
    for (; parser->at < end && parser->matched < STATUS_DIGITS; parser->at++, parser->matched++) {
        char c = parser->text[parser->at];
        if (!char_is_digit(c))
            return fail(parser, FAULT_BAD_REQUEST);
        parser->head->status = (uint16_t)(parser->head->status * 10 + (c - '0'));
    }
    if (parser->matched == STATUS_DIGITS)
        enter(parser, AFTER_STATUS);
    return PARSE_MORE;
}

/* RFC 9112 section 4 has a space here even before an empty reason; many servers leave it out, which changes no
   reading. */
static enum parse after_status(struct head_parser *parser, uint32_t end)
{
    (void)end;
    if (parser->text[parser->at] == '\r')
        return expect(parser, '\r', FIRST_LINE_LF);
    parser->token = parser->at + 1;
    return expect(parser, ' ', IN_REASON);
}

static enum parse read_reason(struct head_parser *parser, uint32_t end)
{
    parser->at += (uint32_t)span_of_value(parser->text + parser->at, end - parser->at);
    if (parser->at == end)
        return PARSE_MORE;
    parser->head->reason = token_before(parser, parser->at);
    return expect(parser, '\r', FIRST_LINE_LF);
}

static enum parse first_line_cr(struct head_parser *parser, uint32_t end)
{
    (void)end;
    return expect(parser, '\r', FIRST_LINE_LF);
}

static enum parse first_line_lf(struct head_parser *parser, uint32_t end)
{
    (void)end;
    if (parser->text[parser->at] != '\n')
        return fail(parser, FAULT_BAD_REQUEST);
    line_is_over(parser, AT_LINE);
    return PARSE_MORE;
}

/* An obsolete line fold (RFC 9112 5.2), or white space before the first field, is refused here: both hide fields from
   somebody. */
static enum parse begin_line(struct head_parser *parser, uint32_t end)
{
    do {
        char c = parser->text[parser->at];
        if (c == '\r')
            return expect(parser, '\r', LAST_LINE_LF);
        if (is_space(c))
            return fail(parser, FAULT_BAD_REQUEST);
        if (parser->fields->count >= parser->count_max)
            return fail(parser, FAULT_HEAD_TOO_LARGE);
        if (!take_field_line(parser, parser->text + parser->at, parser->text + end)) {
            parser->token = parser->at;
            enter(parser, IN_NAME);
            return PARSE_MORE;
        }
        end = reach(parser);
    } while (parser->at < end);
    return PARSE_MORE;
}

/* RFC 9112 5.1: no white space between name and colon; it would make two fields of one to different readers. */
static enum parse read_name(struct head_parser *parser, uint32_t end)
{
    parser->at += (uint32_t)span_of(parser->text + parser->at, end - parser->at, CHAR_TOKEN);
    if (parser->at == end)
        return PARSE_MORE;
    parser->name_len = parser->at - parser->token;
    if (parser->name_len == 0)
        return fail(parser, FAULT_BAD_REQUEST);
    return expect(parser, ':', BEFORE_VALUE);
}

static enum parse skip_space(struct head_parser *parser, uint32_t end)
{
    while (parser->at < end && is_space(parser->text[parser->at]))
        parser->at++;
    if (parser->at < end) {
        parser->value = parser->at;
        enter(parser, IN_VALUE);
    }
    return PARSE_MORE;
}

static enum parse read_value(struct head_parser *parser, uint32_t end)
{
    parser->at += (uint32_t)span_of_value(parser->text + parser->at, end - parser->at);
    if (parser->at == end)
        return PARSE_MORE;
    return expect(parser, '\r', VALUE_LF);
}

static enum parse end_field(struct head_parser *parser, uint32_t end)
{
    (void)end;
    if (parser->text[parser->at] != '\n')
        return fail(parser, FAULT_BAD_REQUEST);
    uint32_t value_end = parser->at - 1;
    while (value_end > parser->value && is_space(parser->text[value_end - 1]))
        value_end--;
    fields_add(parser->fields, str_from(parser->text + parser->token, parser->name_len),
               str_from(parser->text + parser->value, value_end - parser->value));
    line_is_over(parser, AT_LINE);
    return PARSE_MORE;
}

static enum parse end_head(struct head_parser *parser, uint32_t end)
{
    (void)end;
    if (parser->text[parser->at] != '\n')
        return fail(parser, FAULT_BAD_REQUEST);
    line_is_over(parser, AT_LINE);
    enum fault fault = FAULT_NONE;
    if (parser->kind == HEAD_REQUEST)
        fault = validate_request(parser->arena, parser->head);
    else if (parser->kind == HEAD_RESPONSE)
        fault = validate_response(parser->head, parser->of_request);
    return fault == FAULT_NONE ? PARSE_DONE : fail(parser, fault);
}

static enum parse (*const steps[])(struct head_parser *parser, uint32_t end) = {
    [AT_REQUEST] = begin_request,    [EMPTY_LINE_LF] = skip_empty_line,
    [AT_RESPONSE] = begin_response,  [AT_TRAILERS] = begin_line,
    [IN_METHOD] = read_method,       [IN_TARGET] = read_target,
    [IN_VERSION] = read_version,     [BEFORE_STATUS] = before_status,
    [IN_STATUS] = read_status,       [AFTER_STATUS] = after_status,
    [IN_REASON] = read_reason,       [FIRST_LINE_CR] = first_line_cr,
    [FIRST_LINE_LF] = first_line_lf, [AT_LINE] = begin_line,
    [IN_NAME] = read_name,           [BEFORE_VALUE] = skip_space,
    [IN_VALUE] = read_value,         [VALUE_LF] = end_field,
    [LAST_LINE_LF] = end_head,
};

/* Steps through the text that is there. */
static enum parse step(struct head_parser *parser)
{
    enum parse result = PARSE_MORE;
    while (result == PARSE_MORE && parser->at < parser->text_len) {
        uint32_t end = reach(parser);
        if (parser->at >= end)
            return fail(parser, parser->state < AT_LINE ? FAULT_URI_TOO_LONG : FAULT_HEAD_TOO_LARGE);
        result = steps[parser->state](parser, end);
    }
    return result;
}

/* Makes room behind the text: as much as is needed for a head that came whole, else with more to come. The line under
   way moves along; lines that are complete stay where they are, since fields point to them. */
static void make_room(struct head_parser *parser, uint32_t len, bool is_whole)
{
    uint32_t partial = parser->text_len - parser->line;
    uint32_t room = partial + len;
    if (!is_whole)
        room = 2 * room > FIRST_ROOM ? 2 * room : FIRST_ROOM;
    char *text = arena_bytes(parser->arena, room);
    if (partial > 0)
        memcpy(text, parser->text + parser->line, partial);
    parser->at -= parser->line;
    parser->token -= parser->line;
    parser->value -= parser->line;
    parser->line = 0;
    parser->text = text;
    parser->text_len = partial;
    parser->text_room = room;
}

static bool ends_head(const char *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes + len - 4, "\r\n\r\n", 4) == 0;
}

static void append(struct head_parser *parser, const char *bytes, uint32_t len)
{
    if (len > parser->text_room - parser->text_len)
        make_room(parser, len, ends_head(bytes, len));
    memcpy(parser->text + parser->text_len, bytes, len);
    parser->text_len += len;
}

/* How many of the bytes to take next: a whole head if it is all there; else a line, or what there is of one; and never
   more than a limit is passed by. Little input that ends as a head does is not searched for an earlier end: to copy a
   bit too much costs less. */
static uint32_t piece(const struct head_parser *parser, const char *bytes, size_t len)
{
    size_t take = 0;
    if (parser->state == AT_REQUEST || parser->state == AT_RESPONSE)
        take = len <= COPIED_UNSEEN && ends_head(bytes, len) ? len : find_head_end(bytes, len);
    if (take == 0) {
        const char *lf = memchr(bytes, '\n', len);
        take = lf ? (size_t)(lf - bytes) + 1 : len;
    }
    size_t most = parser->size_max - parser->size + 1;
    return (uint32_t)(take < most ? take : most);
}

enum parse head_parse(struct head_parser *parser, const char *bytes, size_t len, size_t *ret_used)
{
    size_t used = 0;
    enum parse result = PARSE_MORE;
    while (result == PARSE_MORE && used < len) {
        uint32_t take = piece(parser, bytes + used, len - used);
        append(parser, bytes + used, take);
        result = step(parser);
        must(result != PARSE_MORE || parser->at == parser->text_len);
        used += take - (parser->text_len - parser->at);
    }
    *ret_used = used;
    return result;
}
