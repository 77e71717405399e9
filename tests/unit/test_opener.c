#include "base/close.h"
#include "base/opener.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_opener(void);

static char folder[] = "/tmp/gatehouse-units-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void set_up(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    static const char *const names[] = {"file", "link", "pipe", "log"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
}

static void write_file(size_t size)
{
    FILE *file = fopen(path_of("file"), "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < size; i++)
        fputc('a' + (int)(i % 26), file);
    fclose(file);
}

START_TEST(test_read)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 100000};
    char *bytes;
    size_t len;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        write_file(sizes[i]);
        ck_assert(opener_read(opener_direct(), path_of("file"), 100000, &bytes, &len));
        ck_assert_uint_eq(len, sizes[i]);
        ck_assert_uint_eq(strlen(bytes), sizes[i]);
        free(bytes);
        ck_assert(opener_read(opener_direct(), path_of("file"), sizes[i], &bytes, &len));
        free(bytes);
    }
    bytes = NULL;
    ck_assert(!opener_read(opener_direct(), path_of("file"), 99999, &bytes, &len));
    ck_assert_int_eq(errno, EFBIG);
    ck_assert(!opener_read(opener_direct(), path_of("none"), 10, &bytes, &len));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert(!opener_read(opener_direct(), folder, 10, &bytes, &len));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    ck_assert(!opener_read(opener_direct(), path_of("pipe"), 10, &bytes, &len)); /* and does not hang */
    ck_assert_ptr_null(bytes);
    /* The kernel says 0 for the size of these. */
    ck_assert(opener_read(opener_direct(), "/proc/self/status", 1 << 20, &bytes, &len));
    ck_assert_uint_gt(len, 100);
    free(bytes);
}
END_TEST

START_TEST(test_open)
{
    struct opener *opener = opener_direct();
    struct stat stat;
    int fd = opener->open(opener, folder, OPEN_DIRECTORY);
    ck_assert_int_ge(fd, 0);
    close(fd);
    write_file(1);
    ck_assert_int_eq(opener->open(opener, path_of("file"), OPEN_DIRECTORY), -1);
    fd = opener->open(opener, path_of("log"), OPEN_APPEND);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &stat), 0);
    ck_assert_int_eq(stat.st_mode & 0137, 0);
    close(fd);
    ck_assert_int_eq(symlink("log", path_of("link")), 0);
    ck_assert_int_eq(opener->open(opener, path_of("link"), OPEN_APPEND), -1);
    ck_assert_int_eq(errno, ELOOP);
    fd = opener->open(opener, path_of("link"), OPEN_READ);
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

START_TEST(test_close_quietly)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    errno = ENOENT;
    ck_assert_int_eq(close_quietly(ends[0]), -1);
    ck_assert_int_eq(errno, ENOENT);
    close_quietly(ends[0]); /* it is closed already, which close() minds */
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(close_quietly(-1), -1);
    ck_assert_int_eq(errno, ENOENT);
    close(ends[1]);
}
END_TEST

Suite *suite_opener(void)
{
    Suite *suite = suite_create("opener");
    TCase *tcase = tcase_create("opener");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_read);
    tcase_add_test(tcase, test_open);
    tcase_add_test(tcase, test_close_quietly);
    suite_add_tcase(suite, tcase);
    return suite;
}
