#include "http/path.h"

#include "http/chars.h"

/* What needs no work: only bytes that stand for themselves, and no segment that begins with a dot, a semicolon or
   nothing. */
static bool is_plain(struct str raw)
{
    for (const char *at = raw.at, *end = raw.at + raw.len; at < end; at++) {
        if (!char_is(*at, CHAR_PATH))
            return false;
        if (*at == '/' && at + 1 < end && (at[1] == '/' || at[1] == '.' || at[1] == ';'))
            return false;
    }
    return true;
}

static char *write_escape(char *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    *out++ = '%';
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
    return out;
}

/* The byte that the escape at `at` stands for, or -1. */
static int read_escape(struct str text, size_t at)
{
    if (text.len - at < 3)
        return -1;
    int high = char_hex(text.at[at + 1]), low = char_hex(text.at[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 3986 6.2.2.1 and 6.2.2.2. The end of what was written; NULL when the path is refused. `out` has room for three
   bytes for each of the path. */
static char *normalise_escapes(struct str raw, char *out)
{
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.at[i];
        if (c == '%') {
            int byte = read_escape(raw, i);
            if (byte <= 0)
                return NULL; /* no escape, or an encoded NUL, at which some stop reading */
            if (char_is((char)byte, CHAR_UNRESERVED)) {
                *out++ = (char)byte;
            } else if (byte == '/' || byte == '\\') {
                memcpy(out, raw.at + i, 3); /* as written */
                out += 3;
            } else {
                out = write_escape(out, (unsigned char)byte);
            }
            i += 2;
        } else if (char_is(c, CHAR_PATH)) {
            *out++ = c;
        } else if ((unsigned char)c < ' ' || c == 0x7f || c == '\\') {
            return NULL; /* a raw backslash is no part of a URI, and some take it for a slash */
        } else {
            out = write_escape(out, (unsigned char)c);
        }
    }
    return out;
}

enum reading {
    READING_URI,  /* RFC 3986 */
    READING_LOOSE /* also merges slashes, and reads `..;x` as `..` */
};

/* What of a segment counts for whether it is a dot segment: in a loose reading, the part before parameters. */
static struct str segment_name(struct str segment, enum reading reading)
{
    if (reading == READING_URI)
        return segment;
    size_t end = str_find(segment, ';');
    size_t encoded = str_find_str(segment, STR("%3B"));
    struct str name = str_head(segment, end < encoded ? end : encoded);
    bool has_meaning = name.len == 0 || str_eq(name, STR(".")) || str_eq(name, STR(".."));
    return has_meaning ? name : segment;
}

/* RFC 3986 5.2.4, in place, segment by segment; returns the new length. The path begins with a slash. */
static size_t remove_dots(char *path, size_t len, enum reading reading)
{
    size_t out = 0;
    for (size_t from = 0, to; from < len; from = to) {
        struct str rest = str_from(path + from + 1, len - from - 1);
        struct str segment = str_head(rest, str_find(rest, '/'));
        struct str name = segment_name(segment, reading);
        to = from + 1 + segment.len;
        bool is_up = str_eq(name, STR(".."));
        bool is_nothing = is_up || str_eq(name, STR(".")) || (name.len == 0 && reading == READING_LOOSE);
        if (is_up)
            while (out > 0 && path[--out] != '/')
                ;
        if (!is_nothing) {
            path[out++] = '/';
            memmove(path + out, segment.at, segment.len);
            out += segment.len;
        } else if (to == len) {
            path[out++] = '/'; /* what a last dot segment leaves is a folder */
        }
    }
    return out;
}

/* Decodes %2F and %5C to slashes; returns the new length. */
static size_t decode_slashes(struct str path, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        int byte = path.at[i] == '%' ? read_escape(path, i) : 0;
        bool is_slash = byte == '/' || byte == '\\';
        out[len++] = is_slash ? '/' : path.at[i];
        i += is_slash ? 2 : 0;
    }
    return len;
}

static struct str second_reading(struct arena *arena, struct str canonical)
{
    char *text = arena_bytes(arena, canonical.len);
    size_t len = remove_dots(text, decode_slashes(canonical, text), READING_LOOSE);
    struct str second = str_from(text, len);
    return str_eq(second, canonical) ? STR_NONE : second;
}

bool path_canonical(struct arena *arena, struct str raw, struct str *ret_canonical, struct str *ret_second)
{
    if (raw.len == 0 || raw.at[0] != '/')
        return false;
    if (is_plain(raw)) {
        *ret_canonical = raw;
        *ret_second = STR_NONE;
        return true;
    }
    char *text = arena_bytes(arena, 3 * raw.len);
    const char *end = normalise_escapes(raw, text);
    if (end == NULL)
        return false;
    struct str canonical = str_from(text, remove_dots(text, (size_t)(end - text), READING_URI));
    *ret_second = second_reading(arena, canonical);
    *ret_canonical = canonical;
    return true;
}
