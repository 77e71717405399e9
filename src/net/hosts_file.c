#include "net/hosts_file.h"

#include "base/arena.h"
#include "base/hostname.h"
#include "base/map.h"
#include "base/must.h"

#include <stdlib.h>

struct entry {
    struct entry *next; /* the name's next address */
    struct entry *last; /* of the first: the last */
    struct ip ip;
};

struct hosts_file {
    struct arena arena;
    struct map names;
};

/* The next word of a line, which shrinks. */
static bool next_word(struct str *line, struct str *ret)
{
    size_t from = 0;
    while (from < line->len && (line->at[from] == ' ' || line->at[from] == '\t' || line->at[from] == '\r'))
        from++;
    size_t to = from;
    while (to < line->len && line->at[to] != ' ' && line->at[to] != '\t' && line->at[to] != '\r')
        to++;
    *ret = str_from(line->at + from, to - from);
    *line = str_skip(*line, to);
    return to > from;
}

static void add(struct hosts_file *hosts, struct str word, const struct ip *ip)
{
    struct str name;
    if (!hostname_normal(&hosts->arena, word, &name))
        return;
    struct entry *entry = arena_new(&hosts->arena, struct entry), *first = map_get(&hosts->names, name);
    entry->ip = *ip;
    if (first == NULL) {
        entry->last = entry;
        map_put(&hosts->names, name, entry);
    } else {
        first->last->next = entry;
        first->last = entry;
    }
}

static void read_line(struct hosts_file *hosts, struct str line)
{
    struct str word;
    struct ip ip;
    line = str_head(line, str_find(line, '#'));
    if (!next_word(&line, &word) || !ip_parse(word, &ip))
        return;
    while (next_word(&line, &word))
        add(hosts, word, &ip);
}

struct hosts_file *hosts_file_new(struct str text)
{
    struct hosts_file *hosts = must_calloc(1, sizeof *hosts);
    arena_init(&hosts->arena);
    map_init(&hosts->names);
    struct str line;
    while (str_cut(&text, '\n', &line))
        read_line(hosts, line);
    return hosts;
}

void hosts_file_free(struct hosts_file *hosts)
{
    if (hosts == NULL)
        return;
    map_fini(&hosts->names);
    arena_reset(&hosts->arena);
    free(hosts);
}

size_t hosts_file_find(const struct hosts_file *hosts, struct str name, struct ip into[HOST_ADDRESSES_MAX])
{
    size_t count = 0;
    for (const struct entry *entry = map_get(&hosts->names, name); entry != NULL; entry = entry->next) {
        bool is_known = count == HOST_ADDRESSES_MAX;
        for (size_t i = 0; i < count && !is_known; i++)
            is_known = ip_eq(&into[i], &entry->ip);
        if (!is_known)
            into[count++] = entry->ip;
    }
    return count;
}
