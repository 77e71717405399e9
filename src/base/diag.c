#include "base/diag.h"

#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

struct diag_item {
    struct diag_item *next;
    struct place place;
    const char *message;
    const char *hint;
    unsigned file;  /* rank of the file among those that appeared */
    unsigned order; /* of addition */
    enum diag_level level;
};

void diag_init(struct diag *diag)
{
    *diag = (struct diag){0};
    arena_init(&diag->arena);
    diag->last = &diag->first;
}

void diag_fini(struct diag *diag)
{
    arena_reset(&diag->arena);
    diag_init(diag);
}

static bool is_same_file(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same(const struct diag_item *item, const struct place *place, const char *message)
{
    return item->place.line == place->line && item->place.column == place->column &&
           is_same_file(item->place.file, place->file) && strcmp(item->message, message) == 0;
}

static struct place copied(struct arena *arena, const struct place *place)
{
    struct place copy = *place;
    copy.file = place->file ? arena_cstr(arena, str_of(place->file)) : NULL;
    copy.text = arena_dup(arena, place->text);
    return copy;
}

void diag_add(struct diag *diag, enum diag_level level, const struct place *place, const char *hint, const char *format,
              ...)
{
    va_list args;
    va_start(args, format);
    diag_vadd(diag, level, place, hint, format, args);
    va_end(args);
}

void diag_vadd(struct diag *diag, enum diag_level level, const struct place *place, const char *hint,
               const char *format, va_list args)
{
    static const struct place nowhere;
    const char *message = arena_vprintf(&diag->arena, format, args).at;
    if (place == NULL)
        place = &nowhere;

    unsigned files = 0, file = 0, order = 0;
    bool is_known = false;
    for (const struct diag_item *item = diag->first; item != NULL; item = item->next, order++) {
        if (is_same(item, place, message))
            return;
        if (item->file >= files)
            files = item->file + 1;
        if (!is_known && is_same_file(item->place.file, place->file)) {
            is_known = true;
            file = item->file;
        }
    }
    struct diag_item *item = arena_new(&diag->arena, struct diag_item);
    *item = (struct diag_item){
        .place = copied(&diag->arena, place), .message = message, .level = level, .order = order};
    item->hint = hint ? arena_cstr(&diag->arena, str_of(hint)) : NULL;
    item->file = is_known ? file : files;
    *diag->last = item;
    diag->last = &item->next;
    if (level == DIAG_ERROR)
        diag->errors++;
    else
        diag->warnings++;
}

bool diag_has_failed(const struct diag *diag)
{
    return diag->errors > 0 || (diag->strict && diag->warnings > 0);
}

static int compare_unsigned(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const struct diag_item *a = *(const struct diag_item *const *)left;
    const struct diag_item *b = *(const struct diag_item *const *)right;
    int order = compare_unsigned(a->file, b->file);
    if (order == 0)
        order = compare_unsigned(a->place.line, b->place.line);
    if (order == 0)
        order = compare_unsigned(a->place.column, b->place.column);
    return order != 0 ? order : compare_unsigned(a->order, b->order);
}

/* A part of a line as it may stand on a terminal. */
static void show_text(struct str s, struct text *into)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        text_add_char(into, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : s.at[i]);
    }
}

/* What stands below a part of a line: as wide as it on the screen. Bytes that go on a UTF-8 character take no room. */
static void show_below(struct str above, char first, char rest, struct text *into)
{
    char c = first;
    for (size_t i = 0; i < above.len; i++) {
        if (((unsigned char)above.at[i] & 0xc0) == 0x80)
            continue;
        text_add_char(into, first == ' ' && above.at[i] == '\t' ? '\t' : c);
        c = rest;
    }
}

/* A very long line is shown from shortly before the place, for a certain length. */
enum { SHOWN_MAX = 160, SHOWN_BEFORE = 60 };

static void show_line(const struct place *place, const char *hint, struct text *into)
{
    size_t column = place->column > 0 ? place->column - 1 : 0;
    size_t start = place->text.len > SHOWN_MAX && column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
    struct str line = str_head(str_skip(place->text, start), SHOWN_MAX);
    struct str before = str_head(line, column - start);
    struct str marked = str_head(str_skip(line, before.len), place->width > 0 ? place->width : 1);
    size_t from = into->len;
    text_printf(into, "    %u", place->line);
    size_t gutter = into->len - from;
    text_add(into, start > 0 ? STR(" |...") : STR(" | "));
    show_text(line, into);
    text_add_char(into, '\n');
    text_printf(into, "%*s%s", (int)gutter, "", start > 0 ? " |   " : " | ");
    show_below(before, ' ', ' ', into);
    size_t marks = into->len;
    show_below(marked, '^', '~', into);
    if (into->len == marks) /* the end of the line, or of the file */
        text_add_char(into, '^');
    if (hint != NULL)
        text_printf(into, " %s", hint);
    text_add_char(into, '\n');
}

static void show_item(const struct diag_item *item, struct text *into)
{
    const struct place *place = &item->place;
    if (place->file != NULL)
        text_printf(into, "%s:", place->file);
    if (place->file != NULL && place->line > 0)
        text_printf(into, "%u:%u:", place->line, place->column);
    if (place->file != NULL)
        text_add_char(into, ' ');
    text_printf(into, "%s%s", item->level == DIAG_WARNING ? "warning: " : "", item->message);
    bool has_line = place->file != NULL && place->line > 0 && place->text.len > 0;
    if (!has_line && item->hint != NULL)
        text_printf(into, " (%s)", item->hint);
    text_add_char(into, '\n');
    if (has_line)
        show_line(place, item->hint, into);
}

void diag_show(const struct diag *diag, struct text *into)
{
    size_t count = 0;
    const struct diag_item **items = must_calloc((size_t)diag->errors + diag->warnings, sizeof(*items));
    for (const struct diag_item *item = diag->first; item != NULL; item = item->next)
        items[count++] = item;
    qsort(items, count, sizeof(*items), compare);
    for (size_t i = 0; i < count; i++)
        show_item(items[i], into);
    free(items);
}

void diag_print(const struct diag *diag)
{
    struct text text;
    text_init(&text);
    diag_show(diag, &text);
    fputs(text.len > 0 ? text.at : "", stderr);
    text_fini(&text);
}

enum { WORD_MAX = 64 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The number of bytes to insert, delete, replace, or swap with their neighbour: the "optimal string alignment" form,
   which needs three rows of the table. Both words are at most WORD_MAX long. */
static unsigned distance(struct str a, struct str b)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *older = rows[0], *old = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= b.len; j++)
        old[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned replace = old[j - 1] + (a.at[i - 1] != b.at[j - 1]);
            now[j] = least(replace, least(old[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                now[j] = least(now[j], older[j - 2] + 1);
        }
        unsigned *spare = older;
        older = old;
        old = now;
        now = spare;
    }
    return old[b.len];
}

const char *diag_nearest(struct str word, const char *const *names)
{
    const char *nearest = NULL;
    if (word.len == 0 || word.len > WORD_MAX)
        return NULL;
    unsigned best = word.len < 6 ? 1 : (unsigned)(word.len / 3);
    for (; *names != NULL; names++) {
        struct str name = str_of(*names);
        if (name.len > WORD_MAX)
            continue;
        unsigned steps = distance(word, name);
        if (steps > best || (steps == best && nearest != NULL))
            continue;
        best = steps;
        nearest = *names;
    }
    return nearest;
}
