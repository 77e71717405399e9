#include "process/worker_load.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/must.h"
#include "base/object.h"
#include "base/regex.h"
#include "conf/loader.h"
#include "flow/buffer.h"
#include "process/policy_test.h"
#include "process/remote_opener.h"

#include <stdlib.h>
#include <unistd.h>

/* On the helper thread. */
static void work(struct helper_job *job)
{
    struct load *load = container_of(job, struct load, job);
    struct diag diag;
    diag_init(&diag);
    struct conf_options options = {0};
    load->config = conf_load(load->path, &options, remote_opener(), load->previous, &diag);
    if (load->config != NULL)
        policy_test_run(load->config, &diag);
    diag_show(&diag, &load->told);
    if (load->config != NULL && diag_has_failed(&diag)) {
        config_unref(load->config);
        load->config = NULL;
    }
    diag_fini(&diag);
    regex_thread_done();
    buffer_thread_done();
    arena_thread_done();
    memory_thread_done();
    object_thread_done();
}

static void done(struct helper_job *job)
{
    struct load *load = container_of(job, struct load, job);
    if (load->worker == NULL) {
        load_free(load);
        return;
    }
    if (load->config != NULL) {
        load->logs = must_calloc(load->config->log_count + 1, sizeof *load->logs);
        for (size_t i = 0; i < load->config->log_count; i++)
            load->logs[i] = -1;
    }
    load_done(load);
}

struct load *load_new(struct worker *worker, unsigned number, struct str path, struct config *previous)
{
    struct load *load = must_calloc(1, sizeof *load);
    load->job.work = work;
    load->job.done = done;
    load->worker = worker;
    load->number = number;
    load->path = strndup(path.at, path.len);
    must(load->path != NULL);
    load->previous = previous != NULL ? config_ref(previous) : NULL;
    text_init(&load->told);
    helper_give(&load->job);
    return load;
}

void load_free(struct load *load)
{
    if (load == NULL)
        return;
    given_free(load->given);
    for (size_t i = 0; load->logs != NULL && i < load->config->log_count; i++)
        if (load->logs[i] >= 0)
            close(load->logs[i]);
    free(load->logs);
    if (load->config != NULL)
        config_unref(load->config);
    if (load->previous != NULL)
        config_unref(load->previous);
    text_fini(&load->told);
    free(load->path);
    free(load);
}
