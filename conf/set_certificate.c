/* `certificate` in its three forms: files, `auto`, `self-signed`. */
#include "conf/setters.h"

#include "conf/array.h"
#include "conf/block.h"

#include "base/hostname.h"
#include "base/must.h"
#include "base/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 100, URL_MAX = 200, EMAIL_MAX = 254, PROGRAM_MAX = 4096 };

/* The folder for what outlives the process. */

char *state_default_path(void)
{
    const char *told = getenv(STATE_VARIABLE), *own = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (told != NULL && told[0] == '/')
        return must_strdup(told);
    if (geteuid() == 0)
        return must_strdup(LOCALSTATEDIR "/lib/gatehouse");
    int done = own != NULL && own[0] == '/'     ? asprintf(&path, "%s/gatehouse", own)
               : home != NULL && home[0] == '/' ? asprintf(&path, "%s/.local/state/gatehouse", home)
                                                : 0;
    if (done < 0)
        die(__FILE__, __LINE__, "out of memory");
    return path;
}

/* NULL after a mistake. */
static const char *state_folder(struct loading *load, const struct word *for_whom)
{
    struct process_conf *process = &load->config->process;
    if (process->state == NULL) {
        char *path = state_default_path();
        process->state = path != NULL ? arena_cstr(load->arena, str_of(path)) : NULL;
        free(path);
    }
    if (process->state == NULL)
        mistake(load, for_whom, "add at top level: state DIR", "there is no folder to keep certificates in");
    return process->state;
}

/* Reading. */

/* Made by the first of `certificate` and `tls`. */
struct tls_server_conf *tls_of_mode(struct scope *outer)
{
    struct mode_draft *mode = outer->target;
    struct loading *load = outer->load;
    struct config *config = load->config;
    struct scope scope;
    if (mode->tls != NULL)
        return mode->tls;
    mode->tls = arena_new(load->arena, struct tls_server_conf);
    mode->tls->block = *mode->name;
    mode->tls->is_forward = mode->kind == BLOCK_FORWARD;
    mode->tls->index = config->tls_server_count;
    scope_init(&scope, load, outer, BLOCK_TLS, mode->tls);
    scope_set_defaults(&scope);
    config->tls_servers = array_room(load->arena, config->tls_servers, config->tls_server_count,
                                     sizeof *config->tls_servers);
    config->tls_servers[config->tls_server_count++] = mode->tls;
    return mode->tls;
}

/* … by a `certificate`. */
static struct tls_server_conf *server_of(struct scope *scope, const struct word *place)
{
    struct tls_server_conf *tls = tls_of_mode(scope);
    if (tls->place.text.at == NULL)
        tls->place = *place;
    return tls;
}

static void add_certificate(struct loading *load, struct tls_server_conf *tls, const struct certificate_conf *new)
{
    tls->certificates = array_room(load->arena, tls->certificates, tls->certificate_count, sizeof *tls->certificates);
    tls->certificates[tls->certificate_count++] = *new;
}

/* A key that stood in a certificate's file would come to the worker with it. */
bool certificate_read(struct loading *load, const struct setting *setting, struct certificate_conf *ret)
{
    struct certificate_conf new = {.certificate = setting->args[0], .key = setting->args[1]};
    new.certificate_path = loading_path(load, &new.certificate);
    new.key_path = loading_path(load, &new.key);
    if (new.certificate_path == NULL || new.key_path == NULL)
        return false;
    if (strcmp(new.certificate_path, new.key_path) == 0)
        return mistake(load, &new.key, "the process that reads certificates is not to see keys",
                       "certificate and key need files of their own");
    *ret = new;
    return true;
}

static const struct certificate_conf *find_same(const struct tls_server_conf *tls, const struct certificate_conf *as)
{
    for (size_t i = 0; tls != NULL && i < tls->certificate_count; i++)
        if (strcmp(tls->certificates[i].certificate_path, as->certificate_path) == 0 &&
            strcmp(tls->certificates[i].key_path, as->key_path) == 0)
            return &tls->certificates[i];
    return NULL;
}

static bool read_files(struct scope *scope, const struct setting *setting)
{
    const struct mode_draft *mode = scope->target;
    struct certificate_conf new;
    if (!certificate_read(scope->load, setting, &new))
        return false;
    const struct certificate_conf *first = find_same(mode->tls, &new);
    if (first != NULL)
        return mistake(scope->load, &new.certificate, loading_where(scope->load, &first->certificate, &new.certificate),
                       "the certificate '%.*s' stands in this block twice", STR_ARGS(new.certificate.text));
    add_certificate(scope->load, server_of(scope, &setting->args[0]), &new);
    return true;
}

/* What is ordered is told by an `uacme` of the machine. */
static bool has_program(struct loading *load, const struct word *word)
{
    char path[PROGRAM_MAX];
    return !load->options->looks_for_programs || program_find("uacme", path, sizeof path) ||
           mistake(load, word, "on Debian: apt-get install uacme",
                   "'certificate auto' needs the program uacme, which is not in PATH");
}

static bool read_auto(struct scope *outer, const struct setting *setting)
{
    struct loading *load = outer->load;
    const struct word *word = &setting->args[0];
    struct acme_conf *acme = arena_new(load->arena, struct acme_conf);
    struct scope scope;
    unsigned errors = load->diag->errors;
    scope_init(&scope, load, outer, BLOCK_ACME, acme);
    scope_set_defaults(&scope);
    if (setting->statement->block != NULL)
        block_read(&scope, setting->statement->block);
    if (load->diag->errors != errors || !has_program(load, word))
        return false;
    if (!acme->agrees)
        return mistake(load, word, "write: certificate auto { email ADDRESS; agree-terms on }",
                       "nothing is ordered before you agree to the authority's terms");
    server_of(outer, word)->acme = acme;
    return true;
}

static bool is_word(const struct word *word, const char *text)
{
    return !word->quoted && str_eq(word->text, str_of(text));
}

static bool check_form(struct loading *load, const struct setting *setting, bool is_auto, bool is_self_signed)
{
    const struct block *block = setting->statement->block;
    const struct word brace = {.place = block != NULL ? block->open : (struct place){0}};
    const char *hint =
        "write: certificate CERTIFICATE-FILE KEY-FILE, certificate auto { … } or certificate self-signed";
    if ((is_auto || is_self_signed) && setting->count > 1)
        return mistake(load, &setting->args[1], hint, "unexpected '%.*s' after '%.*s'", STR_ARGS(setting->args[1].text),
                       STR_ARGS(setting->args[0].text));
    if (!is_auto && block != NULL)
        return mistake(load, &brace, hint, "only 'certificate auto' has a block");
    if (!is_auto && !is_self_signed && setting->count < 2)
        return mistake(load, &setting->args[0], hint, "'certificate' names one file, and needs two");
    return true;
}

bool set_certificate(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    const struct mode_draft *mode = scope->target;
    const struct word *word = &setting->args[0];
    bool is_auto = is_word(word, "auto"), is_self_signed = is_word(word, "self-signed");
    if (!check_form(load, setting, is_auto, is_self_signed))
        return false;
    bool is_first = mode->tls == NULL || mode->tls->place.text.at == NULL;
    if (!is_first && (is_auto || is_self_signed || mode->tls->source != CERTIFICATE_FILES))
        return mistake(load, word, loading_where(load, &mode->tls->place, word),
                       "'auto' and 'self-signed' are for a block without another certificate");
    if (is_auto ? !read_auto(scope, setting) : !is_self_signed && !read_files(scope, setting))
        return false;
    if (is_auto || is_self_signed)
        server_of(scope, word)->source = is_auto ? CERTIFICATE_AUTO : CERTIFICATE_SELF_SIGNED;
    return true;
}

/* These become arguments of a program. */
static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || strchr("\"'\\<>", text.at[i]) != NULL)
            return false;
    return true;
}

bool set_acme_email(struct scope *scope, const struct setting *setting)
{
    struct acme_conf *acme = scope->target;
    const struct word *word = &setting->args[0];
    size_t at = str_find(word->text, '@');
    if (!is_printable(word->text) || at == 0 || at + 1 >= word->text.len || word->text.at[0] == '-' ||
        word->text.len > EMAIL_MAX)
        return mistake(scope->load, word, "as in admin@example.org", "'%.*s' is no address of mail",
                       STR_ARGS(word->text));
    acme->email = word->text;
    return true;
}

/* https://acme.example:14000/dir: account and certificates of each authority lie in a folder of their own, which one
   can find. */
static const char *folder_of(struct loading *load, const char *state, struct str url)
{
    char *folder = (char *)(uintptr_t)arena_printf(load->arena, "%s/acme/%.*s", state, STR_ARGS(url)).at;
    for (char *at = folder + strlen(state) + sizeof "/acme/" - 1; *at != '\0'; at++)
        if (!char_is_alpha(*at) && !char_is_digit(*at) && *at != '.' && *at != '-')
            *at = '_';
    return folder;
}

bool set_acme_directory(struct scope *scope, const struct setting *setting)
{
    static const struct str scheme = {"https://", 8};
    struct acme_conf *acme = scope->target;
    const struct word *word = &setting->args[0];
    struct str rest = str_skip(word->text, scheme.len);
    bool is_url = str_starts(word->text, scheme) && rest.len > 0 &&
                  (char_is_alpha(rest.at[0]) || char_is_digit(rest.at[0]) || rest.at[0] == '[');
    if (!is_url || !is_printable(rest) || word->text.len > URL_MAX)
        return mistake(scope->load, word, "as in https://acme-v02.api.letsencrypt.org/directory",
                       "'%.*s' is no URL of an authority: it begins with https://", STR_ARGS(word->text));
    acme->directory = word->text;
    return true;
}

/* When the block is whole. */

/* As a certificate has them: a line each. */
static struct str names_of(struct loading *load, const struct mode_draft *mode)
{
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < mode->host_count; i++) {
        const struct host_pattern *pattern = &mode->hosts[i];
        if (pattern->kind == HOST_EXACT || pattern->kind == HOST_SUFFIX)
            text_printf(&text, "%.*s\n", STR_ARGS(pattern->name));
        if (pattern->kind == HOST_BELOW || pattern->kind == HOST_SUFFIX)
            text_printf(&text, "*.%.*s\n", STR_ARGS(pattern->name));
    }
    if (text.len == 0)
        text_add_cstr(&text, "localhost\n");
    struct str names = arena_dup(load->arena, text_str(&text));
    text_fini(&text);
    return names;
}

static bool check_pattern(struct loading *load, const struct host_pattern *pattern)
{
    const struct word *word = &pattern->word;
    if (pattern->kind == HOST_DEFAULT)
        return mistake(load, word, "name the hosts, or write: certificate CERTIFICATE-FILE KEY-FILE",
                       "'certificate auto' in a block for all the rest: a certificate is ordered for names");
    if (pattern->kind != HOST_EXACT)
        return mistake(load, word, "name the hosts one by one, or write: certificate CERTIFICATE-FILE KEY-FILE",
                       "'certificate auto' cannot order for '%.*s': its challenges prove single names",
                       STR_ARGS(word->text));
    if (hostname_is_numeric_like(pattern->name) || str_find(pattern->name, ':') < pattern->name.len)
        return mistake(load, word, NULL, "'certificate auto' orders for names, and '%.*s' is an address",
                       STR_ARGS(word->text));
    return true;
}

static bool check_names(struct scope *scope)
{
    struct loading *load = scope->load;
    const struct mode_draft *mode = scope->mode;
    const struct word *place = &mode->tls->place;
    bool fine = true;
    if (mode->kind == BLOCK_FORWARD || mode->kind == BLOCK_PASSTHROUGH)
        return mistake(load, place, "write: certificate CERTIFICATE-FILE KEY-FILE",
                       "'certificate auto' is for the hosts of a reverse block, where TLS ends");
    if (!scope_may_have(scope, "host"))
        return mistake(load, place, "add: host NAME...",
                       "'certificate auto' in a block without 'host': a certificate is ordered for names");
    for (size_t i = 0; i < mode->host_count; i++)
        fine &= check_pattern(load, &mode->hosts[i]);
    if (mode->host_count > NAMES_MAX)
        return mistake(load, place, "write a block for some of them",
                       "'certificate auto' for more than %d names: authorities refuse that", NAMES_MAX);
    return fine && mode->host_count > 0;
}

/* The files that uacme makes. */
static void name_files(struct loading *load, const struct mode_draft *mode)
{
    struct tls_server_conf *tls = mode->tls;
    const char *state = state_folder(load, &tls->place);
    if (state == NULL)
        return;
    tls->acme->folder = folder_of(load, state, str_skip(tls->acme->directory, sizeof "https://" - 1));
    tls->acme->first = arena_cstr(load->arena, mode->hosts[0].name);
    struct certificate_conf new = {.certificate = tls->place, .key = tls->place};
    new.certificate_path = arena_printf(load->arena, "%s/%s/cert.pem", tls->acme->folder, tls->acme->first).at;
    new.key_path = arena_printf(load->arena, "%s/private/%s/key.pem", tls->acme->folder, tls->acme->first).at;
    add_certificate(load, tls, &new);
}

void certificate_finish(struct scope *scope)
{
    struct loading *load = scope->load;
    const struct mode_draft *mode = scope->mode;
    if (mode->tls == NULL || mode->tls->source == CERTIFICATE_FILES)
        return;
    mode->tls->names = names_of(load, mode);
    if (mode->tls->source == CERTIFICATE_AUTO && check_names(scope))
        name_files(load, mode);
}
