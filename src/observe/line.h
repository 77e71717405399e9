/*
 * A line of a log as it is written: a fixed room that text is put into and that never overflows – what does not fit is
 * cut.
 *
 * The limits of the single values add up to less than the room, so that only a template can ever be cut at its end.
 */
#ifndef OBSERVE_LINE_H
#define OBSERVE_LINE_H

#include "base/clock.h"
#include "base/str.h"

#include <stdint.h>

enum { LINE_ROOM = 24 * 1024 };

struct line {
    char *at;
    size_t len;
    size_t room;
};

static inline void line_init(struct line *line, char *room, size_t size)
{
    *line = (struct line){.at = room, .room = size};
}

/* As it is. */
static inline void line_put(struct line *line, struct str s)
{
    size_t len = s.len < line->room - line->len ? s.len : line->room - line->len;
    if (len == 0)
        return;
    memcpy(line->at + line->len, s.at, len);
    line->len += len;
}

static inline void line_put_char(struct line *line, char c)
{
    if (line->len < line->room)
        line->at[line->len++] = c;
}

void line_put_number(struct line *line, uint64_t number);
/* At least `width` digits, filled up with `fill`. */
void line_put_padded(struct line *line, uint64_t number, unsigned width, char fill);

/* Bytes below 0x20, from 0x7f on, `"` and `\` as \xXX; also the blank with `is_word`. At most `limit` bytes come out.
 */
void line_put_escaped(struct line *line, struct str s, bool is_word, size_t limit);
/* The inside of a JSON string, plain ASCII: as base/escape.h has it. At most `limit` bytes. */
void line_put_json(struct line *line, struct str s, size_t limit);

/* As date_common() and date_iso() write them. */
void line_put_date_common(struct line *line, struct wall wall);
void line_put_date_iso(struct line *line, struct wall wall);

#define LINE_PUT(line, literal) line_put((line), STR(literal))

#endif
