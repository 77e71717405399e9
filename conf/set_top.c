/* Directives of the process: limits, time-outs, resolver, logs. */
#include "conf/setters.h"

#include "conf/array.h"
#include "conf/block.h"
#include "conf/value.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of limits and timeouts there are kinds by where they stand. */
static bool read_inner(struct scope *outer, const struct setting *setting, unsigned kind_at_top, void *target,
                       struct scope *scope)
{
    unsigned kind = outer->kind == BLOCK_TOP           ? kind_at_top
                    : outer->kind == BLOCK_ROUTE       ? kind_at_top << 2
                    : outer->kind == BLOCK_PASSTHROUGH ? BLOCK_TIMEOUTS_PASSTHROUGH
                                                       : kind_at_top << 1;
    unsigned errors = outer->load->diag->errors;
    scope_init(scope, outer->load, outer, kind, target);
    block_read(scope, setting->statement->block);
    return outer->load->diag->errors == errors;
}

bool set_limits(struct scope *scope, const struct setting *setting)
{
    struct config *config = scope->load->config;
    struct scope inner;
    struct limits *limits = scope->kind == BLOCK_TOP ? &config->limits : &scope->mode->settings.limits;
    if (!read_inner(scope, setting, BLOCK_LIMITS, limits, &inner))
        return false;
    bool is_own = inner.kind != BLOCK_LIMITS_ROUTE && scope_may_have(&inner, "field-size");
    if (!is_own && limits->field_size > limits->header_size)
        limits->field_size = limits->header_size; /* a default follows */
    if (limits->field_size <= limits->header_size)
        return true;
    return mistake(scope->load, setting->name, "raise header-size, or lower field-size",
                   "one field may be larger than a whole head: field-size is above header-size");
}

bool set_timeouts(struct scope *scope, const struct setting *setting)
{
    struct config *config = scope->load->config;
    bool is_top = scope->kind == BLOCK_TOP;
    struct scope inner;
    return read_inner(scope, setting, BLOCK_TIMEOUTS, is_top ? &config->timeouts : &scope->mode->settings.timeouts,
                      &inner);
}

/* The system's own may be missing, one that the configuration names may not. */
static const char *find_wrong_hosts(struct loading *load, const struct resolver_conf *conf)
{
    struct stat info;
    if (conf->hosts == NULL || strcmp(conf->hosts, "/etc/hosts") == 0)
        return NULL;
    int fd = load->opener->open(load->opener, conf->hosts, OPEN_READ);
    if (fd < 0)
        return strerror(errno);
    bool is_large = fstat(fd, &info) == 0 && info.st_size > HOSTS_FILE_MAX;
    close(fd);
    return is_large ? "it is larger than 16 MiB" : NULL;
}

bool set_resolver(struct scope *outer, const struct setting *setting)
{
    struct resolver_conf *conf = &outer->load->config->resolver;
    unsigned errors = outer->load->diag->errors;
    struct scope scope;
    scope_init(&scope, outer->load, outer, BLOCK_RESOLVER, conf);
    block_read(&scope, setting->statement->block);
    const char *wrong = outer->load->diag->errors == errors ? find_wrong_hosts(outer->load, conf) : NULL;
    if (wrong != NULL)
        return mistake(outer->load, setting->name, NULL, "cannot read the hosts file '%s': %s", conf->hosts, wrong);
    if (outer->load->diag->errors == errors && conf->min_ttl > conf->max_ttl)
        return mistake(outer->load, setting->name, NULL, "min-ttl is above max-ttl");
    return true;
}

bool set_nameserver(struct scope *scope, const struct setting *setting)
{
    static const struct value_address form = {.what = "the address of a name server", .default_port = 53};
    struct resolver_conf *conf = scope->target;
    conf->nameservers = arena_zalloc(scope->load->arena, setting->count * sizeof *conf->nameservers);
    bool fine = true;
    for (size_t i = 0; i < setting->count; i++)
        fine &= value_address(&setting->args[i], scope->load->diag, &form, &conf->nameservers[i]);
    conf->nameserver_count = setting->count;
    return fine;
}

/* `log off` and logs exclude each other; `off` is no name. */
static bool set_log_off(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    const struct named *log = load->names[NAME_LOG].first;
    const struct word *off = &setting->args[0];
    if (load->log_off != NULL)
        return mistake(load, off, loading_where(load, load->log_off, off), "a second 'log off'");
    load->log_off = off;
    load->config->log_is_off = true;
    return log == NULL || mistake(load, off, loading_where(load, &log->name, off), "'log off' beside a log");
}

bool set_log(struct scope *outer, const struct setting *setting)
{
    struct loading *load = outer->load;
    const struct block *block = setting->statement->block;
    if (setting->count == 1 && str_eq(setting->args[0].text, STR("off"))) {
        const struct word brace = {.place = block != NULL ? block->open : (struct place){0}};
        return block == NULL ? set_log_off(outer, setting) : mistake(load, &brace, NULL, "'log off' has no block");
    }
    if (block == NULL)
        return mistake(load, setting->name, "write: log [NAME] { … }, or log off", "'log' needs a block");
    struct named *named = names_of_statement(&load->names[NAME_LOG], setting->statement);
    if (named == NULL)
        return false;
    struct log_conf *conf = named->conf;
    conf->name = named->name;
    struct scope scope;
    scope_init(&scope, load, outer, BLOCK_LOG, conf);
    scope_set_defaults(&scope);
    block_read(&scope, block);
    return true;
}

/* Numeric, because nothing is resolved before there is a log. */
static const char *syslog_address(struct loading *load, const struct word *word)
{
    static const struct value_address form = {
        .what = "the address of a syslog", .default_port = 514, .may_be_unix = true};
    struct addr addr;
    char text[ADDR_TEXT_MAX];
    if (!value_address(word, load->diag, &form, &addr))
        return NULL;
    return arena_cstr(load->arena, str_from(text, addr_text(&addr, text)));
}

bool set_log_to(struct scope *scope, const struct setting *setting)
{
    static const struct {
        const char *name;
        enum log_to to;
        const char *needs;
    } kinds[] = {
        {"file", LOG_FILE, "a path"},
        {"stdout", LOG_STDOUT, NULL},
        {"stderr", LOG_STDERR, NULL},
        {"syslog", LOG_SYSLOG, "an address"},
    };
    static const char *const names[] = {"file", "stdout", "stderr", "syslog", NULL};
    struct loading *load = scope->load;
    struct log_conf *conf = scope->target;
    const struct word *word = &setting->args[0], *more = setting->count > 1 ? &setting->args[1] : NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_eq(word->text, str_of(kinds[i].name)))
            continue;
        if (kinds[i].needs != NULL && more == NULL)
            return mistake(load, word, NULL, "'%s' needs %s", kinds[i].name, kinds[i].needs);
        if (kinds[i].needs == NULL && more != NULL)
            return mistake(load, more, NULL, "unexpected '%.*s' after '%s'", STR_ARGS(more->text), kinds[i].name);
        conf->to = kinds[i].to;
        if (kinds[i].needs == NULL)
            return true;
        conf->path = conf->to == LOG_SYSLOG ? syslog_address(load, more) : loading_path(load, more);
        return conf->path != NULL;
    }
    const char *nearest = diag_nearest(word->text, names);
    const char *hint = nearest ? arena_printf(load->arena, "did you mean '%s'?", nearest).at
                               : "write: to file PATH, stdout, stderr or syslog ADDRESS";
    return mistake(load, word, hint, "a log does not go to '%.*s'", STR_ARGS(word->text));
}

bool set_log_format(struct scope *scope, const struct setting *setting)
{
    static const char *const names[] = {[LOG_JSON] = "json", [LOG_COMBINED] = "combined", [LOG_SQUID] = "squid", NULL};
    struct loading *load = scope->load;
    struct log_conf *conf = scope->target;
    const struct word *word = &setting->args[0];
    if (word->quoted) {
        conf->format = LOG_TEMPLATE;
        return value_template(word, load->diag, load->arena, TEMPLATE_LOG, &conf->template);
    }
    for (unsigned i = 0; names[i] != NULL; i++)
        if (str_eq(word->text, str_of(names[i]))) {
            conf->format = (enum log_format)i;
            return true;
        }
    const char *nearest = diag_nearest(word->text, names);
    const char *hint = nearest ? arena_printf(load->arena, "did you mean '%s'?", nearest).at
                               : "json, combined, squid, or a text in quotes";
    return mistake(load, word, hint, "unknown log format '%.*s'", STR_ARGS(word->text));
}

bool set_redact(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct log_conf *conf = scope->target;
    bool fine = true;
    for (size_t i = 0; i < setting->count; i++) {
        conf->redact = array_room(load->arena, conf->redact, conf->redact_count, sizeof *conf->redact);
        fine &= value_field(&setting->args[i], load->diag, load->arena, &conf->redact[conf->redact_count++]);
    }
    return fine;
}
