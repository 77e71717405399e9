#include "net/packets.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 1000, MANY = 3000 };

static int ends[2];
static char sent[PACKETS_MAX][SIZE], got[PACKETS_MAX][SIZE];

static void setup(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    for (int i = 0; i < PACKETS_MAX; i++)
        memset(sent[i], 'a' + i, SIZE);
    memset(got, 0, sizeof got);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
}

START_TEST(several_come_at_once_and_in_order)
{
    ck_assert_int_eq(packets_receive(ends[1], got, SIZE, PACKETS_MAX), 0);
    ck_assert(packets_send(ends[0], sent, SIZE, 5));
    ck_assert_int_eq(packets_receive(ends[1], got, SIZE, 3), 3);
    ck_assert_mem_eq(got, sent, (size_t)3 * SIZE);
    ck_assert_int_eq(packets_receive(ends[1], got, SIZE, PACKETS_MAX), 2);
    ck_assert_mem_eq(got, sent[3], (size_t)2 * SIZE);
    ck_assert_int_eq(packets_receive(ends[1], got, SIZE, PACKETS_MAX), 0);
    ck_assert(packets_send(ends[0], sent, SIZE, 0));
}
END_TEST

START_TEST(another_size_is_an_error)
{
    static const size_t sizes[] = {1, SIZE - 1, SIZE + 1};
    char bytes[SIZE + 1] = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ck_assert(packets_send(ends[0], sent, SIZE, 1));
        ck_assert_int_eq(send(ends[0], bytes, sizes[i], 0), (ssize_t)sizes[i]);
        ck_assert_int_eq(packets_receive(ends[1], got, SIZE, PACKETS_MAX), -1);
    }
}
END_TEST

START_TEST(the_other_side_is_gone)
{
    ck_assert(packets_send(ends[0], sent, SIZE, 1));
    close(ends[0]);
    ck_assert_int_eq(packets_receive(ends[1], got, SIZE, PACKETS_MAX), 1);
    ck_assert_int_eq(packets_receive(ends[1], got, SIZE, PACKETS_MAX), -1);
    ck_assert(!packets_send(ends[1], sent, SIZE, PACKETS_MAX));
    ends[0] = dup(ends[1]);
}
END_TEST

static void *send_many(void *is_done)
{
    bool is_sent = true;
    for (int i = 0; i < MANY && is_sent; i += PACKETS_MAX)
        is_sent = packets_send(ends[0], sent, SIZE, PACKETS_MAX);
    return is_sent ? is_done : NULL;
}

START_TEST(sending_waits_for_room)
{
    pthread_t sender;
    int taken = 0;
    ck_assert_int_eq(pthread_create(&sender, NULL, send_many, ends), 0);
    while (taken < MANY) {
        struct pollfd polled = {.fd = ends[1], .events = POLLIN};
        ck_assert_int_eq(poll(&polled, 1, 5000), 1);
        int count = packets_receive(ends[1], got, SIZE, PACKETS_MAX);
        ck_assert_int_ge(count, 0);
        for (int i = 0; i < count; i++)
            ck_assert_mem_eq(got[i], sent[(taken + i) % PACKETS_MAX], SIZE);
        taken += count;
    }
    void *is_done;
    pthread_join(sender, &is_done);
    ck_assert_ptr_nonnull(is_done);
}
END_TEST

Suite *suite_packets(void);
Suite *suite_packets(void)
{
    Suite *suite = suite_create("packets");
    TCase *tests = tcase_create("packets");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, several_come_at_once_and_in_order);
    tcase_add_test(tests, another_size_is_an_error);
    tcase_add_test(tests, the_other_side_is_gone);
    tcase_add_test(tests, sending_waits_for_room);
    suite_add_tcase(suite, tests);
    return suite;
}
