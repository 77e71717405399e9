/*
 * Text that grows: one heap allocation, doubled when full; always terminated, its length never counts the terminator.
 * For what is not on the path of a request (messages, documents, reports); there, text goes into arenas and buffers.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/str.h"

#include <stdarg.h>

struct text {
    char *at;
    size_t len;
    size_t room;
};

void text_init(struct text *text);
void text_fini(struct text *text);
void text_clear(struct text *text);

void text_add(struct text *text, struct str s);
void text_add_cstr(struct text *text, const char *s);
void text_add_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list args);

/* Borrowed: valid until the next change. Never NULL. */
struct str text_str(const struct text *text);
/* The terminated bytes, to be freed by the caller; the text is empty afterwards. */
char *text_take(struct text *text);

#endif
