/* The blocks of the two modes, and their routes. */
#include "conf/setters.h"

#include "conf/array.h"
#include "conf/block.h"
#include "conf/expression.h"
#include "conf/page.h"
#include "conf/value.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool set_mode(struct scope *scope, const struct setting *setting)
{
    struct deferred *modes = &scope->load->modes;
    modes->settings = array_room(scope->load->arena, modes->settings, modes->count, sizeof *modes->settings);
    modes->settings[modes->count++] = *setting;
    return true;
}

/* Listeners. */

static bool check_passthrough(struct loading *load, const struct mode_draft *mode, const struct listen_conf *listen)
{
    const struct word *word = &listen->address;
    if (listen->is_passthrough && mode->kind == BLOCK_FORWARD)
        return mistake(load, word, NULL, "'tls-passthrough' does not belong in a forward block");
    if (listen->is_passthrough && listen->forwarded_from != NULL)
        return mistake(load, word, NULL, "'forwarded' is about a field of HTTP, and TLS is passed through unread");
    if (!listen->is_passthrough && mode->kind == BLOCK_PASSTHROUGH)
        return mistake(load, word, "write a block for each",
                       "a block passes TLS through or serves HTTP, and another 'listen' of it has 'tls-passthrough'");
    return true;
}

bool set_listen(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    struct listen_conf listen = {0};
    bool fine = value_listen(&setting->args[0], load->diag, &listen);
    fine &= options_read(scope, setting, &listen);
    if (!fine || !check_passthrough(load, mode, &listen))
        return false;
    if (listen.is_tls && listen.is_passthrough)
        return mistake(load, &listen.address, "TLS either ends here, or goes on to the servers",
                       "'tls' beside 'tls-passthrough'");
    for (size_t i = 0; i < mode->listen_count; i++)
        if (addr_eq(&mode->listens[i].addr, &listen.addr))
            return mistake(load, &listen.address, loading_where(load, &mode->listens[i].address, &listen.address),
                           "a second 'listen' on the same address");
    mode->listens = array_room(load->arena, mode->listens, mode->listen_count, sizeof *mode->listens);
    mode->listens[mode->listen_count++] = listen;
    return true;
}

/* `from CIDR...` after the name of either option. */
static bool read_sources(struct scope *scope, const struct setting *setting, struct cidr_set **ret)
{
    struct loading *load = scope->load;
    struct listen_conf *listen = scope->target;
    const char *name = setting->row->name;
    if (!str_eq(setting->args[0].text, STR("from")))
        return mistake(load, &setting->args[0], arena_printf(load->arena, "write: %s from CIDR...", name).at,
                       "expected 'from', not '%.*s'", STR_ARGS(setting->args[0].text));
    for (size_t i = 1; i < setting->count; i++)
        if (directive_find(OPTIONS_LISTEN, setting->args[i].text) != NULL)
            return mistake(load, &setting->args[i], NULL, "'%.*s' after '%s', whose addresses end the line",
                           STR_ARGS(setting->args[i].text), name);
    bool fine = true;
    struct text text;
    text_init(&text);
    text_add_cstr(&text, name);
    *ret = arena_new(load->arena, struct cidr_set);
    for (size_t i = 1; i < setting->count; i++) {
        fine &= value_cidr(&setting->args[i], load->diag, load->arena, *ret);
        text_printf(&text, " %.*s", STR_ARGS(setting->args[i].text));
    }
    listen->from_text = arena_dup(load->arena, text_str(&text));
    text_fini(&text);
    return fine;
}

bool set_forwarded_from(struct scope *scope, const struct setting *setting)
{
    struct listen_conf *listen = scope->target;
    if (scope->mode->kind == BLOCK_FORWARD)
        return mistake(scope->load, setting->name, NULL, "'forwarded' does not belong in a forward block");
    return read_sources(scope, setting, &listen->forwarded_from);
}

bool set_proxied_from(struct scope *scope, const struct setting *setting)
{
    struct listen_conf *listen = scope->target;
    if (listen->addr.len > 0 && listen->addr.as.any.sa_family == AF_UNIX)
        return mistake(scope->load, setting->name, "listen on an address of the network, as in 127.0.0.1:8080",
                       "whoever connects to a unix socket has no address that 'from' could name");
    return read_sources(scope, setting, &listen->proxied_from);
}

bool set_host(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    bool all = true;
    for (size_t i = 0; i < setting->count; i++) {
        struct host_pattern pattern;
        bool fine = value_host_pattern(&setting->args[i], load->diag, load->arena, &pattern);
        all &= fine;
        if (!fine)
            continue;
        mode->hosts = array_room(load->arena, mode->hosts, mode->host_count, sizeof *mode->hosts);
        mode->hosts[mode->host_count++] = pattern;
    }
    return all;
}

/* What serves, what is shown. */

static void keep_folder(struct loading *load, int fd)
{
    struct config *config = load->config;
    config->folders = array_room(load->arena, config->folders, config->folder_count, sizeof *config->folders);
    config->folders[config->folder_count++] = fd;
}

bool set_files(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    const struct word *word = &setting->args[0];
    bool is_off = false;
    if (!serve_begin(scope, setting, &is_off))
        return false;
    if (is_off)
        return true;
    struct serve serve = {.kind = SERVE_FILES, .files = loading_path(load, word), .files_fd = -1};
    if (serve.files == NULL)
        return false;
    int fd = load->opener->open(load->opener, serve.files, OPEN_DIRECTORY);
    if (fd < 0)
        return mistake(load, word, NULL, "cannot open the folder '%.*s': %s", STR_ARGS(word->text), strerror(errno));
    if (load->options->is_shallow) {
        close(fd);
    } else {
        serve.files_fd = fd;
        keep_folder(load, fd);
    }
    mode->settings.serve = serve;
    return true;
}

static bool add_page(struct loading *load, struct mode_draft *mode, const struct word *word, struct error_page page)
{
    uint64_t status;
    if (!value_count(word, load->diag, 400, 599, &status))
        return false;
    page.status = (uint16_t)status;
    for (size_t i = 0; i < mode->page_count; i++)
        if (mode->pages[i].status == page.status)
            return mistake(load, word, NULL, "a second page for %u in this block", page.status);
    mode->pages = array_room(load->arena, mode->pages, mode->page_count, sizeof *mode->pages);
    mode->pages[mode->page_count++] = page;
    return true;
}

bool set_error_page(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    const struct word *file = &setting->args[setting->count - 1];
    struct error_page page = {.media_type = page_type(file->text)};
    bool fine = page_read_template(load, file, TEMPLATE_RESPONSE, &page.text);
    for (size_t i = 0; i + 1 < setting->count; i++)
        fine &= add_page(load, scope->target, &setting->args[i], page);
    return fine;
}

/* Forward's ports and addresses. */

static bool read_ports(struct loading *load, const struct setting *setting, struct port_ranges *ranges)
{
    bool fine = true;
    *ranges = (struct port_ranges){0};
    for (size_t i = 0; i < setting->count; i++)
        fine &= value_ports(&setting->args[i], load->diag, load->arena, ranges);
    if (!fine)
        *ranges = (struct port_ranges){0};
    return fine;
}

bool set_ports(struct scope *scope, const struct setting *setting)
{
    struct mode_draft *mode = scope->target;
    return read_ports(scope->load, setting, &mode->ports);
}

bool set_tunnel_ports(struct scope *scope, const struct setting *setting)
{
    struct mode_draft *mode = scope->target;
    return read_ports(scope->load, setting, &mode->tunnel_ports);
}

bool set_deny_private(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    const struct word *word = &setting->args[0];
    bool fine = true;
    mode->deny_private = true;
    if (!str_eq(word->text, STR("except"))) {
        if (setting->count > 1)
            return mistake(load, &setting->args[1], "write: deny-private except CIDR...",
                           "unexpected '%.*s' after '%.*s'", STR_ARGS(setting->args[1].text), STR_ARGS(word->text));
        return value_switch(word, load->diag, &mode->deny_private);
    }
    if (setting->count == 1)
        return mistake(load, word, "write: deny-private except CIDR...", "'except' needs a range of addresses");
    for (size_t i = 1; i < setting->count; i++)
        fine &= value_cidr(&setting->args[i], load->diag, load->arena, &mode->private_except);
    return fine;
}

/* Routes. */

/* Routes are read after the rest of their block, from which they take over what they do not set. */
bool set_route(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct mode_draft *mode = scope->target;
    mode->routes = array_room(load->arena, mode->routes, mode->route_count, sizeof *mode->routes);
    mode->routes[mode->route_count++] = *setting;
    return true;
}

static bool check_glob(struct loading *load, const struct word *glob)
{
    if (glob->text.len > 0 && strchr("/*?", glob->text.at[0]) != NULL)
        return true;
    return mistake(load, glob, "as in /static/*, or * for all",
                   "the path '%.*s' can never match: a path begins with '/'", STR_ARGS(glob->text));
}

static struct error_pages pages_of(const struct mode_draft *mode, const struct error_pages *outer)
{
    return mode->page_count > 0 || outer == NULL ? (struct error_pages){mode->pages, mode->page_count} : *outer;
}

static void read_route(struct scope *outer, const struct setting *setting, struct route_conf *route)
{
    struct loading *load = outer->load;
    const struct mode_draft *block = outer->mode;
    struct mode_draft draft = {
        .kind = BLOCK_ROUTE, .name = block->name, .settings = block->settings, .acls = block->acls};
    struct scope scope;
    scope_init(&scope, load, outer, BLOCK_ROUTE, &draft);
    scope.mode = &draft;
    *route = (struct route_conf){.glob = setting->args[0], .place_text = loading_brief(load, &setting->name->place)};
    check_glob(load, &setting->args[0]);
    if (setting->if_word != NULL) {
        struct expression_place place = {.acls = &block->acls,
                                         .phases = 1U << PHASE_CONNECT | 1U << PHASE_REQUEST,
                                         .title = "the choice of a route"};
        route->when = expression_read(load, &place, setting->if_word, setting->when, setting->when_count);
    }
    block_read(&scope, setting->statement->block);
    tls_check_condition(outer, route->when);
    for (size_t i = 0; i < draft.rule_count; i++)
        tls_check_condition(outer, draft.rules[i].when);
    draft.settings.error_pages = pages_of(&draft, &block->settings.error_pages);
    route->settings = draft.settings;
    route->rules = (struct rules){draft.rules, draft.rule_count};
}

static void read_routes(struct scope *scope, struct reverse_conf *conf)
{
    struct mode_draft *mode = scope->mode;
    conf->routes = arena_zalloc(scope->load->arena, mode->route_count * sizeof *conf->routes);
    conf->route_count = mode->route_count;
    for (size_t i = 0; i < mode->route_count; i++)
        read_route(scope, &mode->routes[i], &conf->routes[i]);
}

/* The blocks. */

static void check_listens(struct scope *scope)
{
    const struct word *name = scope->mode->name;
    if (scope->mode->tls != NULL && scope->mode->tls->certificate_count == 0 && !scope_may_have(scope, "certificate"))
        mistake(scope->load, name, "add: certificate CERTIFICATE-FILE KEY-FILE",
                "'%.*s' has a tls block, but no certificate", STR_ARGS(name->text));
    if (!scope_may_have(scope, "listen"))
        mistake(scope->load, name, "add: listen ADDRESS", "'%.*s' listens nowhere", STR_ARGS(name->text));
    for (size_t i = 0; i < scope->mode->listen_count; i++)
        if (scope->mode->listens[i].is_tls && !scope_may_have(scope, "certificate")) {
            mistake(scope->load, &scope->mode->listens[i].address, "add: certificate CERTIFICATE-FILE KEY-FILE",
                    "'%.*s' has no certificate to speak TLS with", STR_ARGS(name->text));
            return;
        }
}

/* Bytes of the client's TLS inside of ours would be understood by nobody. */
static void check_passed_servers(struct scope *scope)
{
    const struct mode_draft *mode = scope->mode;
    const struct pool_conf *pool = mode->settings.serve.pool;
    if (mode->kind != BLOCK_PASSTHROUGH || mode->settings.serve.kind != SERVE_POOL)
        return;
    for (size_t i = 0; i < pool->server_count; i++)
        if (pool->servers[i].tls != NULL) {
            mistake(scope->load, mode->serves, "write the servers without https:// and the pool without tls",
                    "the client's TLS is passed through, and '%.*s' is spoken to by TLS of our own",
                    STR_ARGS(pool->servers[i].address.text));
            return;
        }
}

static void finish_reverse(struct scope *scope, struct reverse_conf *conf)
{
    struct mode_draft *mode = scope->mode;
    struct loading *load = scope->load;
    if (!scope_may_have(scope, "host")) {
        mode->hosts = arena_new(load->arena, struct host_pattern);
        *mode->hosts = (struct host_pattern){.kind = HOST_DEFAULT, .word = *mode->name};
        mode->host_count = 1;
    }
    check_passed_servers(scope);
    mode->settings.error_pages = pages_of(mode, NULL);
    conf->name = *mode->name;
    conf->place_text = loading_brief(load, &mode->name->place);
    conf->listens = mode->listens;
    conf->listen_count = mode->listen_count;
    conf->tls = mode->tls;
    conf->is_passthrough = mode->kind == BLOCK_PASSTHROUGH;
    conf->hosts = mode->hosts;
    conf->host_count = mode->host_count;
    conf->rules = (struct rules){mode->rules, mode->rule_count};
    conf->settings = mode->settings;
    read_routes(scope, conf);
}

static void finish_forward(struct scope *scope, struct forward_conf *conf)
{
    const struct mode_draft *mode = scope->mode;
    struct loading *load = scope->load;
    if (!scope_may_have(scope, "allow"))
        mistake(load, mode->name, "add a rule: allow if source(…)",
                "forward block '%.*s' has no 'allow': nobody gets through", STR_ARGS(mode->name->text));
    tunnel_check_block(scope);
    conf->name = *mode->name;
    conf->place_text = loading_brief(load, &mode->name->place);
    conf->listens = mode->listens;
    conf->listen_count = mode->listen_count;
    conf->tls = mode->tls;
    conf->rules = (struct rules){mode->rules, mode->rule_count};
    conf->ports = mode->ports;
    conf->tunnel_ports = mode->tunnel_ports;
    conf->tunnel_check = mode->tunnel_check;
    conf->deny_private = mode->deny_private;
    conf->private_except = mode->private_except;
    conf->conceal = mode->settings.conceal;
    conf->error_pages = pages_of(mode, NULL);
    conf->limits = mode->settings.limits;
    conf->timeouts = mode->settings.timeouts;
}

static void keep_acls(struct loading *load, const struct names *acls)
{
    for (struct named *acl = acls->first; acl != NULL; acl = acl->next) {
        load->mode_acls = array_room(load->arena, load->mode_acls, load->mode_acl_count, sizeof *load->mode_acls);
        load->mode_acls[load->mode_acl_count++] = acl;
    }
}

static bool passes_through(const struct statement *statement)
{
    for (size_t i = 1; str_eq(statement->words[0].text, STR("listen")) && i < statement->count; i++)
        if (!statement->words[i].quoted && str_eq(statement->words[i].text, STR("tls-passthrough")))
            return true;
    return false;
}

/* Whether TLS is passed through says what else may stand in a block, wherever in it its `listen` stands. */
static unsigned kind_of(const struct setting *setting)
{
    if (setting->row->makes == NAME_FORWARD)
        return BLOCK_FORWARD;
    for (const struct statement *one = setting->statement->block->first; one != NULL; one = one->next)
        if (passes_through(one))
            return BLOCK_PASSTHROUGH;
    return BLOCK_REVERSE;
}

static void read_mode(struct loading *load, const struct setting *setting)
{
    bool is_reverse = setting->row->makes == NAME_REVERSE;
    const struct named *named = names_of_statement(&load->names[setting->row->makes], setting->statement);
    if (named == NULL)
        return;
    struct mode_draft mode = {.kind = kind_of(setting), .name = &named->name};
    mode.settings.limits = load->config->limits;
    mode.settings.timeouts = load->config->timeouts;
    mode.settings.serve.files_fd = -1;
    struct scope scope;
    scope_init(&scope, load, NULL, mode.kind, &mode);
    scope.mode = &mode;
    names_init(&mode.acls, &load->names[NAME_ACL]);
    names_declare(load, setting->statement->block, mode.kind, &mode.acls);
    scope_set_defaults(&scope);
    tunnel_check_defaults(&scope);
    block_read(&scope, setting->statement->block);
    check_listens(&scope);
    certificate_finish(&scope);
    tls_check_block(&scope);
    if (is_reverse)
        finish_reverse(&scope, named->conf);
    else
        finish_forward(&scope, named->conf);
    for (size_t i = 0; i < mode.test_count; i++)
        test_read(&scope, &mode.tests[i], is_reverse ? named->conf : NULL, is_reverse ? NULL : named->conf);
    keep_acls(load, &mode.acls);
    names_fini(&mode.acls);
}

void modes_read(struct loading *load)
{
    for (size_t i = 0; i < load->modes.count; i++)
        read_mode(load, &load->modes.settings[i]);
}
