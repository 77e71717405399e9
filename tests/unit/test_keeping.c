/* The keeper as its supervisor sees it: one that answers too late, too much, or with what nobody has asked for. */
#include "base/must.h"
#include "process/keeper.h"
#include "process/keeper_make.h"
#include "process/supervisor_private.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_keeping(void);

enum { ASKED_BEFORE = 7, FLOOD_SECONDS = 30 };

static struct supervisor *supervisor;
static int keeper; /* its end of the channel */

static void begin(void)
{
    int ends[2];
    ck_assert(channel_pair(ends));
    supervisor = must_calloc(1, sizeof *supervisor);
    supervisor->keeping.aide.pid = getpid(); /* there is one */
    supervisor->keeping.aide.channel = ends[0];
    supervisor->keeping.asked = ASKED_BEFORE;
    keeper = ends[1];
}

static void end(void)
{
    keeping_forget_retired(supervisor, INT64_MAX / 2);
    close(supervisor->keeping.aide.channel);
    close(keeper);
    free(supervisor);
}

static void say(enum message_kind kind, uint32_t index, struct str text)
{
    struct letter_to letter = {.kind = kind, .index = index, .text = text, .with_fd = true, .fd = STDIN_FILENO};
    ck_assert(channel_send(keeper, &letter));
}

/* The lowest number that is free. */
static int next_fd(void)
{
    int fd = fcntl(STDIN_FILENO, F_DUPFD, 0);
    ck_assert_int_ge(fd, 0);
    close(fd);
    return fd;
}

START_TEST(test_answers_with_descriptors)
{
    static const struct key_id expected = {{1, 2, 3}};
    struct key_id id;
    char why[KEY_WHY_MAX];
    begin();
    struct str name = str_from((const char *)expected.bytes, sizeof expected.bytes);
    int before = next_fd();
    say(MESSAGE_KEY_REFUSED, ASKED_BEFORE - 1, STR("too late"));
    say(MESSAGE_KEY_TAKEN, ASKED_BEFORE, STR("late as well"));
    say(MESSAGE_KEY_TAKEN, ASKED_BEFORE + 1, name);
    ck_assert(keeping_take(supervisor, STDIN_FILENO, &id, why));
    ck_assert(key_id_eq(&id, &expected));
    say(MESSAGE_KEY_TAKEN, ASKED_BEFORE + 1, name);
    say(MESSAGE_KEY_REFUSED, ASKED_BEFORE + 2, STR("it is none"));
    ck_assert(!keeping_take(supervisor, STDIN_FILENO, &id, why));
    ck_assert_str_eq(why, "it is none");
    ck_assert_int_eq(next_fd(), before);
    end();
}
END_TEST

START_TEST(test_one_that_says_other_things_without_end)
{
    struct key_id id;
    char why[KEY_WHY_MAX];
    begin();
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(FLOOD_SECONDS);
        for (;;)
            say(MESSAGE_KEY_TAKEN, ASKED_BEFORE, STR("x"));
    }
    ck_assert(!keeping_take(supervisor, STDIN_FILENO, &id, why));
    ck_assert_str_eq(why, "the keeper does not answer");
    kill(pid, SIGKILL);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it has not come to its end before */
    end();
}
END_TEST

static void expect_nothing(void)
{
    static struct message message;
    ck_assert_int_eq(channel_receive(keeper, false, &message), RECEIVED_NOTHING);
}

static void expect_forgotten(const struct key_id *id)
{
    static struct message message;
    ck_assert_int_eq(channel_receive(keeper, false, &message), RECEIVED_MESSAGE);
    ck_assert_uint_eq(message.kind, MESSAGE_FORGET_KEY);
    ck_assert_uint_eq(message.len, sizeof id->bytes);
    ck_assert_mem_eq(message.bytes, id->bytes, sizeof id->bytes);
    expect_nothing();
}

/* Handshakes with it may be under way, a worker that drains may begin others, and a reload may bring it back. */
START_TEST(test_a_key_is_forgotten_when_nobody_has_it)
{
    enum { MINUTE = 60 * 1000, LONG = 11 * MINUTE };
    const struct key_id id = {{1, 2, 3}};
    struct pair pair = {.key = id};
    struct edition edition = {.pairs = {&pair, 1}};
    begin();
    int64_t now = now_ms();
    supervisor->edition = &edition;
    keeping_retire_pairs(supervisor, &edition);
    ck_assert_int_eq(keeping_due_ms(&supervisor->keeping), 0);
    supervisor->edition = NULL;
    keeping_retire_pairs(supervisor, &edition);
    keeping_retire_pairs(supervisor, &edition);
    keeping_forget_retired(supervisor, now + 9 * MINUTE);
    expect_nothing();
    supervisor->children[0].serving = &edition;
    keeping_forget_retired(supervisor, now += LONG);
    supervisor->children[0].serving = NULL;
    supervisor->change.edition = &edition;
    keeping_forget_retired(supervisor, now += LONG);
    supervisor->change.edition = NULL;
    keeping_forget_retired(supervisor, now);
    expect_nothing();
    keeping_forget_retired(supervisor, now += LONG);
    expect_forgotten(&id);
    ck_assert_int_eq(keeping_due_ms(&supervisor->keeping), 0);
    end();
}
END_TEST

/* Who takes no letters has the key still. */
START_TEST(test_a_keeper_that_was_not_told_is_told_later)
{
    enum { LONG = 11 * 60 * 1000 };
    static struct message message;
    const struct key_id id = {{1, 2, 3}};
    const struct letter_to filler = {.kind = MESSAGE_PACE, .at_once = true};
    int64_t now = now_ms();
    begin();
    supervisor->keeping.is_silent = true;
    keeping_retire(supervisor, &id, -1);
    while (channel_send(supervisor->keeping.aide.channel, &filler))
        ;
    keeping_forget_retired(supervisor, now += LONG);
    ck_assert_int_gt(keeping_due_ms(&supervisor->keeping), now);
    while (channel_receive(keeper, false, &message) == RECEIVED_MESSAGE)
        ck_assert_uint_eq(message.kind, MESSAGE_PACE);
    keeping_forget_retired(supervisor, now + LONG);
    expect_forgotten(&id);
    end();
}
END_TEST

START_TEST(test_a_keeper_that_was_not_told_its_pace_is_told_later)
{
    enum { PER_SECOND = 300 };
    static struct message message;
    static struct config config;
    static struct edition edition = {.config = &config};
    const struct letter_to filler = {.kind = MESSAGE_LINK, .at_once = true};
    int64_t now = now_ms();
    begin();
    config.limits.signatures = PER_SECOND;
    supervisor->edition = &edition;
    supervisor->keeping.is_silent = true;
    while (channel_send(supervisor->keeping.aide.channel, &filler))
        ;
    keeping_set_pace(supervisor);
    ck_assert_int_gt(supervisor->keeping.pace_at_ms, now);
    while (channel_receive(keeper, false, &message) == RECEIVED_MESSAGE)
        ck_assert_uint_eq(message.kind, MESSAGE_LINK);
    keeping_set_pace(supervisor);
    ck_assert_int_eq(supervisor->keeping.pace_at_ms, 0);
    ck_assert_int_eq(channel_receive(keeper, false, &message), RECEIVED_MESSAGE);
    ck_assert_uint_eq(message.kind, MESSAGE_PACE);
    ck_assert_uint_eq(message.number, PER_SECOND);
    supervisor->edition = NULL;
    end();
}
END_TEST

/* What was taken for a load that has failed meanwhile. */
START_TEST(test_a_key_that_is_taken_too_late_is_forgotten)
{
    enum { LONG = 11 * 60 * 1000 };
    const struct key_id late = {{1}}, wanted = {{2}};
    struct key_id id;
    char why[KEY_WHY_MAX];
    begin();
    say(MESSAGE_KEY_TAKEN, ASKED_BEFORE, str_from((const char *)late.bytes, sizeof late.bytes));
    say(MESSAGE_KEY_TAKEN, ASKED_BEFORE + 1, str_from((const char *)wanted.bytes, sizeof wanted.bytes));
    ck_assert(keeping_take(supervisor, STDIN_FILENO, &id, why));
    static struct message asked;
    ck_assert_int_eq(channel_receive(keeper, false, &asked), RECEIVED_MESSAGE);
    close(asked.fd);
    keeping_forget_retired(supervisor, now_ms() + LONG);
    expect_forgotten(&late);
    end();
}
END_TEST

static void make_one(uint32_t good_seconds)
{
    char why[KEY_WHY_MAX];
    struct text pem;
    struct letter_to letter = {
        .kind = MESSAGE_MADE, .number = good_seconds, .index = supervisor->keeping.asked + 1, .text = STR("pem")};
    text_init(&pem);
    ck_assert(channel_send(keeper, &letter));
    ck_assert(keeping_make(supervisor, STR("a.test\n"), NULL, &pem, why));
    ck_assert(str_eq(text_str(&pem), STR("pem")));
    text_fini(&pem);
}

/* As the keeper says, not as the load is old: it gives those that it has made before. Earlier it would give the same
   again, and later it would end. */
START_TEST(test_certificates_that_are_made_anew_in_time)
{
    enum { GOOD_SECONDS = 5000, SLOW_MS = 60 * 1000 };
    const int64_t day = 24 * MSEC_HOUR, due = now_ms() + day + GOOD_SECONDS * INT64_C(1000);
    begin();
    ck_assert_int_eq(supervisor->change.remake_at_ms, 0);
    make_one(2 * GOOD_SECONDS);
    ck_assert_int_ge(supervisor->change.remake_at_ms, due + GOOD_SECONDS * INT64_C(1000));
    make_one(GOOD_SECONDS);
    ck_assert_int_ge(supervisor->change.remake_at_ms, due);
    ck_assert_int_lt(supervisor->change.remake_at_ms, due + SLOW_MS);
    make_one(2 * GOOD_SECONDS);
    ck_assert_int_lt(supervisor->change.remake_at_ms, due + SLOW_MS);
    ck_assert_int_lt((MADE_IS_GOOD_DAYS + 1) * day, (MAKE_DAYS - 14) * day);
    end();
}
END_TEST

START_TEST(test_old_certificates_are_wanted_anew_until_they_are)
{
    begin();
    keeping_remake_old(supervisor, INT64_MAX / 2);
    ck_assert(!supervisor->remake_wanted); /* there are none */
    supervisor->remake_at_ms = 1000;
    keeping_remake_old(supervisor, 999);
    ck_assert(!supervisor->remake_wanted);
    for (int64_t now = 1000; now < 1000 + 3 * MSEC_HOUR; now += MSEC_HOUR) {
        keeping_remake_old(supervisor, now);
        ck_assert(supervisor->remake_wanted);
        supervisor->remake_wanted = false; /* it is tried, and fails */
        keeping_remake_old(supervisor, now + MSEC_HOUR - 1);
        ck_assert(!supervisor->remake_wanted);
    }
    end();
}
END_TEST

/* As `check` looks at a key: there is room for the file, and none for the pipe. */
START_TEST(test_a_key_is_probed_without_room)
{
    const struct pair_paths there = {.key = "/proc/self/exe"}, nowhere = {.key = "/nowhere"};
    struct opener *opener = probing_opener();
    struct rlimit limit, scarce;
    struct key_id id;
    char why[KEY_WHY_MAX];
    int before = next_fd();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    scarce = limit;
    scarce.rlim_cur = (rlim_t)before + 1;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &scarce), 0);
    ck_assert(!opener->take_key(opener, &there, &id, why));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_str_eq(why, "Too many open files");
    ck_assert_int_eq(next_fd(), before);
    ck_assert(!opener->take_key(opener, &nowhere, &id, why));
    ck_assert_str_eq(why, "No such file or directory");
}
END_TEST

/* By what it says, not by the signal that comes later. */
START_TEST(test_one_that_has_died_is_seen_at_once)
{
    static const struct aide_kind kind = {.name = "keeper"};
    int ends[2], status;
    ck_assert(channel_pair(ends));
    struct aide aide = {.kind = &kind, .channel = ends[0]};
    ck_assert(!aide_reap(&aide)); /* there is none */
    pid_t pid = aide.pid = fork();
    if (pid == 0) {
        close(ends[0]);
        alarm(FLOOD_SECONDS);
        for (;;)
            pause();
    }
    ck_assert_int_gt(pid, 0);
    close(ends[1]);
    ck_assert(!aide_reap(&aide));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    struct pollfd gone = {.fd = ends[0]};
    ck_assert_int_eq(poll(&gone, 1, FLOOD_SECONDS * 1000), 1);
    ck_assert(aide_reap(&aide));
    ck_assert_int_eq(aide.pid, 0);
    ck_assert_int_eq(aide.channel, -1);
    ck_assert_int_gt(aide.revive_at_ms, 0);
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), -1); /* nobody else is told of it */
    ck_assert(!aide_reap(&aide));
}
END_TEST

Suite *suite_keeping(void)
{
    Suite *suite = suite_create("keeping");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 2 * FLOOD_SECONDS);
    tcase_add_test(all, test_answers_with_descriptors);
    tcase_add_test(all, test_one_that_says_other_things_without_end);
    tcase_add_test(all, test_a_key_is_forgotten_when_nobody_has_it);
    tcase_add_test(all, test_a_keeper_that_was_not_told_is_told_later);
    tcase_add_test(all, test_a_keeper_that_was_not_told_its_pace_is_told_later);
    tcase_add_test(all, test_a_key_that_is_taken_too_late_is_forgotten);
    tcase_add_test(all, test_certificates_that_are_made_anew_in_time);
    tcase_add_test(all, test_old_certificates_are_wanted_anew_until_they_are);
    tcase_add_test(all, test_a_key_is_probed_without_room);
    tcase_add_test(all, test_one_that_has_died_is_seen_at_once);
    suite_add_tcase(suite, all);
    return suite;
}
