#include "process/certificate_text.h"

#include "base/must.h"
#include "base/str.h"
#include "base/utf8.h"

#define BEGIN STR("-----BEGIN ")
#define END STR("-----END ")
#define DASHES STR("-----")

/* Up to and with the end of the line, or all that is left. */
static struct str next_line(struct str rest)
{
    size_t len = str_find(rest, '\n');
    return str_head(rest, len < rest.len ? len + 1 : len);
}

/* A byte order mark, as some editors leave it, may stand where files begin or were joined. OpenSSL skips it there, too;
   inside a certificate it must not hide that something else begins. */
static struct str without_mark(struct str line)
{
    return str_starts(line, STR(UTF8_MARK)) ? str_skip(line, STR(UTF8_MARK).len) : line;
}

/* The length of a line that begins a certificate, up to its dashes; 0: it begins something else. */
static size_t beginning(struct str line)
{
    static const struct str names[] = {{"CERTIFICATE", 11}, {"X509 CERTIFICATE", 16}, {"TRUSTED CERTIFICATE", 19}};
    struct str label = str_skip(line, BEGIN.len);
    for (size_t i = 0; i < lengthof(names); i++)
        if (str_starts(label, names[i]) && str_starts(str_skip(label, names[i].len), DASHES))
            return BEGIN.len + names[i].len + DASHES.len;
    return 0;
}

/* What has no end may hold anything: its first line alone is left. */
static size_t without_end(size_t from, size_t begin, size_t kept)
{
    size_t least = from + begin + 1;
    return kept < least ? kept : least;
}

size_t certificate_text_keep(char *text, size_t len)
{
    struct str rest = str_from(text, len);
    size_t begin = 0, from = 0, kept = 0; /* begin != 0: inside a certificate, which is kept `from` there on */
    bool is_first = true;
    while (rest.len > 0) {
        struct str line = next_line(rest);
        rest = str_skip(rest, line.len);
        line = is_first || begin != 0 ? without_mark(line) : line;
        if (str_starts(line, BEGIN)) {
            kept = begin != 0 ? without_end(from, begin, kept) : kept;
            begin = beginning(line);
            from = kept;
        }
        bool is_last = str_starts(line, END);
        is_first = is_last;
        if (begin != 0) {
            memmove(text + kept, line.at, line.len);
            kept += line.len;
        }
        begin = is_last ? 0 : begin;
    }
    kept = begin != 0 ? without_end(from, begin, kept) : kept;
    explicit_bzero(text + kept, len - kept);
    return kept;
}
