#include "process/way_in.h"

#include "modes/reverse/hosts.h"

static bool speaks(const struct listen_conf *listen, const struct facts *facts)
{
    return str_eq(facts->scheme, STR("https")) == (listen->is_tls || listen->is_passthrough);
}

static bool listens_on(const struct reverse_conf *block, const struct addr *addr)
{
    for (size_t i = 0; i < block->listen_count; i++)
        if (addr_eq(&block->listens[i].addr, addr))
            return true;
    return false;
}

static const struct reverse_hosts *hosts_on(const struct config *config, const struct listen_conf *listen,
                                            struct arena *arena)
{
    const struct reverse_conf **blocks = arena_alloc(arena, (config->reverse_count + 1) * sizeof *blocks);
    size_t count = 0;
    for (size_t i = 0; i < config->reverse_count; i++)
        if (listens_on(&config->reverses[i], &listen->addr))
            blocks[count++] = &config->reverses[i];
    return reverse_hosts_build(arena, blocks, count);
}

static const struct reverse_conf *find_on(const struct reverse_hosts *hosts, const struct listen_conf *listen,
                                          const struct facts *facts)
{
    return reverse_hosts_find(hosts, listen->is_passthrough ? facts->tls_name : facts->host);
}

static enum way_in way_by(const struct config *config, const struct listen_conf *listen,
                          const struct reverse_conf *block, const struct facts *facts, struct arena *arena)
{
    const struct reverse_hosts *hosts = hosts_on(config, listen, arena);
    if (speaks(listen, facts) && find_on(hosts, listen, facts) == block)
        return addr_port(&listen->addr) == facts->port ? WAY_PORT : WAY_SCHEME;
    return reverse_hosts_find(hosts, facts->host) == block ? WAY_HOST : WAY_NONE;
}

enum way_in way_in_to(const struct config *config, const struct reverse_conf *block, const struct facts *facts,
                      struct arena *arena)
{
    enum way_in best = WAY_NONE;
    for (size_t i = 0; i < block->listen_count; i++) {
        enum way_in way = way_by(config, &block->listens[i], block, facts, arena);
        if (way > best)
            best = way;
    }
    return best;
}

bool way_in_is_spoken(const struct reverse_conf *block, const struct facts *facts)
{
    for (size_t i = 0; i < block->listen_count; i++)
        if (speaks(&block->listens[i], facts))
            return true;
    return false;
}

const struct reverse_conf *way_in_instead(const struct config *config, const struct reverse_conf *block,
                                          const struct facts *facts, struct arena *arena)
{
    const struct reverse_conf *found = NULL;
    bool is_spoken = way_in_is_spoken(block, facts);
    for (size_t i = 0; i < block->listen_count && found == NULL; i++)
        if (!is_spoken || speaks(&block->listens[i], facts))
            found = find_on(hosts_on(config, &block->listens[i], arena), &block->listens[i], facts);
    return found;
}
