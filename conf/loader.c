#include "conf/loader.h"

#include "conf/array.h"
#include "conf/block.h"
#include "conf/check.h"
#include "conf/lint.h"
#include "conf/setters.h"

#include "base/must.h"
#include "base/object.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* For all that is read. */

bool mistake(struct loading *load, const struct word *at, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_vadd(load->diag, DIAG_ERROR, &at->place, hint, format, args);
    va_end(args);
    return false;
}

const char *loading_where(struct loading *load, const struct word *first, const struct word *second)
{
    if (first->place.file == second->place.file)
        return arena_printf(load->arena, "the first is in line %u", first->place.line).at;
    return arena_printf(load->arena, "the first is at %s:%u", first->place.file, first->place.line).at;
}

struct str loading_brief(struct loading *load, const struct place *place)
{
    const struct source_file *file = tree_file(&load->tree, place->file);
    return arena_printf(load->arena, "%s:%u", file->brief, place->line);
}

static void add_path(struct loading *load, const char *path)
{
    load->paths = array_room(load->arena, load->paths, load->path_count, sizeof *load->paths);
    load->paths[load->path_count++] = path;
}

const char *loading_path(struct loading *load, const struct word *word)
{
    struct str text = word->text;
    if (text.len == 0 || memchr(text.at, '\0', text.len) != NULL) {
        mistake(load, word, NULL, "expected a path");
        return NULL;
    }
    const struct source_file *file = tree_file(&load->tree, word->place.file);
    const char *path = path_in(load->arena, file != NULL ? file->folder : "/", text);
    add_path(load, path);
    return path;
}

/* Stages. */

static struct config *config_new(void)
{
    struct config *config = must_calloc(1, sizeof *config);
    atomic_init(&config->refs, 1);
    arena_init(&config->arena);
    object_count_up(OBJECT_CONFIG);
    return config;
}

static void set_defaults(struct loading *load)
{
    struct config *config = load->config;
    const struct {
        unsigned kind;
        void *target;
    } blocks[] = {
        {BLOCK_TOP, config},
        {BLOCK_LIMITS, &config->limits},
        {BLOCK_TIMEOUTS, &config->timeouts},
        {BLOCK_RESOLVER, &config->resolver},
    };
    for (size_t i = 0; i < lengthof(blocks); i++) {
        struct scope scope;
        scope_init(&scope, load, NULL, blocks[i].kind, blocks[i].target);
        scope_set_defaults(&scope);
    }
}

/* Room for what is declared, which does not move from now on. */
static void *make_room(struct loading *load, enum name_kind kind, size_t size, size_t *ret_count)
{
    size_t count = load->names[kind].count, i = 0;
    char *rows = arena_zalloc(load->arena, (count + 1) * size);
    for (struct named *named = load->names[kind].first; named != NULL; named = named->next)
        named->conf = rows + size * i++;
    *ret_count = count;
    return rows;
}

static void declare(struct loading *load)
{
    struct config *config = load->config;
    names_declare(load, &load->tree.top, BLOCK_TOP, load->names);
    config->lists = make_room(load, NAME_LIST, sizeof *config->lists, &config->list_count);
    config->logs = make_room(load, NAME_LOG, sizeof *config->logs, &config->log_count);
    config->reverses = make_room(load, NAME_REVERSE, sizeof *config->reverses, &config->reverse_count);
    config->forwards = make_room(load, NAME_FORWARD, sizeof *config->forwards, &config->forward_count);
}

static struct list *list_of(const struct config *config, struct str name)
{
    for (size_t i = 0; config != NULL && i < config->list_count; i++)
        if (str_eq(config->lists[i].name.text, name))
            return config->lists[i].compiled;
    return NULL;
}

static void compile_lists(struct loading *load)
{
    struct config *config = load->config;
    for (size_t i = 0; i < config->list_count; i++) {
        struct list_conf *list = &config->lists[i];
        if (list->file_count > 0)
            list->compiled = list_compile(list, load->opener, list_of(load->previous, list->name.text), load->diag);
    }
}

static struct tls_server *server_of(const struct config *config, const struct tls_server_conf *like)
{
    for (size_t i = 0; config != NULL && i < config->tls_server_count; i++) {
        const struct tls_server_conf *server = config->tls_servers[i];
        if (server->is_forward == like->is_forward && str_eq(server->block.text, like->block.text))
            return server->built;
    }
    return NULL;
}

static struct tls_client *client_of(const struct config *config, struct str pool)
{
    for (size_t i = 0; config != NULL && i < config->pool_count; i++)
        if (config->pools[i]->tls != NULL && str_eq(config->pools[i]->name.text, pool))
            return config->pools[i]->tls->built;
    return NULL;
}

static void build_tls(struct loading *load)
{
    struct config *config = load->config;
    for (size_t i = 0; i < config->tls_server_count; i++) {
        struct tls_server_conf *server = config->tls_servers[i];
        server->built = tls_server_build(server, load->opener, server_of(load->previous, server), load->diag);
    }
    for (size_t i = 0; i < config->pool_count; i++) {
        struct pool_conf *pool = config->pools[i];
        if (pool->tls != NULL)
            pool->tls->built = tls_client_build(pool->tls, load->opener, client_of(load->previous, pool->name.text),
                                                load->diag);
    }
}

/* Without any log: combined lines on stdout. */
static void finish_logs(struct loading *load)
{
    struct config *config = load->config;
    if (config->log_count == 0 && !config->log_is_off) {
        struct scope scope;
        scope_init(&scope, load, NULL, BLOCK_LOG, config->logs); /* there is room for one more than were declared */
        scope_set_defaults(&scope);
        config->logs[0].name.text = STR("log");
        config->log_count = 1;
    }
    for (size_t i = 0; i < config->log_count; i++)
        config->logs[i].index = i;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void finish_paths(struct loading *load)
{
    struct config *config = load->config;
    size_t count = 0;
    for (size_t i = 0; i < load->tree.folder_count; i++)
        add_path(load, load->tree.folders[i]);
    add_path(load, "/"); /* so that there is room for the NULL */
    load->path_count--;
    if (load->path_count > 1)
        qsort(load->paths, load->path_count, sizeof *load->paths, compare);
    for (size_t i = 0; i < load->path_count; i++)
        if (count == 0 || strcmp(load->paths[i], load->paths[count - 1]) != 0)
            load->paths[count++] = load->paths[i];
    load->paths[count] = NULL;
    config->paths = load->paths;

    count = 0;
    config->files = arena_zalloc(load->arena, (load->tree.file_count + 1) * sizeof *config->files);
    for (const struct source_file *file = load->tree.files; file != NULL; file = file->next)
        if (!file->is_text)
            config->files[count++] = file->absolute;
    must(load->tree.files != NULL); /* the one that was named, at least */
    config->path = str_of(load->tree.files->absolute);
}

static void read_all(struct loading *load, const char *path)
{
    struct scope top;
    tree_read(&load->tree, path, load->options->text, load->opener, load->arena, load->diag);
    set_defaults(load);
    declare(load);
    scope_init(&top, load, NULL, BLOCK_TOP, load->config);
    block_read(&top, &load->tree.top);
    modes_read(load);
    if (!load->options->is_shallow) {
        compile_lists(load);
        build_tls(load);
    }
    finish_logs(load);
    finish_paths(load);
    check_blocks(load);
    if (load->diag->errors >= TREE_MISTAKES_MAX)
        diag_add(load->diag, DIAG_ERROR, NULL, NULL, "there are %d mistakes: the rest was not looked at",
                 TREE_MISTAKES_MAX);
    if (load->diag->errors == 0)
        lint_config(load);
}

struct config *conf_load(const char *path, const struct conf_options *options, struct opener *opener,
                         struct config *previous, struct diag *diag)
{
    struct loading load = {
        .config = config_new(),
        .opener = opener,
        .diag = diag,
        .options = options,
        .previous = previous,
    };
    load.arena = &load.config->arena;
    for (size_t i = 0; i < NAME_KIND_COUNT; i++)
        names_init(&load.names[i], NULL);
    read_all(&load, path);
    for (size_t i = 0; i < NAME_KIND_COUNT; i++)
        names_fini(&load.names[i]);
    if (!diag_has_failed(diag))
        return load.config;
    config_unref(load.config);
    return NULL;
}
