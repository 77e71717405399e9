#include "process/stapling.h"

#include "base/list.h"
#include "base/must.h"
#include "loop/timer.h"
#include "net/resolver.h"
#include "net/tls_ocsp.h"
#include "process/ocsp_fetch.h"

#include <stdio.h>
#include <stdlib.h>

/* After a failure it is asked again, the sooner the fewer there were; after an answer, in the middle of the time that
   it is good for. */
enum { RETRY_MIN_MS = 2 * MSEC_SECOND, RETRY_MAX_MS = MSEC_HOUR, FRESH_MIN_MS = 5 * MSEC_SECOND };
#define FRESH_MAX_MS (24 * (msec)MSEC_HOUR)

/* A certificate, in whichever blocks it is. */
struct staple {
    struct list link;
    struct stapling *stapling;
    const char *path; /* of the certificate, in the configuration */
    struct tls_ocsp *ocsp;
    struct str answer; /* the last good one, owned; at == NULL: none yet */
    int64_t until;
    msec retry;
    const char *told; /* what was last told to be wrong */
    struct ocsp_fetch *fetch;
    struct task task;
    struct timer timer;
    bool is_wanted;
};

struct stapling {
    struct list staples;
    struct config *config; /* counted; NULL: none yet */
    struct resolver *resolver;
    struct opener *opener;
};

static int64_t now_seconds(void)
{
    return wall_seconds(clock_wall());
}

/* Where a certificate is shown */

/* Calls `act` for each certificate of the blocks that want staples. */
static void each_certificate(const struct stapling *stapling, void *arg,
                             void (*act)(void *arg, const struct tls_server_conf *server, size_t index))
{
    for (size_t i = 0; i < stapling->config->tls_server_count; i++)
        for (size_t k = 0; k < stapling->config->tls_servers[i]->certificate_count; k++)
            act(arg, stapling->config->tls_servers[i], k);
}

static void show(void *arg, const struct tls_server_conf *server, size_t index)
{
    const struct staple *staple = arg;
    if (server->stapling)
        tls_server_staple(server->built, index, staple->ocsp, staple->answer, staple->until);
}

static void show_all(struct staple *staple)
{
    if (staple->answer.at != NULL && staple->until > now_seconds())
        each_certificate(staple->stapling, staple, show);
}

/* What a responder says */

/* Once for each that is new, and once more when all is well again. */
static void tell(struct staple *staple, const char *why)
{
    if (why != NULL && staple->told != NULL && strcmp(why, staple->told) == 0)
        return;
    struct str url = tls_ocsp_url(staple->ocsp);
    if (why != NULL)
        fprintf(stderr, "gatehouse: no new OCSP staple for the certificate %s: %.*s: %s\n", staple->path, STR_ARGS(url),
                why);
    else if (staple->told != NULL)
        fprintf(stderr, "gatehouse: a new OCSP staple for the certificate %s, at last\n", staple->path);
    staple->told = why;
}

static void plan_retry(struct staple *staple)
{
    staple->retry = staple->retry == 0 ? RETRY_MIN_MS : 2 * staple->retry;
    if (staple->retry > RETRY_MAX_MS)
        staple->retry = RETRY_MAX_MS;
    timer_set(&staple->timer, staple->retry);
}

static void plan_next(struct staple *staple)
{
    msec left = (staple->until - now_seconds()) * MSEC_SECOND / 2;
    staple->retry = 0;
    timer_set(&staple->timer, left < FRESH_MIN_MS ? FRESH_MIN_MS : left > FRESH_MAX_MS ? FRESH_MAX_MS : left);
}

static void keep(struct staple *staple, struct str answer, int64_t until)
{
    char *copy = must_copy(answer.at, answer.len);
    free((char *)(uintptr_t)staple->answer.at);
    staple->answer = str_from(copy, answer.len);
    staple->until = until;
}

/* That it was revoked is no staple either, but the old one would be a lie. */
static void drop_answer(struct staple *staple)
{
    free((char *)(uintptr_t)staple->answer.at);
    staple->answer = STR_NONE;
    each_certificate(staple->stapling, staple, show);
}

static void take_answer(struct staple *staple, struct str answer)
{
    struct tls_ocsp_verdict verdict;
    tls_ocsp_judge(staple->ocsp, answer, now_seconds(), &verdict);
    tell(staple, verdict.why);
    if (verdict.why != NULL) {
        if (verdict.is_revoked)
            drop_answer(staple);
        plan_retry(staple);
        return;
    }
    keep(staple, answer, verdict.until);
    show_all(staple);
    plan_next(staple);
}

static void run(struct task *task)
{
    struct staple *staple = container_of(task, struct staple, task);
    struct str answer;
    const char *why;
    if (staple->fetch == NULL) {
        if (!timer_is_due(&staple->timer))
            return;
        timer_clear(&staple->timer);
        staple->fetch = ocsp_fetch_new(staple->stapling->resolver, staple->ocsp, &staple->task);
    }
    enum flow flow = ocsp_fetch_poll(staple->fetch, task, &answer, &why);
    if (flow == FLOW_WAIT)
        return;
    if (flow == FLOW_MORE) {
        task_wake(task);
        return;
    }
    if (flow == FLOW_END) {
        take_answer(staple, answer);
    } else {
        tell(staple, why);
        plan_retry(staple);
    }
    ocsp_fetch_free(staple->fetch);
    staple->fetch = NULL;
}

/* Which certificates there are */

static void free_staple(struct staple *staple)
{
    list_remove(&staple->link);
    ocsp_fetch_free(staple->fetch);
    timer_fini(&staple->timer);
    task_fini(&staple->task);
    tls_ocsp_free(staple->ocsp);
    free((char *)(uintptr_t)staple->answer.at);
    free(staple);
}

static struct staple *new_staple(struct stapling *stapling, struct tls_ocsp *taken)
{
    struct staple *staple = must_calloc(1, sizeof *staple);
    staple->stapling = stapling;
    staple->ocsp = taken;
    task_init(&staple->task, run);
    timer_init(&staple->timer, &staple->task);
    timer_set(&staple->timer, 0);
    list_push_back(&stapling->staples, &staple->link);
    return staple;
}

static struct staple *find(struct stapling *stapling, const struct tls_ocsp *ocsp)
{
    list_each(link, &stapling->staples) {
        struct staple *staple = container_of(link, struct staple, link);
        if (tls_ocsp_eq(staple->ocsp, ocsp))
            return staple;
    }
    return NULL;
}

static void want(void *arg, const struct tls_server_conf *server, size_t index)
{
    struct stapling *stapling = arg;
    if (!server->stapling) {
        tls_server_staple(server->built, index, NULL, STR_NONE, 0); /* one of before, where it was switched off */
        return;
    }
    struct tls_ocsp *ocsp = tls_ocsp_new(server->built, index);
    if (ocsp == NULL)
        return;
    struct staple *staple = find(stapling, ocsp);
    if (staple != NULL)
        tls_ocsp_free(ocsp);
    else
        staple = new_staple(stapling, ocsp);
    staple->path = server->certificates[index].certificate_path;
    staple->is_wanted = true;
}

void stapling_set(struct stapling *stapling, struct config *config)
{
    struct config *old = stapling->config;
    stapling->config = config_ref(config);
    list_each(link, &stapling->staples)
        container_of(link, struct staple, link)->is_wanted = false;
    each_certificate(stapling, stapling, want);
    if (stapling->resolver == NULL && !list_is_empty(&stapling->staples))
        stapling->resolver = resolver_new(&config->resolver, stapling->opener);
    else if (stapling->resolver != NULL)
        resolver_set_conf(stapling->resolver, &config->resolver);
    list_each_safe(link, &stapling->staples) {
        struct staple *staple = container_of(link, struct staple, link);
        if (staple->is_wanted)
            show_all(staple);
        else
            free_staple(staple);
    }
    config_unref(old);
}

struct stapling *stapling_new(struct opener *opener)
{
    struct stapling *stapling = must_calloc(1, sizeof *stapling);
    stapling->opener = opener;
    list_init(&stapling->staples);
    return stapling;
}

void stapling_free(struct stapling *stapling)
{
    list_each_safe(link, &stapling->staples)
        free_staple(container_of(link, struct staple, link));
    if (stapling->resolver != NULL)
        resolver_free(stapling->resolver);
    config_unref(stapling->config);
    free(stapling);
}
