#include "observe/access_log.h"

#include "base/must.h"
#include "observe/log_file.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOGS_MAGIC = MAGIC('l', 'o', 'g', 's') };

struct logs {
    uint32_t magic;
    _Atomic unsigned refs;
    const struct log_conf *confs;
    size_t count;
    struct log_file **files; /* one for each row; rows of one path share it */
};

/* What makes two rows one file. */
static struct str key_of(const struct log_conf *conf)
{
    static const char *const standard[] = {[LOG_STDOUT] = ">stdout", [LOG_STDERR] = ">stderr"};
    return str_of(conf->to == LOG_STDOUT || conf->to == LOG_STDERR ? standard[conf->to] : conf->path);
}

static struct log_file *find_file(const struct logs *logs, size_t count, struct str key)
{
    for (size_t i = 0; logs != NULL && i < count; i++)
        if (str_eq(log_file_key(logs->files[i]), key))
            return logs->files[i];
    return NULL;
}

struct logs *logs_new(const struct log_conf *confs, size_t count, int *taken_descriptors, struct logs *previous)
{
    struct logs *logs = must_calloc(1, sizeof *logs);
    logs->magic = LOGS_MAGIC;
    atomic_init(&logs->refs, 1);
    logs->confs = confs;
    logs->files = must_calloc(count + 1, sizeof *logs->files);
    for (; logs->count < count; logs->count++) {
        const struct log_conf *conf = &confs[logs->count];
        struct str key = key_of(conf);
        struct log_file *file = find_file(logs, logs->count, key);
        if (file == NULL)
            file = find_file(previous, previous == NULL ? 0 : previous->count, key);
        if (file == NULL) {
            logs->files[logs->count] = log_file_new(key, conf, taken_descriptors[logs->count]);
            continue;
        }
        if (taken_descriptors[logs->count] >= 0)
            close(taken_descriptors[logs->count]);
        log_file_set_format(file, conf->format);
        logs->files[logs->count] = log_file_ref(file);
    }
    return logs;
}

struct logs *logs_ref(struct logs *logs)
{
    must_be(logs, LOGS_MAGIC);
    atomic_fetch_add_explicit(&logs->refs, 1, memory_order_relaxed);
    return logs;
}

void logs_unref(struct logs *logs)
{
    if (logs == NULL)
        return;
    must_be(logs, LOGS_MAGIC);
    if (atomic_fetch_sub_explicit(&logs->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < logs->count; i++)
        log_file_unref(logs->files[i]);
    free(logs->files);
    free(logs);
}

void logs_reopen(struct logs *logs, size_t index, int taken_descriptor)
{
    must_be(logs, LOGS_MAGIC);
    must(index < logs->count);
    log_file_reopen(logs->files[index], taken_descriptor);
}

void access_log_write(struct logs *logs, size_t index, const struct facts *facts)
{
    static _Thread_local char room[LINE_ROOM];
    must_be(logs, LOGS_MAGIC);
    must(index < logs->count);
    const struct log_conf *conf = &logs->confs[index];
    struct log_view view;
    struct line line;
    log_view_init(&view, conf, facts);
    line_init(&line, room, sizeof room);
    log_format_ops(conf->format)->line(&view, &line);
    log_file_put(logs->files[index], str_from(line.at, line.len));
}

bool logs_may_show(const struct logs *logs, const struct ip *client, struct ip *ret_shown)
{
    enum log_privacy most = PRIVACY_CLEAR;
    for (size_t i = 0; logs != NULL && i < logs->count; i++)
        if (logs->confs[i].addresses > most)
            most = logs->confs[i].addresses;
    *ret_shown = most == PRIVACY_CLEAR ? *client : ip_masked(client, 24, 48);
    return client->version != 0 && (most == PRIVACY_CLEAR || most == PRIVACY_MASKED);
}

size_t logs_count(const struct logs *logs)
{
    return logs->count;
}

void logs_counts(const struct logs *logs, size_t index, struct log_counts *ret)
{
    must(index < logs->count);
    ret->written = log_file_written(logs->files[index]);
    ret->lost = log_file_lost(logs->files[index]);
}

void logs_shutdown(msec patience)
{
    log_files_shutdown(patience);
}
