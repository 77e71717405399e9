/* Pools, and what serves a site: `to`, `pool`. */
#include "conf/setters.h"

#include "base/hostname.h"
#include "conf/array.h"
#include "conf/block.h"
#include "conf/value.h"

enum { HTTPS_PORT = 443 };

static struct pool_conf *add_pool(struct loading *load, const struct word *name)
{
    struct config *config = load->config;
    struct pool_conf *pool = arena_new(load->arena, struct pool_conf);
    pool->name = *name;
    pool->index = config->pool_count;
    config->pools = array_room(load->arena, config->pools, config->pool_count, sizeof *config->pools);
    config->pools[config->pool_count++] = pool;
    return pool;
}

static struct server_conf *add_server(struct loading *load, struct pool_conf *pool)
{
    pool->servers = array_room(load->arena, pool->servers, pool->server_count, sizeof *pool->servers);
    return &pool->servers[pool->server_count++];
}

/* For servers of a pool that does not say how: verified by the system's authorities. */
static struct tls_conf *default_tls(struct loading *load, struct pool_conf *pool, const struct word *place)
{
    if (pool->tls == NULL) {
        pool->tls = arena_new(load->arena, struct tls_conf);
        pool->tls->verify = true;
        pool->tls->place = *place;
    }
    return pool->tls;
}

/* TLS for all, when the pool has `tls`; else for those written https://. What is not known by a name cannot be
   verified. */
static bool secure_servers(struct loading *load, struct pool_conf *pool)
{
    bool is_for_all = pool->tls != NULL, fine = true;
    for (size_t i = 0; i < pool->server_count; i++) {
        struct server_conf *server = &pool->servers[i];
        if (!is_for_all && !server->is_https)
            continue;
        server->tls = default_tls(load, pool, &server->address);
        if (!server->has_port)
            value_server_port(load->arena, server, HTTPS_PORT);
        if (server->addr.as.any.sa_family == AF_UNIX && server->tls->verify && server->tls->server_name.at == NULL)
            fine = mistake(load, &server->address, "say whose certificate it shows: tls { server-name NAME; }",
                           "a unix socket has no name to verify");
    }
    return fine;
}

bool set_pool_tls(struct scope *outer, const struct setting *setting)
{
    struct loading *load = outer->load;
    struct pool_conf *pool = outer->target;
    pool->tls = arena_new(load->arena, struct tls_conf);
    pool->tls->place = *setting->name;
    struct scope scope;
    scope_init(&scope, load, outer, BLOCK_POOL_TLS, pool->tls);
    scope_set_defaults(&scope);
    if (setting->statement->block != NULL)
        block_read(&scope, setting->statement->block);
    return true;
}

bool set_tls_ca(struct scope *scope, const struct setting *setting)
{
    struct tls_conf *tls = scope->target;
    tls->ca = setting->args[0];
    tls->ca_path = loading_path(scope->load, &tls->ca);
    return tls->ca_path != NULL;
}

bool set_pool_certificate(struct scope *scope, const struct setting *setting)
{
    struct tls_conf *tls = scope->target;
    return certificate_read(scope->load, setting, &tls->certificate);
}

/* An IPv6 address with or without its brackets. */
static bool read_address(struct arena *arena, struct str text, struct str *ret)
{
    char written[ADDR_TEXT_MAX];
    struct ip ip;
    bool has_brackets = text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
    if (!ip_parse(has_brackets ? str_from(text.at + 1, text.len - 2) : text, &ip) || (has_brackets && ip.version != 6))
        return false;
    *ret = arena_dup(arena, str_from(written, ip_text(&ip, written)));
    return true;
}

bool set_tls_server_name(struct scope *scope, const struct setting *setting)
{
    struct tls_conf *tls = scope->target;
    const struct word *word = &setting->args[0];
    struct arena *arena = scope->load->arena;
    if (read_address(arena, word->text, &tls->server_name))
        return true;
    if (hostname_normal(arena, word->text, &tls->server_name) && !hostname_is_numeric_like(tls->server_name))
        return true;
    return mistake(scope->load, word, "as in app.example or 2001:db8::7", "'%.*s' is no name of a server",
                   STR_ARGS(word->text));
}

bool set_pool(struct scope *outer, const struct setting *setting)
{
    struct loading *load = outer->load;
    struct named *named = names_of_statement(&load->names[NAME_POOL], setting->statement);
    if (named == NULL)
        return false;
    struct pool_conf *pool = add_pool(load, &named->name);
    named->conf = pool;
    struct scope scope;
    scope_init(&scope, load, outer, BLOCK_POOL, pool);
    scope_set_defaults(&scope);
    block_read(&scope, setting->statement->block);
    bool fine = secure_servers(load, pool);
    if (scope_may_have(&scope, "server"))
        return fine;
    return mistake(load, &named->name, "add: server ADDRESS", "pool '%.*s' has no server", STR_ARGS(named->name.text));
}

bool set_server(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct server_conf server = {0};
    bool fine = options_read(scope, setting, &server);
    if (!value_server(&setting->args[0], load->diag, load->arena, &server) || !fine)
        return false;
    *add_server(load, scope->target) = server;
    return true;
}

bool serve_begin(struct scope *scope, const struct setting *setting, bool *ret_is_off)
{
    struct mode_draft *mode = scope->target;
    const struct word *first = mode->serves, *value = &setting->args[0];
    if (first != NULL)
        return mistake(scope->load, setting->name, loading_where(scope->load, first, setting->name),
                       "'%.*s' beside '%.*s': one of 'to', 'pool' and 'files' serves a block",
                       STR_ARGS(setting->name->text), STR_ARGS(first->text));
    mode->serves = setting->name;
    mode->settings.serve = (struct serve){.kind = SERVE_NOTHING, .files_fd = -1};
    *ret_is_off = mode->kind == BLOCK_ROUTE && setting->count == 1 && !value->quoted && str_eq(value->text, STR("off"));
    return true;
}

/* The name of a pool in short: that of the block, and the addresses. */
static struct str short_name(struct loading *load, const struct mode_draft *mode, const struct setting *setting)
{
    struct text text;
    text_init(&text);
    text_printf(&text, "%.*s(", STR_ARGS(mode->name->text));
    for (size_t i = 0; i < setting->count; i++)
        text_printf(&text, i > 0 ? " %.*s" : "%.*s", STR_ARGS(setting->args[i].text));
    text_add_char(&text, ')');
    struct str copy = arena_dup(load->arena, text_str(&text));
    text_fini(&text);
    return copy;
}

bool set_to(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    bool is_off = false;
    if (!serve_begin(scope, setting, &is_off))
        return false;
    if (is_off)
        return true;
    struct word name = setting->args[0];
    name.text = short_name(load, mode, setting);
    struct pool_conf *pool = add_pool(load, &name);
    struct scope inner;
    scope_init(&inner, load, scope, BLOCK_POOL, pool);
    scope_set_defaults(&inner);
    bool fine = true;
    for (size_t i = 0; i < setting->count; i++) {
        struct server_conf *server = add_server(load, pool);
        scope_init(&inner, load, scope, OPTIONS_SERVER, server);
        scope_set_defaults(&inner);
        fine &= value_server(&setting->args[i], load->diag, load->arena, server);
    }
    fine &= secure_servers(load, pool);
    mode->settings.serve = (struct serve){.kind = SERVE_POOL, .pool = pool, .files_fd = -1};
    return fine;
}

bool set_pool_name(struct scope *scope, const struct setting *setting)
{
    struct mode_draft *mode = scope->target;
    bool is_off = false;
    if (!serve_begin(scope, setting, &is_off))
        return false;
    if (is_off)
        return true;
    const struct named *named = names_refer(scope->load, &scope->load->names[NAME_POOL], "pool", &setting->args[0]);
    if (named == NULL)
        return false;
    mode->settings.serve = (struct serve){.kind = SERVE_POOL, .pool = named->conf, .files_fd = -1};
    return true;
}
