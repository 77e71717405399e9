#include "process/edition.h"

#include "base/must.h"
#include "base/zone.h"
#include "conf/loader.h"
#include "process/frozen.h"
#include "process/generation_build.h"
#include "process/machine.h"

#include <errno.h>
#include <stdlib.h>

enum { KEPT_MAX = 16 * 1024 * 1024 }; /* bytes of a file; larger ones are opened anew each time */

struct kept {
    struct kept *next;
    char *path;
    char *bytes;
    size_t len;
};

struct recorder {
    struct opener opener;
    struct edition *edition;
    const struct edition_source *source;
};

static const struct kept *find_kept(const struct edition *edition, const char *path)
{
    for (const struct kept *kept = edition->kept; kept != NULL; kept = kept->next)
        if (strcmp(kept->path, path) == 0)
            return kept;
    return NULL;
}

static void keep(struct edition *edition, const char *path, char *taken_bytes, size_t len)
{
    struct kept *kept = must_alloc(sizeof *kept);
    *kept = (struct kept){.next = edition->kept, .path = must_strdup(path), .bytes = taken_bytes, .len = len};
    edition->kept = kept;
}

static int record(struct opener *opener, const char *path, enum open_purpose purpose)
{
    struct recorder *recorder = container_of(opener, struct recorder, opener);
    const char *text = strcmp(path, recorder->source->path) == 0 ? recorder->source->text : NULL;
    if (purpose != OPEN_READ)
        return opener_direct()->open(opener_direct(), path, purpose);
    const struct kept *kept = find_kept(recorder->edition, path);
    if (kept == NULL) {
        char *bytes = text != NULL ? must_strdup(text) : NULL;
        size_t len = text != NULL ? strlen(text) : 0;
        if (bytes == NULL && !opener_read(opener_direct(), path, KEPT_MAX, &bytes, &len))
            return errno == EFBIG ? opener_direct()->open(opener_direct(), path, purpose) : -1;
        keep(recorder->edition, path, bytes, len);
        kept = recorder->edition->kept;
    }
    return frozen_bytes(kept->bytes, kept->len);
}

static bool find_people(struct edition *edition, struct diag *diag)
{
    char why[160];
    const struct process_conf *process = &edition->config->process;
    edition->threads = process->threads != 0 ? process->threads : machine_cores();
    gid_t ignored;
    if (process->control_group != NULL && !identity_group(process->control_group, &ignored))
        diag_add(diag, DIAG_ERROR, NULL, NULL, "control: there is no group '%s'", process->control_group);
    if (!identity_find(process, &edition->identity, why, sizeof why))
        diag_add(diag, DIAG_ERROR, NULL, NULL, "user: %s", why);
    return !diag_has_failed(diag);
}

struct edition *edition_load(const struct edition_source *source, struct diag *diag)
{
    struct edition *edition = must_calloc(1, sizeof *edition);
    edition->refs = 1;
    struct recorder recorder = {.opener = {.open = record}, .edition = edition, .source = source};
    struct conf_options options = {.is_shallow = true, .looks_for_programs = true};
    edition->config = conf_load(source->path, &options, &recorder.opener, NULL, diag);
    if (edition->config == NULL || !find_people(edition, diag)) {
        edition_unref(edition);
        return NULL;
    }
    pairs_init(&edition->pairs, edition->config);
    return edition;
}

struct edition *edition_ref(struct edition *edition)
{
    edition->refs++;
    return edition;
}

void edition_unref(struct edition *edition)
{
    if (edition == NULL || --edition->refs > 0)
        return;
    while (edition->kept != NULL) {
        struct kept *kept = edition->kept;
        edition->kept = kept->next;
        free(kept->path);
        free(kept->bytes);
        free(kept);
    }
    pairs_fini(&edition->pairs);
    if (edition->config != NULL)
        config_unref(edition->config);
    free(edition);
}

/* What the worker may have */

static bool has_path(const char *const *paths, const char *path)
{
    for (; paths != NULL && *paths != NULL; paths++)
        if (strcmp(*paths, path) == 0)
            return true;
    return false;
}

/* Tables that anybody on the machine may read. */
static bool is_of_system(const char *path)
{
    static const char zones[] = "/usr/share/zoneinfo/";
    static const char *const tables[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/localtime", "/etc/nsswitch.conf",
                                         NULL};
    if (strncmp(path, zones, sizeof zones - 1) == 0)
        return zone_is_name(str_of(path + sizeof zones - 1));
    return has_path(tables, path);
}

/* A file that the worker reads whenever it has changed, and not as it was when the configuration was loaded. */
static bool is_live(const struct edition *edition, const char *path)
{
    const char *hosts = edition->config->resolver.hosts;
    return hosts != NULL && strcmp(path, hosts) == 0;
}

int edition_open(const struct edition *edition, const char *path, enum open_purpose purpose)
{
    const struct kept *kept = purpose == OPEN_READ && !is_live(edition, path) ? find_kept(edition, path) : NULL;
    if (kept != NULL)
        return frozen_bytes(kept->bytes, kept->len);
    bool is_named = has_path(edition->config->paths, path) || has_path(edition->config->files, path);
    if (purpose == OPEN_APPEND || (!is_named && !(purpose == OPEN_READ && is_of_system(path)))) {
        errno = EACCES;
        return -1;
    }
    return opener_direct()->open(opener_direct(), path, purpose);
}

/* What has changed */

/* Names of one kind in a configuration; `next` gives the text of row `index`, at == NULL behind the last. */
struct names {
    const char *what;
    struct str (*at)(const struct config *config, size_t index);
};

struct listens_seen {
    size_t wanted;
    size_t index;
    struct str text;
};

static void see_listen(void *arg, const struct listen_conf *listen)
{
    struct listens_seen *seen = arg;
    if (seen->index++ == seen->wanted)
        seen->text = listen->address.text;
}

static struct str listen_at(const struct config *config, size_t index)
{
    struct listens_seen seen = {.wanted = index};
    listens_each(config, see_listen, &seen);
    return seen.text;
}

static struct str reverse_at(const struct config *config, size_t index)
{
    return index < config->reverse_count ? config->reverses[index].name.text : STR_NONE;
}

static struct str forward_at(const struct config *config, size_t index)
{
    return index < config->forward_count ? config->forwards[index].name.text : STR_NONE;
}

static struct str pool_at(const struct config *config, size_t index)
{
    return index < config->pool_count ? config->pools[index]->name.text : STR_NONE;
}

static struct str list_at(const struct config *config, size_t index)
{
    return index < config->list_count ? config->lists[index].name.text : STR_NONE;
}

static const struct names kinds[] = {
    {"listen", listen_at}, {"reverse", reverse_at}, {"forward", forward_at}, {"pool", pool_at}, {"list", list_at}};

static bool has_name(const struct names *names, const struct config *config, struct str name)
{
    struct str other;
    for (size_t i = 0; (other = names->at(config, i)).at != NULL; i++)
        if (str_eq(other, name))
            return true;
    return false;
}

static void tell_missing(const struct names *names, const struct config *in, const struct config *from, char sign,
                         struct text *into)
{
    struct str name;
    for (size_t i = 0; (name = names->at(in, i)).at != NULL; i++)
        if (!has_name(names, from, name))
            text_printf(into, "  %c %s %.*s\n", sign, names->what, STR_ARGS(name));
}

static void tell_files(const struct edition *before, const struct edition *after, struct text *into)
{
    for (const struct kept *kept = after->kept; kept != NULL; kept = kept->next) {
        const struct kept *old = find_kept(before, kept->path);
        if (old == NULL)
            text_printf(into, "  new file %s\n", kept->path);
        else if (old->len != kept->len || memcmp(old->bytes, kept->bytes, kept->len) != 0)
            text_printf(into, "  changed file %s\n", kept->path);
    }
    for (const struct kept *kept = before->kept; kept != NULL; kept = kept->next)
        if (find_kept(after, kept->path) == NULL)
            text_printf(into, "  no more file %s\n", kept->path);
}

void edition_compare(const struct edition *before, const struct edition *after, struct text *into)
{
    size_t len = into->len;
    tell_files(before, after, into);
    for (size_t i = 0; i < lengthof(kinds); i++) {
        tell_missing(&kinds[i], before->config, after->config, '-', into);
        tell_missing(&kinds[i], after->config, before->config, '+', into);
    }
    if (into->len == len)
        text_add_cstr(into, "  the same text; lists that have changed were read again\n");
}
