#include "conf/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool page_read(struct loading *load, const struct word *word, struct str *ret)
{
    char *bytes;
    size_t len;
    const char *path = loading_path(load, word);
    if (path == NULL)
        return false;
    if (!opener_read(load->opener, path, PAGE_MAX, &bytes, &len))
        return mistake(load, word, NULL, "cannot read '%.*s': %s", STR_ARGS(word->text),
                       errno == EFBIG ? "it is larger than 1 MiB" : strerror(errno));
    *ret = arena_dup(load->arena, str_from(bytes, len));
    free(bytes);
    return true;
}

/* The place of a byte of a file's text. */
static struct place place_in(const char *file, struct str text, size_t at)
{
    struct place place = {.file = file, .line = 1, .width = 1};
    size_t start = 0;
    for (size_t i = 0; i < at && i < text.len; i++)
        if (text.at[i] == '\n') {
            place.line++;
            start = i + 1;
        }
    place.text = str_skip(text, start);
    place.text = str_head(place.text, str_find(place.text, '\n'));
    place.column = (unsigned)(at - start) + 1;
    return place;
}

bool page_read_template(struct loading *load, const struct word *word, enum template_scope scope, struct template *ret)
{
    struct str text = STR_NONE, why = STR_NONE;
    size_t at;
    if (!page_read(load, word, &text))
        return false;
    if (template_parse(load->arena, text, scope, ret, &why, &at))
        return true;
    struct place place = place_in(arena_cstr(load->arena, word->text), text, at);
    diag_add(load->diag, DIAG_ERROR, &place, "a dollar is written $$", "%.*s", STR_ARGS(why));
    return false;
}

struct str page_type(struct str path)
{
    static const struct {
        struct str ending;
        struct str type;
    } types[] = {
        {{".txt", 4}, {"text/plain; charset=utf-8", 25}}, {{".json", 5}, {"application/json", 16}},
        {{".xml", 4}, {"application/xml", 15}},           {{".svg", 4}, {"image/svg+xml", 13}},
        {{".css", 4}, {"text/css; charset=utf-8", 23}},   {{".js", 3}, {"text/javascript; charset=utf-8", 30}},
        {{".html", 5}, {"text/html; charset=utf-8", 24}}, {{".htm", 4}, {"text/html; charset=utf-8", 24}},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (path.len >= types[i].ending.len &&
            str_eq_nocase(str_skip(path, path.len - types[i].ending.len), types[i].ending))
            return types[i].type;
    return STR("text/html; charset=utf-8");
}
