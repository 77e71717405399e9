#include "base/text.h"

#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

void text_init(struct text *text)
{
    *text = (struct text){0};
}

void text_fini(struct text *text)
{
    free(text->at);
    text_init(text);
}

void text_clear(struct text *text)
{
    text->len = 0;
    if (text->at != NULL)
        text->at[0] = '\0';
}

/* Room for `more` bytes and the terminator. */
static void reserve(struct text *text, size_t more)
{
    size_t need = text->len + more + 1;
    must(need > text->len);
    if (need <= text->room)
        return;
    text->room = need < 2 * text->room ? 2 * text->room : need + 64;
    text->at = must_realloc(text->at, text->room);
}

void text_add(struct text *text, struct str s)
{
    reserve(text, s.len);
    if (s.len > 0)
        memcpy(text->at + text->len, s.at, s.len);
    text->len += s.len;
    text->at[text->len] = '\0';
}

void text_add_cstr(struct text *text, const char *s)
{
    text_add(text, str_of(s));
}

void text_add_char(struct text *text, char c)
{
    text_add(text, str_from(&c, 1));
}

void text_vprintf(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    must(len >= 0);
    reserve(text, (size_t)len);
    vsnprintf(text->at + text->len, (size_t)len + 1, format, again);
    text->len += (size_t)len;
    va_end(again);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(text, format, args);
    va_end(args);
}

struct str text_str(const struct text *text)
{
    return str_from(text->at != NULL ? text->at : "", text->len);
}

char *text_take(struct text *text)
{
    reserve(text, 0);
    text->at[text->len] = '\0';
    char *at = text->at;
    text_init(text);
    return at;
}
