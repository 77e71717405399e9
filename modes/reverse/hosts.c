#include "modes/reverse/hosts.h"

#include "base/hash.h"

/* A name with the blocks whose patterns end in it. */
struct host_entry {
    struct str name; /* at == NULL: the slot is free */
    const struct reverse_conf *exact;
    const struct reverse_conf *below;  /* *.name */
    const struct reverse_conf *suffix; /* .name */
};

struct reverse_hosts {
    struct host_entry *slots; /* open addressing; never full */
    size_t room;              /* a power of two */
    bool has_names;           /* any pattern but the rest */
    const struct reverse_conf *rest;
};

static struct host_entry *slot_of(const struct reverse_hosts *hosts, struct str name)
{
    size_t at = (size_t)hash_str(hash_key_process(), name);
    for (;; at++) {
        struct host_entry *slot = &hosts->slots[at & (hosts->room - 1)];
        if (slot->name.at == NULL || str_eq(slot->name, name))
            return slot;
    }
}

static void set_first(const struct reverse_conf **where, const struct reverse_conf *block)
{
    if (*where == NULL)
        *where = block;
}

static void add_pattern(struct reverse_hosts *hosts, const struct host_pattern *pattern,
                        const struct reverse_conf *block)
{
    if (pattern->kind == HOST_DEFAULT) {
        set_first(&hosts->rest, block);
        return;
    }
    struct host_entry *slot = slot_of(hosts, pattern->name);
    hosts->has_names = true;
    slot->name = pattern->name;
    if (pattern->kind == HOST_EXACT)
        set_first(&slot->exact, block);
    else if (pattern->kind == HOST_BELOW)
        set_first(&slot->below, block);
    else
        set_first(&slot->suffix, block);
}

const struct reverse_hosts *reverse_hosts_build(struct arena *arena, const struct reverse_conf *const *blocks,
                                                size_t count)
{
    size_t patterns = 0;
    for (size_t i = 0; i < count; i++)
        patterns += blocks[i]->host_count;
    struct reverse_hosts *hosts = arena_new(arena, struct reverse_hosts);
    hosts->room = 4;
    while (hosts->room < 2 * patterns + 1)
        hosts->room *= 2;
    hosts->slots = arena_zalloc(arena, hosts->room * sizeof *hosts->slots);
    for (size_t i = 0; i < count; i++) {
        if (blocks[i]->host_count == 0)
            set_first(&hosts->rest, blocks[i]);
        for (size_t k = 0; k < blocks[i]->host_count; k++)
            add_pattern(hosts, &blocks[i]->hosts[k], blocks[i]);
    }
    return hosts;
}

const struct reverse_conf *reverse_hosts_find(const struct reverse_hosts *hosts, struct str host)
{
    if (host.at == NULL || !hosts->has_names)
        return hosts->rest;
    const struct host_entry *own = slot_of(hosts, host);
    if (own->exact != NULL)
        return own->exact;
    if (own->suffix != NULL)
        return own->suffix;
    for (size_t dot = str_find(host, '.'); dot < host.len; dot = str_find(host, '.')) {
        host = str_skip(host, dot + 1);
        const struct host_entry *parent = slot_of(hosts, host);
        if (parent->below != NULL)
            return parent->below;
        if (parent->suffix != NULL)
            return parent->suffix;
    }
    return hosts->rest;
}

bool reverse_hosts_have_rest(const struct reverse_hosts *hosts)
{
    return hosts->rest != NULL;
}
