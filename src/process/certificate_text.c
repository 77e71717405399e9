#include "process/certificate_text.h"

#include "base/must.h"
#include "base/str.h"

#define BEGIN STR("-----BEGIN ")
#define END STR("-----END ")
#define DASHES STR("-----")

/* Up to and with the end of the line, or all that is left. */
static struct str next_line(struct str rest)
{
    size_t len = str_find(rest, '\n');
    return str_head(rest, len < rest.len ? len + 1 : len);
}

static bool is_certificate(struct str label)
{
    static const struct str names[] = {{"CERTIFICATE", 11}, {"X509 CERTIFICATE", 16}, {"TRUSTED CERTIFICATE", 19}};
    for (size_t i = 0; i < lengthof(names); i++)
        if (str_starts(label, names[i]) && str_starts(str_skip(label, names[i].len), DASHES))
            return true;
    return false;
}

size_t certificate_text_keep(char *text, size_t len)
{
    struct str rest = str_from(text, len);
    bool is_inside = false;
    size_t kept = 0;
    while (rest.len > 0) {
        struct str line = next_line(rest);
        rest = str_skip(rest, line.len);
        if (str_starts(line, BEGIN))
            is_inside = is_certificate(str_skip(line, BEGIN.len));
        bool is_last = str_starts(line, END);
        if (is_inside) {
            memmove(text + kept, line.at, line.len);
            kept += line.len;
        }
        is_inside = is_inside && !is_last;
    }
    explicit_bzero(text + kept, len - kept);
    return kept;
}
