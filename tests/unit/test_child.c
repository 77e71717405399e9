/* A worker as its supervisor sees it: one that asks for more than any has need of, or tells more than anybody reads. */
#include "base/must.h"
#include "process/supervisor_private.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_child(void);

enum { THREADS = 2, LINES_OF_THREAD = 4, TOLD_MAX = 256 * 1024, LINE = 5000 };

static struct supervisor *supervisor;
static struct child *child;
static int keeper, channel, files; /* the other ends */
static struct message message;

static int pair_with(int *ret_other)
{
    int ends[2];
    ck_assert(channel_pair(ends));
    *ret_other = ends[1];
    return ends[0];
}

static void begin(void)
{
    supervisor = must_calloc(1, sizeof *supervisor);
    child = &supervisor->children[0];
    supervisor->keeping.aide.pid = getpid(); /* there is one */
    supervisor->keeping.aide.channel = pair_with(&keeper);
    *child = (struct child){.pid = getpid(), .threads = THREADS};
    child->channel = pair_with(&channel);
    child->files = pair_with(&files);
    supervisor->change.kind = CHANGE_RELOAD;
    supervisor->change.child = child;
    text_init(&supervisor->change.told);
}

static void end(void)
{
    const int ends[] = {supervisor->keeping.aide.channel, child->channel, child->files, keeper, channel, files};
    for (size_t i = 0; i < lengthof(ends); i++)
        close(ends[i]);
    text_fini(&supervisor->change.told);
    free(supervisor);
}

static void expect(int from, enum message_kind kind)
{
    ck_assert_int_eq(channel_receive(from, false, &message), RECEIVED_MESSAGE);
    ck_assert_uint_eq(message.kind, kind);
}

/* Whether the worker that asks gets a line, which the keeper then has, too. */
static bool gets_line(void)
{
    struct letter_to letter = {.kind = MESSAGE_LINK};
    ck_assert(channel_send(files, &letter));
    child_read(supervisor, child);
    expect(files, MESSAGE_LINK);
    int line = message.fd;
    if (line < 0) {
        ck_assert_int_eq(channel_receive(keeper, false, &message), RECEIVED_NOTHING);
        return false;
    }
    close(line);
    expect(keeper, MESSAGE_LINK);
    ck_assert_int_ge(message.fd, 0);
    close(message.fd);
    return true;
}

START_TEST(test_lines_to_one_keeper)
{
    begin();
    for (int keepers = 0; keepers < 3; keepers++) {
        for (int i = 0; i < LINES_OF_THREAD * THREADS; i++)
            ck_assert_msg(gets_line(), "line %d of keeper %d", i, keepers);
        for (int i = 0; i < 1000; i++)
            ck_assert(!gets_line());
        supervisor->keeping.aide.pid++; /* the next one */
    }
    end();
}
END_TEST

/* What was asked for in vain is none that it has had. */
START_TEST(test_lines_to_a_keeper_that_takes_no_letters)
{
    const struct letter_to filler = {.kind = MESSAGE_PACE, .at_once = true}, letter = {.kind = MESSAGE_LINK};
    begin();
    supervisor->keeping.is_silent = true;
    while (channel_send(supervisor->keeping.aide.channel, &filler))
        ;
    for (int i = 0; i < 2 * LINES_OF_THREAD * THREADS; i++) {
        ck_assert(channel_send(files, &letter));
        child_read(supervisor, child);
        expect(files, MESSAGE_LINK);
        ck_assert_int_lt(message.fd, 0);
    }
    while (channel_receive(keeper, false, &message) == RECEIVED_MESSAGE)
        ck_assert_uint_eq(message.kind, MESSAGE_PACE);
    for (int i = 0; i < LINES_OF_THREAD * THREADS; i++)
        ck_assert(gets_line());
    ck_assert(!gets_line());
    end();
}
END_TEST

static struct str line_of(int number)
{
    static char line[LINE];
    memset(line, 'a' + number % 26, sizeof line);
    return str_from(line, sizeof line);
}

static void say(int number)
{
    ck_assert(channel_send_text(channel, line_of(number)));
    child_read(supervisor, child);
}

/* Its beginning is kept, to the byte. */
START_TEST(test_told_without_end)
{
    enum { WHOLE = TOLD_MAX / LINE };
    begin();
    const struct text *told = &supervisor->change.told;
    for (int i = 0; i < WHOLE; i++)
        say(i);
    ck_assert_uint_eq(told->len, WHOLE * LINE);
    for (int i = WHOLE; i < 1000; i++)
        say(i);
    ck_assert_uint_eq(told->len, TOLD_MAX);
    for (int i = 0; i < WHOLE; i++)
        ck_assert_mem_eq(told->at + (size_t)i * LINE, line_of(i).at, LINE);
    end();
}
END_TEST

Suite *suite_child(void)
{
    Suite *suite = suite_create("child");
    TCase *all = tcase_create("all");
    tcase_add_test(all, test_lines_to_one_keeper);
    tcase_add_test(all, test_lines_to_a_keeper_that_takes_no_letters);
    tcase_add_test(all, test_told_without_end);
    suite_add_tcase(suite, all);
    return suite;
}
