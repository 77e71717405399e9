/* The keeper as it runs, and who asks it: one that takes no answers. */
#include "base/must.h"
#include "net/keeper_protocol.h"
#include "net/packets.h"
#include "process/channel.h"
#include "process/identity.h"
#include "process/keeper.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_keeper(void);

enum { BOUND_SECONDS = 30, LINES = 3 };

static int channel; /* the supervisor's end */
static int lines[LINES];
static pid_t keeper;

/* It ends with the channel, and at the latest with its time. */
static _Noreturn void be_keeper(const int ends[2])
{
    alarm(2 * BOUND_SECONDS);
    close(ends[0]);
    if (dup2(ends[1], WORKER_CHANNEL) < 0)
        _exit(EXIT_FAILURE);
    if (ends[1] != WORKER_CHANNEL)
        close(ends[1]);
    _exit(keeper_main());
}

static int line_to_keeper(void)
{
    int ends[2];
    ck_assert(channel_pair(ends));
    struct letter_to letter = {.kind = MESSAGE_LINK, .with_fd = true, .fd = ends[1]};
    ck_assert(channel_send(channel, &letter));
    close(ends[1]);
    return ends[0];
}

static void begin(void)
{
    static const struct identity nobody_else = {.changes = false};
    int ends[2];
    ck_assert(channel_pair(ends));
    keeper = fork();
    ck_assert_int_ge(keeper, 0);
    if (keeper == 0)
        be_keeper(ends);
    channel = ends[0];
    close(ends[1]);
    struct letter_to letter = {.kind = MESSAGE_BEGIN, .index = BEGIN_WITHOUT_SANDBOX};
    letter.text = str_from((const char *)&nobody_else, sizeof nobody_else);
    ck_assert(channel_send(channel, &letter));
    for (size_t i = 0; i < lengthof(lines); i++)
        lines[i] = line_to_keeper();
}

static void end(void)
{
    int status;
    close(channel);
    ck_assert_int_eq(waitpid(keeper, &status, 0), keeper);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

/* For a key that it does not have: it says so. False: it has not taken those before. */
static bool ask(int line, uint32_t number)
{
    struct sign_question question = {.number = number, .kind = SIGN_ECDSA, .digest = SIGN_SHA256, .len = 32};
    return send(line, &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof question;
}

static void expect_answer(int line, uint32_t number)
{
    struct sign_answer answer;
    struct pollfd readable = {.fd = line, .events = POLLIN};
    ck_assert_msg(poll(&readable, 1, BOUND_SECONDS * 1000) == 1, "question %u is not answered", number);
    ck_assert_int_eq(packets_receive(line, &answer, sizeof answer, 1), 1);
    ck_assert_uint_eq(answer.number, number);
    ck_assert_uint_eq(answer.is_unknown, 1);
}

static void ask_and_hear(int line, uint32_t number)
{
    ck_assert(ask(line, number));
    expect_answer(line, number);
}

/* Until there is no room for more, however often the keeper looks. */
static uint32_t ask_in_vain(int line, int other)
{
    enum { TURNS = 100 };
    uint32_t count = 0, number = 0;
    for (int idle = 0; idle < TURNS; idle++) {
        while (ask(line, count)) {
            count++;
            idle = 0;
        }
        ask_and_hear(other, number++);
    }
    return count;
}

/* The others are answered, before and behind it, and it gets all it has asked for in the end. */
START_TEST(test_who_takes_no_answers_holds_up_nobody)
{
    begin();
    uint32_t count = ask_in_vain(lines[1], lines[2]);
    ask_and_hear(lines[0], 1);
    int later = line_to_keeper();
    ask_and_hear(later, 2);
    for (uint32_t i = 0; i < count; i++)
        expect_answer(lines[1], i);
    ask_and_hear(lines[1], count);
    close(later);
    for (size_t i = 0; i < lengthof(lines); i++)
        close(lines[i]);
    end();
}
END_TEST

/* Whose lines close up goes on being asked nothing, and who has gone is no more in the way. */
START_TEST(test_lines_that_close_beside_one_that_is_full)
{
    begin();
    uint32_t count = ask_in_vain(lines[1], lines[2]);
    close(lines[0]);
    uint32_t more = ask_in_vain(lines[1], lines[2]);
    ck_assert_uint_eq(more, 0);
    expect_answer(lines[1], 0);
    ck_assert_uint_gt(count, 1);
    close(lines[1]); /* with answers that it has not taken */
    ask_and_hear(lines[2], 1);
    close(lines[2]);
    end();
}
END_TEST

Suite *suite_keeper(void)
{
    Suite *suite = suite_create("keeper");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 2 * BOUND_SECONDS);
    tcase_add_test(all, test_who_takes_no_answers_holds_up_nobody);
    tcase_add_test(all, test_lines_that_close_beside_one_that_is_full);
    suite_add_tcase(suite, all);
    return suite;
}
