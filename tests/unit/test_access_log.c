#include "observe/access_log.h"

#include "observe/log_ring.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_access_log(void);

static char folder[] = "/tmp/access_log_XXXXXX";
static char path[64], other[64];
static struct log_conf conf;
static struct facts facts;

static void setup(void)
{
    snprintf(folder, sizeof folder, "/tmp/access_log_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(other, sizeof other, "%s/log.2", folder);
    conf = (struct log_conf){.to = LOG_FILE, .path = path, .format = LOG_COMBINED};
    facts = (struct facts){
        .method_text = STR("GET"), .path = STR("/"), .asked_path = STR("/"), .minor = 1, .status = 200};
}

static void teardown(void)
{
    unlink(path);
    unlink(other);
    rmdir(folder);
}

static int open_log(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static struct logs *start(int fd)
{
    return logs_new(&conf, 1, &fd, NULL);
}

static void finish(struct logs *logs)
{
    logs_unref(logs);
    logs_shutdown(5000);
}

static size_t lines_in(const char *name)
{
    FILE *file = fopen(name, "r");
    size_t lines = 0;
    for (int c; file != NULL && (c = getc(file)) != EOF;)
        lines += c == '\n';
    if (file != NULL)
        fclose(file);
    return lines;
}

/* Until the file has so many lines, for at most five seconds. */
static bool has_lines(const char *name, size_t count)
{
    for (int i = 0; i < 1000 && lines_in(name) < count; i++)
        poll(NULL, 0, 5);
    return lines_in(name) == count;
}

START_TEST(lines_arrive_soon_also_after_a_rest)
{
    struct logs *logs = start(open_log(path));
    access_log_write(logs, 0, &facts);
    ck_assert(has_lines(path, 1));
    poll(NULL, 0, 400); /* the writer sleeps by now */
    access_log_write(logs, 0, &facts);
    access_log_write(logs, 0, &facts);
    ck_assert(has_lines(path, 3));
    struct log_counts counts;
    logs_counts(logs, 0, &counts);
    ck_assert_uint_eq(counts.lost, 0);
    ck_assert_uint_le(counts.written, 3);
    finish(logs);
    ck_assert_uint_eq(lines_in(path), 3);
}
END_TEST

static void *write_many(void *argument)
{
    for (int i = 0; i < 2000; i++)
        access_log_write(argument, 0, &facts);
    return NULL;
}

START_TEST(lines_of_many_threads_are_all_there_or_counted)
{
    struct logs *logs = start(open_log(path));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, logs), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    struct logs *held = logs_ref(logs);
    finish(logs);
    struct log_counts counts;
    logs_counts(held, 0, &counts);
    ck_assert_uint_eq(counts.written + counts.lost, 8000);
    ck_assert_uint_eq(lines_in(path), counts.written + (counts.lost > 0));
    logs_unref(held);
}
END_TEST

START_TEST(reopened_file_gets_the_lines_that_follow)
{
    struct logs *logs = start(open_log(path));
    access_log_write(logs, 0, &facts);
    logs_reopen(logs, 0, open_log(other));
    ck_assert(has_lines(path, 1));
    for (int i = 0; i < 100 && lines_in(other) == 0; i++) { /* it has taken the new file when a line comes out there */
        poll(NULL, 0, 10);
        access_log_write(logs, 0, &facts);
    }
    size_t before = lines_in(path);
    access_log_write(logs, 0, &facts);
    poll(NULL, 0, 50);
    ck_assert_uint_eq(lines_in(path), before);
    ck_assert_uint_ge(lines_in(other), 1);
    finish(logs);
}
END_TEST

START_TEST(file_outlives_a_reload)
{
    struct logs *first = start(open_log(path));
    access_log_write(first, 0, &facts);
    int fd = open_log(other); /* closed: the row goes on with the file that it has */
    struct logs *second = logs_new(&conf, 1, &fd, first);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    logs_unref(first);
    access_log_write(second, 0, &facts);
    ck_assert(has_lines(path, 2));
    finish(second);
    ck_assert_uint_eq(lines_in(other), 0);
}
END_TEST

START_TEST(full_disk_loses_lines_and_nothing_else)
{
    struct logs *logs = start(open("/dev/full", O_WRONLY | O_CLOEXEC));
    for (int i = 0; i < 20000; i++)
        access_log_write(logs, 0, &facts);
    struct log_counts counts;
    logs_counts(logs, 0, &counts);
    ck_assert_uint_gt(counts.lost, 0);
    ck_assert_uint_eq(counts.written, 0);
    logs_reopen(logs, 0, open_log(path)); /* room again: what was kept is written, the rest told */
    for (int i = 0; i < 600 && lines_in(path) == 0; i++)
        poll(NULL, 0, 10);
    finish(logs);
    FILE *file = fopen(path, "r");
    char line[512] = "", last[512] = "";
    while (fgets(line, sizeof line, file) != NULL)
        memcpy(last, line, sizeof last);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(last, "lines were lost"));
}
END_TEST

START_TEST(reader_that_has_gone_costs_only_lines)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    conf.to = LOG_STDOUT;
    struct logs *logs = start(ends[1]);
    for (int i = 0; i < 10; i++)
        access_log_write(logs, 0, &facts);
    struct log_counts counts = {0};
    for (int i = 0; i < 200 && counts.lost < 10; i++) {
        poll(NULL, 0, 10);
        logs_counts(logs, 0, &counts);
    }
    ck_assert_uint_eq(counts.lost, 10);
    finish(logs);
}
END_TEST

START_TEST(reader_that_does_not_read_delays_nobody)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    conf.to = LOG_STDOUT;
    struct logs *logs = start(ends[1]);
    for (int i = 0; i < 20000; i++)
        access_log_write(logs, 0, &facts);
    struct log_counts counts;
    logs_counts(logs, 0, &counts);
    ck_assert_uint_gt(counts.lost, 0);
    close(ends[0]); /* lets the writer go */
    finish(logs);
}
END_TEST

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static size_t size_of(const char *name)
{
    struct stat info;
    return stat(name, &info) == 0 ? (size_t)info.st_size : 0;
}

/* Until the file is so long, for at most five seconds. */
static bool has_size(const char *name, size_t size)
{
    for (int i = 0; i < 1000 && size_of(name) < size; i++)
        poll(NULL, 0, 5);
    return size_of(name) == size;
}

static size_t length_of_first_line(const char *name)
{
    char line[512] = "";
    FILE *file = fopen(name, "r");
    ck_assert(file != NULL && fgets(line, sizeof line, file) != NULL);
    fclose(file);
    return strlen(line);
}

static void *write_two(void *argument)
{
    access_log_write(argument, 0, &facts);
    access_log_write(argument, 0, &facts);
    return NULL;
}

START_TEST(line_that_is_cut_short_goes_on_before_those_of_others)
{
    enum { BEFORE = 1 << 20 }; /* more than what the tests' own messages need, which the limit is for as well */
    int log = open_log(path);
    ck_assert_int_eq(ftruncate(log, BEFORE), 0);
    struct logs *logs = start(log);
    pthread_t thread;
    access_log_write(logs, 0, &facts);
    ck_assert(has_lines(path, 1));
    size_t len = size_of(path) - BEFORE;
    limit_files(BEFORE + len + len / 2);
    access_log_write(logs, 0, &facts);
    ck_assert(has_size(path, BEFORE + len + len / 2));
    ck_assert_int_eq(pthread_create(&thread, NULL, write_two, logs), 0);
    pthread_join(thread, NULL);
    limit_files(RLIM_INFINITY);
    ck_assert(has_size(path, BEFORE + 4 * len));
    finish(logs);
    char bytes[2048];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(pread(fd, bytes, sizeof bytes, BEFORE), (ssize_t)(4 * len));
    close(fd);
    for (size_t end = len; end <= 4 * len; end += len)
        ck_assert_int_eq(bytes[end - 1], '\n');
}
END_TEST

START_TEST(stream_that_nobody_reads_is_left_for_another)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct logs *logs = start(ends[1]);
    for (int i = 0; i < 20000; i++)
        access_log_write(logs, 0, &facts);
    logs_reopen(logs, 0, open_log(path));
    for (int i = 0; i < 1000 && size_of(path) == 0; i++)
        poll(NULL, 0, 5);
    logs_reopen(logs, 0, open_log(other)); /* when it is taken, all that was kept is in the first */
    for (int i = 0; i < 100 && lines_in(other) == 0; i++) {
        poll(NULL, 0, 10);
        access_log_write(logs, 0, &facts);
    }
    ck_assert_uint_ge(lines_in(other), 1);
    ck_assert_uint_eq(length_of_first_line(path), length_of_first_line(other)); /* it is not the rest of one */
    close(ends[0]);
    finish(logs);
}
END_TEST

START_TEST(row_without_a_file_counts_its_lines)
{
    struct logs *logs = start(-1);
    access_log_write(logs, 0, &facts);
    struct log_counts counts = {0};
    for (int i = 0; i < 200 && counts.lost == 0; i++) {
        poll(NULL, 0, 10);
        logs_counts(logs, 0, &counts);
    }
    ck_assert_uint_eq(counts.lost, 1);
    finish(logs);
}
END_TEST

START_TEST(ring_wraps_and_refuses_what_does_not_fit)
{
    struct log_ring *ring = log_ring_new(1, 64);
    struct str pieces[2];
    size_t used;
    for (int i = 0; i < 100; i++) {
        ck_assert(log_ring_put(ring, STR("0123456789abcdefghijklmn"), &used));
        ck_assert(log_ring_put(ring, STR("0123456789abcdefghijklmn"), &used));
        ck_assert_uint_eq(used, 50);
        ck_assert(!log_ring_put(ring, STR("0123456789abcdefghijklmn"), &used));
        unsigned count = log_ring_peek(ring, pieces);
        size_t len = pieces[0].len + (count > 1 ? pieces[1].len : 0);
        ck_assert_uint_eq(len, 50);
        char text[64];
        memcpy(text, pieces[0].at, pieces[0].len);
        if (count > 1)
            memcpy(text + pieces[0].len, pieces[1].at, pieces[1].len);
        ck_assert_int_eq(memcmp(text, "0123456789abcdefghijklmn\n0123456789abcdefghijklmn\n", 50), 0);
        log_ring_drop(ring, len);
        ck_assert(log_ring_is_empty(ring));
    }
    log_ring_release(ring);
    log_ring_release(ring);
}
END_TEST

Suite *suite_access_log(void)
{
    Suite *suite = suite_create("access_log");
    TCase *tests = tcase_create("access_log");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, lines_arrive_soon_also_after_a_rest);
    tcase_add_test(tests, lines_of_many_threads_are_all_there_or_counted);
    tcase_add_test(tests, reopened_file_gets_the_lines_that_follow);
    tcase_add_test(tests, file_outlives_a_reload);
    tcase_add_test(tests, full_disk_loses_lines_and_nothing_else);
    tcase_add_test(tests, reader_that_has_gone_costs_only_lines);
    tcase_add_test(tests, reader_that_does_not_read_delays_nobody);
    tcase_add_test(tests, line_that_is_cut_short_goes_on_before_those_of_others);
    tcase_add_test(tests, stream_that_nobody_reads_is_left_for_another);
    tcase_add_test(tests, row_without_a_file_counts_its_lines);
    tcase_add_test(tests, ring_wraps_and_refuses_what_does_not_fit);
    suite_add_tcase(suite, tests);
    return suite;
}
