#include "cli/summary.h"

#include "acl/list.h"
#include "process/generation_build.h"

#include <stdio.h>

void summary_number(struct text *into, size_t number)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%zu", number);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text_add_char(into, ',');
        text_add_char(into, digits[i]);
    }
}

static void add_count(struct text *into, size_t count, const char *one, const char *many)
{
    if (count == 0)
        return;
    if (into->len > 0)
        text_add_cstr(into, ", ");
    summary_number(into, count);
    text_printf(into, " %s", count == 1 ? one : many);
}

static void count_listen(void *arg, const struct listen_conf *listen)
{
    (void)listen;
    (*(size_t *)arg)++;
}

void summary_of(const struct config *config, struct text *into)
{
    struct text line;
    text_init(&line);
    size_t listeners = 0, names = 0;
    listens_each(config, count_listen, &listeners);
    for (size_t i = 0; i < config->list_count; i++) {
        struct list_stats stats = {0};
        if (config->lists[i].compiled != NULL)
            list_stats(config->lists[i].compiled, &stats);
        names += stats.entries;
    }
    add_count(&line, config->reverse_count, "reverse block", "reverse blocks");
    add_count(&line, config->forward_count, "forward block", "forward blocks");
    add_count(&line, listeners, "listener", "listeners");
    add_count(&line, config->list_count, "list", "lists");
    if (config->list_count > 0) {
        text_add_cstr(&line, " with ");
        summary_number(&line, names);
        text_add_cstr(&line, names == 1 ? " name" : " names");
    }
    add_count(&line, config->test_count, "test passed", "tests passed");
    text_add(into, text_str(&line));
    text_fini(&line);
}
