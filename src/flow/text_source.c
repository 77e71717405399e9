#include "flow/text_source.h"

#include "base/must.h"

struct text_source {
    struct source source;
    struct str rest;
};

static enum flow read_text(struct source *source, struct buffer *into, size_t room, struct task *who)
{
    (void)who;
    struct text_source *text = container_of(source, struct text_source, source);
    struct str piece = str_head(text->rest, room);
    if (piece.len > 0)
        buffer_add_reference(into, piece, NULL, NULL);
    text->rest = str_skip(text->rest, piece.len);
    return text->rest.len == 0 ? FLOW_END : FLOW_MORE;
}

static const struct source_ops text_ops = {.read = read_text};

struct source *text_source(struct arena *arena, struct str bytes)
{
    struct text_source *text = arena_new(arena, struct text_source);
    text->source.ops = &text_ops;
    text->rest = bytes;
    return &text->source;
}
