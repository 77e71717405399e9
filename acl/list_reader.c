#include "acl/list_reader.h"

#include "acl/list_reader_private.h"
#include "base/hostname.h"
#include "base/must.h"
#include "http/path.h"

#include <stdlib.h>

enum { DETECT_LINES = 1000 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

struct str list_word(struct str *rest)
{
    size_t from = 0, to;
    while (from < rest->len && is_blank(rest->at[from]))
        from++;
    for (to = from; to < rest->len && !is_blank(rest->at[to]);)
        to++;
    struct str word = {rest->at + from, to - from};
    *rest = str_skip(*rest, to);
    return word;
}

struct str list_uncomment(struct str line, char mark)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == mark && (i == 0 || is_blank(line.at[i - 1])))
            return str_trim(str_head(line, i));
    return line;
}

bool list_is_comment(struct str line)
{
    return line.len > 0 && (line.at[0] == '#' || line.at[0] == ';' || line.at[0] == '!' || str_starts(line, STR("//")));
}

enum line_result list_bad(struct list_reader *reader, const char *why)
{
    reader->why = why;
    return LINE_BAD;
}

enum line_result list_unsupported(struct list_reader *reader, const char *why)
{
    reader->why = why;
    return LINE_UNSUPPORTED;
}

bool list_cut_line(struct str *rest, struct str *ret_line)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->at, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->at) : rest->len;
    *ret_line = str_head(*rest, len);
    *rest = str_skip(*rest, len + 1);
    if (ret_line->len > 0 && ret_line->at[ret_line->len - 1] == '\r')
        ret_line->len--;
    return true;
}

/* Nearly every line is in normal form already: seen in one pass, without a copy. A last label that begins with a digit
   may be an address and goes the long way. */
static bool is_plainly_normal(struct str name)
{
    size_t label = 0;
    char first = '\0';
    if (name.len == 0 || name.len > HOSTNAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if ((c >= 'a' && c <= 'z') || char_is_digit(c) || c == '-' || c == '_') {
            first = label == 0 ? c : first;
            if (++label > HOSTNAME_LABEL_MAX)
                return false;
        } else {
            return false;
        }
    }
    return label > 0 && !char_is_digit(first);
}

static bool read_ip(struct str text, struct ip *ret)
{
    bool has_brackets = text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
    return ip_parse(has_brackets ? str_from(text.at + 1, text.len - 2) : text, ret);
}

bool list_give(struct list_reader *reader, struct str name, struct str path, unsigned cover)
{
    struct list_entry entry = {.name = name, .path = path, .cover = cover};
    struct ip ip;
    if (is_plainly_normal(name)) {
        reader->sink->add(reader->sink, &entry);
        return true;
    }
    bool is_name = hostname_normal(&reader->scratch, name, &entry.name);
    if (read_ip(is_name ? entry.name : name, &ip)) {
        entry.name = STR_NONE;
        entry.range = (struct cidr){ip, ip.version == 4 ? 32 : 128};
        entry.cover |= COVER_SELF;
    } else if (!is_name || hostname_is_numeric_like(entry.name)) {
        reader->why = "no host name";
        return false;
    }
    reader->sink->add(reader->sink, &entry);
    return true;
}

/* The marks of the policy language, for lists of names. */
static bool give_pattern(struct list_reader *reader, struct str text)
{
    if (str_starts(text, STR("*.")))
        return list_give(reader, str_skip(text, 2), STR_NONE, COVER_BELOW);
    if (str_starts(text, STR(".")))
        return list_give(reader, str_skip(text, 1), STR_NONE, COVER_BOTH);
    return list_give(reader, text, STR_NONE, reader->cover);
}

enum line_result list_read_domain(struct list_reader *reader, struct str line)
{
    if (list_is_comment(line))
        return LINE_NOTHING;
    struct str rest = line, word = list_word(&rest);
    if (rest.len > 0 && list_uncomment(str_trim(rest), '#').len > 0)
        return list_bad(reader, "more than one name");
    return give_pattern(reader, word) ? LINE_ENTRY : LINE_BAD;
}

static unsigned segments_of(struct str path)
{
    unsigned count = 0;
    for (size_t i = 0; i < path.len; i++)
        count += path.at[i] != '/' && (i == 0 || path.at[i - 1] == '/');
    return count;
}

enum line_result list_read_category(struct list_reader *reader, struct str line)
{
    if (list_is_comment(line))
        return LINE_NOTHING;
    struct str rest = line, word = list_word(&rest), canonical, second;
    size_t slash = str_find(word, '/');
    if (slash == word.len)
        return list_read_domain(reader, line);
    struct str host = str_head(word, slash), path = str_skip(word, slash);
    if (str_trim(rest).len > 0)
        return list_bad(reader, "more than one word");
    if (str_find_str(word, STR("://")) < word.len || str_find(path, '?') < path.len || str_find(path, '#') < path.len)
        return list_unsupported(reader, "only a host and the beginning of a path can be applied");
    if (str_find(host, ':') < host.len && host.at[0] != '[')
        return list_unsupported(reader, "an entry with a port cannot be applied");
    if (!path_canonical(&reader->scratch, path, &canonical, &second))
        return list_bad(reader, "no path");
    if (segments_of(canonical) > LIST_SEGMENTS_MAX)
        return list_unsupported(reader, "the path is too deep");
    return list_give(reader, host, segments_of(canonical) > 0 ? canonical : STR_NONE, reader->cover) ? LINE_ENTRY
                                                                                                     : LINE_BAD;
}

enum line_result list_read_cidr(struct list_reader *reader, struct str line)
{
    struct list_entry entry = {.cover = COVER_SELF};
    if (list_is_comment(line))
        return LINE_NOTHING;
    struct str rest = line, word = list_word(&rest);
    rest = str_trim(rest);
    if (word.at[word.len - 1] == ';') /* `192.0.2.0/24; SBL1` */
        word.len--;
    else if (rest.len > 0 && !list_is_comment(rest))
        return list_bad(reader, "more than one address");
    if (!cidr_parse(word, &entry.range, &reader->why))
        return LINE_BAD;
    reader->sink->add(reader->sink, &entry);
    return LINE_ENTRY;
}

static const struct list_format_row *format_row(enum list_format format)
{
    const struct list_format_row *row = list_formats;
    while (row->name != NULL && row->format != format)
        row++;
    must(row->name != NULL);
    return row;
}

const char *list_format_name(enum list_format format)
{
    return format_row(format)->name;
}

void list_reader_init(struct list_reader *reader, enum list_format format, int exact, struct list_sink *sink)
{
    *reader = (struct list_reader){.format = format_row(format), .sink = sink};
    reader->cover = (exact < 0 ? reader->format->is_exact : exact > 0) ? COVER_SELF : COVER_BOTH;
    arena_init(&reader->scratch);
}

void list_reader_fini(struct list_reader *reader)
{
    arena_reset(&reader->scratch);
    free((char *)reader->origin.at);
}

enum line_result list_reader_take(struct list_reader *reader, struct str line)
{
    while (line.len > 0 && is_blank(line.at[line.len - 1]))
        line.len--;
    bool keeps_indent = reader->format->format == LIST_RPZ;
    while (!keeps_indent && line.len > 0 && is_blank(line.at[0]))
        line = str_skip(line, 1);
    if (line.len == 0)
        return LINE_NOTHING;
    enum line_result result = reader->format->read(reader, line);
    if (reader->scratch.chunks != NULL)
        arena_reset(&reader->scratch);
    return result;
}

bool list_reader_is_complete(const struct list_reader *reader)
{
    return reader->depth == 0;
}

/* Detection: each line speaks for the first format it looks like. */

static bool looks_like_adblock(struct str line)
{
    return str_starts(line, STR("||")) || str_starts(line, STR("@@")) || str_starts(line, STR("[Adblock")) ||
           str_find_str(line, STR("##")) < line.len || str_find_str(line, STR("#@#")) < line.len;
}

static bool looks_like_dnsmasq(struct str line)
{
    return str_find_str(line, STR("=/")) < line.len && !list_is_comment(line);
}

static bool looks_like_rpz(struct str line)
{
    if (str_starts(line, STR("$TTL")) || str_starts(line, STR("$ORIGIN")))
        return true;
    if (list_is_comment(line))
        return false;
    for (struct str rest = line, word = list_word(&rest); word.len > 0; word = list_word(&rest))
        if (str_eq_nocase(word, STR("CNAME")) || str_eq_nocase(word, STR("SOA")))
            return true;
    return false;
}

static bool looks_like_hosts(struct str line)
{
    struct ip ip;
    struct str rest = line, word = list_word(&rest);
    struct str name = list_word(&rest);
    return ip_parse(str_head(word, str_find(word, '%')), &ip) && name.len > 0 && !list_is_comment(name);
}

static bool looks_like_cidr(struct str line)
{
    struct ip ip;
    struct str rest = line, word = list_word(&rest);
    return ip_parse(str_head(word, str_find(word, '/')), &ip) &&
           (word.len == str_find(word, '/') || (word.len > 0 && char_is_digit(word.at[word.len - 1])));
}

static bool looks_like_category(struct str line)
{
    return !list_is_comment(line) && str_find(line, '/') < line.len;
}

static bool looks_like_domain(struct str line)
{
    return !list_is_comment(line);
}

enum list_format list_detect(struct str beginning)
{
    unsigned votes[LIST_CIDR + 1] = {0};
    const struct list_format_row *best = format_row(LIST_DOMAINS);
    struct str line;
    for (unsigned i = 0; i < DETECT_LINES && list_cut_line(&beginning, &line); i++) {
        const struct list_format_row *row = list_formats;
        line = str_trim(line);
        while (line.len > 0 && row->name != NULL && !row->looks(line))
            row++;
        votes[line.len > 0 && row->name != NULL ? row->format : LIST_AUTO]++;
    }
    for (const struct list_format_row *row = list_formats; row->name != NULL; row++)
        if (votes[row->format] > votes[best->format])
            best = row;
    return best->format;
}

const struct list_format_row list_formats[] = {
    {LIST_ADBLOCK, "adblock", false, list_read_adblock, looks_like_adblock},
    {LIST_DNSMASQ, "dnsmasq", false, list_read_dnsmasq, looks_like_dnsmasq},
    {LIST_RPZ, "rpz", false, list_read_rpz, looks_like_rpz},
    {LIST_HOSTS, "hosts", true, list_read_hosts, looks_like_hosts},
    {LIST_CIDR, "cidr", false, list_read_cidr, looks_like_cidr},
    {LIST_CATEGORY, "category", false, list_read_category, looks_like_category},
    {LIST_DOMAINS, "domains", false, list_read_domain, looks_like_domain},
    {.name = NULL},
};
