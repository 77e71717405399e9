#include "process/generation_build.h"

#include "base/must.h"
#include "modes/reverse/hosts.h"
#include "observe/access_log.h"
#include "proxy/mode.h"

#include <stdlib.h>

struct built {
    struct generation generation;
    struct config *config;
    struct arena arena;
    size_t room; /* of gates */
};

static void release(struct generation *generation)
{
    struct built *built = container_of(generation, struct built, generation);
    logs_unref(built->generation.logs);
    arena_reset(&built->arena);
    config_unref(built->config);
    free(built);
}

static bool has_listen(const struct listen_conf *listens, size_t count, const struct addr *addr)
{
    for (size_t i = 0; i < count; i++)
        if (addr_eq(&listens[i].addr, addr))
            return true;
    return false;
}

/* Does a line before this one, in an earlier block or in the same, name the address? */
static bool is_first(const struct config *config, size_t block, size_t line, const struct addr *addr)
{
    for (size_t i = 0; i < block; i++)
        if (has_listen(config->reverses[i].listens, config->reverses[i].listen_count, addr))
            return false;
    return !has_listen(config->reverses[block].listens, line, addr);
}

void listens_each(const struct config *config, void (*visit)(void *arg, const struct listen_conf *listen), void *arg)
{
    for (size_t i = 0; i < config->reverse_count; i++)
        for (size_t j = 0; j < config->reverses[i].listen_count; j++)
            if (is_first(config, i, j, &config->reverses[i].listens[j].addr))
                visit(arg, &config->reverses[i].listens[j]);
    for (size_t i = 0; i < config->forward_count; i++)
        for (size_t j = 0; j < config->forwards[i].listen_count; j++)
            visit(arg, &config->forwards[i].listens[j]);
}

static void count_listen(void *arg, const struct listen_conf *listen)
{
    (void)listen;
    (*(size_t *)arg)++;
}

static struct str address_text(struct arena *arena, const struct addr *addr)
{
    char text[ADDR_TEXT_MAX];
    return arena_dup(arena, str_from(text, addr_text(addr, text)));
}

/* By the name that a client asks for; whoever asks for none gets the first block's, unless there is one for the
   rest. */
static struct tls_server *choose_of_reverse(const struct tls_gate *tls, struct str name)
{
    const struct gate *gate = container_of((struct tls_gate *)(uintptr_t)tls, struct gate, tls);
    const struct reverse_conf *block = reverse_hosts_find(gate->block, name);
    if (block == NULL && name.at == NULL)
        return gate->tls.first;
    return block != NULL ? block->tls->built : NULL;
}

static struct tls_server *choose_only(const struct tls_gate *tls, struct str name)
{
    (void)name;
    return container_of((struct tls_gate *)(uintptr_t)tls, struct gate, tls)->tls.first;
}

static void set_tls(struct gate *gate, const struct tls_server_conf *first,
                    struct tls_server *(*choose)(const struct tls_gate *tls, struct str name))
{
    if (!gate->listen->is_tls)
        return;
    gate->tls.first = first->built;
    gate->tls.choose = choose;
}

static void fill_reverse(struct built *built, struct gate *gate)
{
    const struct config *config = built->config;
    const struct reverse_conf **blocks = must_calloc(config->reverse_count, sizeof *blocks);
    size_t count = 0;
    for (size_t i = 0; i < config->reverse_count; i++)
        if (has_listen(config->reverses[i].listens, config->reverses[i].listen_count, &gate->listen->addr))
            blocks[count++] = &config->reverses[i];
    gate->mode = gate->listen->is_passthrough ? &passthrough_mode : &reverse_mode;
    gate->block = reverse_hosts_build(&built->arena, blocks, count);
    gate->limits = &blocks[0]->settings.limits;
    gate->timeouts = &blocks[0]->settings.timeouts;
    set_tls(gate, blocks[0]->tls, choose_of_reverse);
    free(blocks);
}

static const struct forward_conf *find_forward(const struct config *config, const struct listen_conf *listen)
{
    for (size_t i = 0; i < config->forward_count; i++)
        for (size_t j = 0; j < config->forwards[i].listen_count; j++)
            if (&config->forwards[i].listens[j] == listen)
                return &config->forwards[i];
    return NULL;
}

static void add_gate(void *arg, const struct listen_conf *listen)
{
    struct built *built = arg;
    struct generation *generation = &built->generation;
    must(generation->gate_count < built->room);
    struct gate *gate = (struct gate *)(uintptr_t)&generation->gates[generation->gate_count++];
    gate->listen = listen;
    gate->text = address_text(&built->arena, &listen->addr);
    const struct forward_conf *forward = find_forward(built->config, listen);
    if (forward == NULL) {
        fill_reverse(built, gate);
        return;
    }
    gate->mode = &forward_mode;
    gate->block = forward;
    gate->limits = &forward->limits;
    gate->timeouts = &forward->timeouts;
    set_tls(gate, forward->tls, choose_only);
}

struct generation *generation_build(struct config *taken_config, struct logs *taken_logs, unsigned number)
{
    struct built *built = must_calloc(1, sizeof *built);
    built->config = taken_config;
    arena_init(&built->arena);
    struct generation *generation = &built->generation;
    atomic_init(&generation->refs, 1);
    generation->number = number;
    generation->pools = (const struct pool_conf *const *)taken_config->pools;
    generation->pool_count = taken_config->pool_count;
    generation->resolver = &taken_config->resolver;
    generation->limits = &taken_config->limits;
    generation->timeouts = &taken_config->timeouts;
    generation->logs = taken_logs;
    generation->release = release;
    listens_each(taken_config, count_listen, &built->room);
    generation->gates = arena_zalloc(&built->arena, (built->room + 1) * sizeof *generation->gates);
    listens_each(taken_config, add_gate, built);
    return generation;
}

const struct config *generation_config(const struct generation *generation)
{
    return container_of(generation, struct built, generation)->config;
}
