/* A change of the configuration, as the supervisor sees it: one that a worker does not come to an end with. */
#include "base/must.h"
#include "process/supervisor_private.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_change(void);

enum { MINUTE = 60 * 1000, OTHER_SECONDS = 60 };

static const struct supervisor_options options;
static struct supervisor *supervisor;
static struct child *child;
static int worker; /* its end of the channel */

static void begin(enum change_kind kind, enum change_step step)
{
    int ends[2];
    ck_assert(channel_pair(ends));
    supervisor = must_calloc(1, sizeof *supervisor);
    supervisor->options = &options;
    for (size_t i = 0; i < lengthof(supervisor->control.clients); i++)
        supervisor->control.clients[i].fd = -1;
    child = &supervisor->children[0];
    child->channel = ends[0];
    worker = ends[1];
    child->pid = fork();
    ck_assert_int_ge(child->pid, 0);
    if (child->pid == 0) {
        alarm(OTHER_SECONDS);
        for (;;)
            pause();
    }
    supervisor->serving = child;
    change_begin(supervisor, kind, 2);
    supervisor->change.child = child;
    supervisor->change.step = step;
}

static void end(void)
{
    close(child->channel);
    close(worker);
    text_fini(&supervisor->change.told);
    free(supervisor);
}

static void expect_killed(void)
{
    int status;
    ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(test_a_load_that_takes_too_long_is_given_up)
{
    static struct message message;
    begin(CHANGE_RELOAD, CHANGE_LOADING);
    int64_t now = now_ms();
    change_look(supervisor, now + 9 * MINUTE);
    ck_assert_int_eq(supervisor->change.kind, CHANGE_RELOAD);
    ck_assert_int_eq(channel_receive(worker, false, &message), RECEIVED_NOTHING);
    change_look(supervisor, now + 11 * MINUTE);
    ck_assert_int_eq(supervisor->change.kind, CHANGE_NONE);
    ck_assert_int_eq(channel_receive(worker, false, &message), RECEIVED_MESSAGE);
    ck_assert_uint_eq(message.kind, MESSAGE_DISCARD);
    ck_assert_int_eq(waitpid(child->pid, NULL, WNOHANG), 0); /* it serves */
    change_look(supervisor, now + 60 * MINUTE);
    kill(child->pid, SIGKILL);
    expect_killed();
    end();
}
END_TEST

static const struct {
    enum change_kind kind;
    enum change_step step;
    bool is_other;
} unknown[] = {
    {CHANGE_RELOAD, CHANGE_ADOPTING, false},
    {CHANGE_RENEWAL, CHANGE_LOADING, false},
    {CHANGE_RELOAD, CHANGE_LOADING, true},
    {CHANGE_START, CHANGE_LOADING, true},
};

START_TEST(test_a_worker_that_is_stuck_is_ended)
{
    begin(unknown[_i].kind, unknown[_i].step);
    if (unknown[_i].is_other)
        supervisor->serving = NULL;
    change_look(supervisor, now_ms() + 11 * MINUTE);
    expect_killed();
    ck_assert_int_eq(supervisor->change.kind, unknown[_i].kind); /* till it is gone */
    change_look(supervisor, now_ms() + 12 * MINUTE);
    end();
}
END_TEST

Suite *suite_change(void)
{
    Suite *suite = suite_create("change");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, OTHER_SECONDS);
    tcase_add_test(all, test_a_load_that_takes_too_long_is_given_up);
    tcase_add_loop_test(all, test_a_worker_that_is_stuck_is_ended, 0, (int)lengthof(unknown));
    suite_add_tcase(suite, all);
    return suite;
}
