#include "base/escape.h"

#include "base/must.h"
#include "base/utf8.h"

enum { PIECE_MAX = 12 }; /* two \uXXXX */

/* A way of escaping: which bytes do not stay, and what is written for the text that begins with such a byte: at most
   PIECE_MAX bytes; `ret_used` is how many of the text's they stand for. */
struct escape {
    bool (*is_special)(unsigned char c);
    size_t (*write)(struct str rest, char into[PIECE_MAX], size_t *ret_used);
};

static inline bool is_odd(unsigned char c)
{
    return c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
}

static bool is_html(unsigned char c)
{
    return c == '&' || c == '<' || c == '>' || c == '"' || c == '\'';
}

static const char digits[] = "0123456789abcdef";

static size_t write_unit(char *into, uint32_t unit)
{
    char piece[6] = {
        '\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
    memcpy(into, piece, sizeof(piece));
    return sizeof(piece);
}

static size_t write_json(struct str rest, char into[PIECE_MAX], size_t *ret_used)
{
    uint32_t code;
    *ret_used = utf8_read(rest, &code);
    if (*ret_used == 0) {
        *ret_used = 1;
        code = (unsigned char)rest.at[0];
    }
    if (code < 0x10000)
        return write_unit(into, code);
    code -= 0x10000;
    size_t len = write_unit(into, 0xd800 | code >> 10);
    return len + write_unit(into + len, 0xdc00 | (code & 0x3ff));
}

static size_t write_log(struct str rest, char into[PIECE_MAX], size_t *ret_used)
{
    unsigned char c = (unsigned char)rest.at[0];
    char piece[4] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
    memcpy(into, piece, sizeof(piece));
    *ret_used = 1;
    return sizeof(piece);
}

static bool is_of_subject(unsigned char c)
{
    return is_odd(c) && c != '"';
}

static size_t write_hex(char *into, unsigned char c)
{
    static const char capitals[] = "0123456789ABCDEF";
    char piece[3] = {'\\', capitals[c >> 4], capitals[c & 15]};
    memcpy(into, piece, sizeof piece);
    return sizeof piece;
}

/* What needs no code has none: a comma has a backslash only, and so have blanks where other programs write a code for
   one, at the ends of a name. */
static size_t write_coded(char *into, unsigned char c)
{
    if (c < 0x20 || c >= 0x7f)
        return write_hex(into, c);
    bool is_escaped = strchr(",+\"\\<>;#*? ", c) != NULL;
    into[0] = '\\';
    into[is_escaped] = (char)c;
    return 1 + is_escaped;
}

static size_t write_subject(struct str rest, char into[PIECE_MAX], size_t *ret_used)
{
    *ret_used = 1;
    if (rest.at[0] != '\\')
        return write_hex(into, (unsigned char)rest.at[0]);
    if (rest.len > 2 && char_hex(rest.at[1]) >= 0 && char_hex(rest.at[2]) >= 0) {
        *ret_used = 3;
        return write_coded(into, (unsigned char)(char_hex(rest.at[1]) << 4 | char_hex(rest.at[2])));
    }
    if (rest.len > 1 && rest.at[1] != '\\' && is_of_subject((unsigned char)rest.at[1]))
        return 0; /* there will be one */
    *ret_used = rest.len > 1 ? 2 : 1;
    memcpy(into, rest.at, *ret_used);
    return *ret_used;
}

static size_t write_html(struct str rest, char into[PIECE_MAX], size_t *ret_used)
{
    static const struct {
        char c;
        const char *text;
    } references[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    *ret_used = 1;
    for (size_t i = 0; i < lengthof(references); i++)
        if (references[i].c == rest.at[0]) {
            size_t len = strlen(references[i].text);
            memcpy(into, references[i].text, len);
            return len;
        }
    into[0] = rest.at[0];
    return 1;
}

static const struct escape json = {is_odd, write_json};
static const struct escape log_line = {is_odd, write_log};
static const struct escape subject = {is_of_subject, write_subject};
static const struct escape html = {is_html, write_html};

/* How many bytes at the beginning stay as they are. */
static size_t clean_len(const struct escape *how, struct str s)
{
    size_t len = 0;
    while (len < s.len && !how->is_special((unsigned char)s.at[len]))
        len++;
    return len;
}

/* Cuts off the next clean run, or what is written for the special bytes that come next. */
static struct str next_piece(const struct escape *how, struct str *rest, char room[PIECE_MAX])
{
    size_t used = clean_len(how, *rest);
    struct str piece = str_head(*rest, used);
    if (used == 0)
        piece = str_from(room, how->write(*rest, room, &used));
    *rest = str_skip(*rest, used);
    return piece;
}

static void add(const struct escape *how, struct text *into, struct str s)
{
    char room[PIECE_MAX];
    while (s.len > 0)
        text_add(into, next_piece(how, &s, room));
}

/* Writes all of it, or, with NULL, only measures. */
static size_t put(const struct escape *how, char *into, struct str s)
{
    char room[PIECE_MAX];
    size_t total = 0;
    while (s.len > 0) {
        struct str piece = next_piece(how, &s, room);
        if (into != NULL)
            memcpy(into + total, piece.at, piece.len);
        total += piece.len;
    }
    return total;
}

static struct str add_in(const struct escape *how, struct arena *arena, struct str s)
{
    if (clean_len(how, s) == s.len)
        return s;
    size_t len = put(how, NULL, s);
    char *copy = arena_bytes(arena, len + 1);
    put(how, copy, s);
    copy[len] = '\0';
    return str_from(copy, len);
}

void escape_json(struct text *into, struct str s)
{
    add(&json, into, s);
}

void escape_log(struct text *into, struct str s)
{
    add(&log_line, into, s);
}

void escape_html(struct text *into, struct str s)
{
    add(&html, into, s);
}

struct str escape_json_in(struct arena *arena, struct str s)
{
    return add_in(&json, arena, s);
}

struct str escape_log_in(struct arena *arena, struct str s)
{
    return add_in(&log_line, arena, s);
}

struct str escape_html_in(struct arena *arena, struct str s)
{
    return add_in(&html, arena, s);
}

struct str escape_subject_in(struct arena *arena, struct str s)
{
    return add_in(&subject, arena, s);
}
