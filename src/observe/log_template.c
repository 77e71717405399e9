#include "observe/log_format.h"

/* Reset after each line; its chunk goes back to the thread's spare ones, so that a line costs no allocation in the long
   run. */
static void template_line(const struct log_view *view, struct line *into)
{
    struct arena arena;
    arena_init(&arena);
    line_put(into, template_expand(&view->conf->template, log_view_facts(view, &arena), ESCAPE_LOG, &arena));
    for (size_t i = 0; i < into->len; i++) /* only the configuration's own text can hold one */
        if (into->at[i] == '\n')
            into->at[i] = ' ';
    arena_reset(&arena);
}

static void template_lost(struct line *into, struct wall now, uint64_t count)
{
    LINE_PUT(into, "# ");
    line_put_date_iso(into, now);
    LINE_PUT(into, " gatehouse: ");
    line_put_number(into, count);
    LINE_PUT(into, " lines were lost");
}

const struct log_format_ops log_template = {template_line, template_lost};
