/* Rules of ad blockers: of these, a proxy can apply what names a whole domain and nothing narrower. */
#include "acl/list_reader_private.h"

/* $important and $all narrow nothing; any other option does, or means something that is no matter of domains. */
static bool may_have_options(struct str options)
{
    struct str option;
    while (str_cut(&options, ',', &option))
        if (!str_eq(option, STR("important")) && !str_eq(option, STR("all")))
            return false;
    return true;
}

static bool is_plain_pattern(struct str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (strchr("*/|^?=&%:", host.at[i]) != NULL)
            return false;
    return host.len > 0;
}

/* `##` and its like begin rules about the looks of a page, a single # a comment. */
static bool is_adblock_comment(struct str line)
{
    if (line.at[0] == '!' || (line.at[0] == '[' && line.at[line.len - 1] == ']'))
        return true;
    return line.at[0] == '#' && (line.len == 1 || strchr("#@?$%", line.at[1]) == NULL);
}

enum line_result list_read_adblock(struct list_reader *reader, struct str line)
{
    static const char *const why = "only ||name^ and @@||name^ can be applied";
    unsigned cover = reader->cover;
    if (is_adblock_comment(line))
        return LINE_NOTHING;
    if (str_starts(line, STR("@@"))) {
        cover |= COVER_EXCEPTION;
        line = str_skip(line, 2);
    }
    size_t caret = str_find(line, '^');
    if (!str_starts(line, STR("||")) || caret == line.len)
        return list_unsupported(reader, why);
    struct str host = str_skip(str_head(line, caret), 2), rest = str_skip(line, caret + 1);
    if (str_starts(rest, STR("|"))) /* the end of the name: as name servers write it */
        rest = str_skip(rest, 1);
    if (rest.len > 0 && (rest.at[0] != '$' || !may_have_options(str_skip(rest, 1))))
        return list_unsupported(reader, why);
    if (str_starts(host, STR("*."))) {
        cover = (cover & COVER_EXCEPTION) | COVER_BELOW;
        host = str_skip(host, 2);
    }
    if (!is_plain_pattern(host))
        return list_unsupported(reader, why);
    return list_give(reader, host, STR_NONE, cover) ? LINE_ENTRY : LINE_BAD;
}
