/* The folder for certificates that are ordered: how it is made. */
#include "base/must.h"
#include "process/state_folder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_state_folder(void);

static char top[64];

static void setup(void)
{
    snprintf(top, sizeof top, "/tmp/gatehouse-state-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
    umask(0077);
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
}

static const char *below(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static mode_t mode_of(const char *name)
{
    struct stat there;
    ck_assert_msg(lstat(below(name), &there) == 0, "%s is not there", name);
    return there.st_mode & 07777;
}

static struct identity self(bool changes)
{
    return (struct identity){.changes = changes, .uid = geteuid(), .gid = getegid()};
}

START_TEST(test_of_an_ordinary_user)
{
    const struct identity own = self(false);
    state_folder_make(below(".local/state/gatehouse"), &own);
    ck_assert_uint_eq(mode_of(".local"), 0700);
    ck_assert_uint_eq(mode_of(".local/state"), 0700);
    ck_assert_uint_eq(mode_of(".local/state/gatehouse"), 0755);
    ck_assert_uint_eq(mode_of(".local/state/gatehouse/acme"), 0700);
}
END_TEST

/* Other users have to get through. */
START_TEST(test_of_root)
{
    const struct identity other = self(true);
    ck_assert_int_eq(mkdir(below("there"), 0750), 0);
    state_folder_make(below("there/var//lib/gatehouse"), &other);
    ck_assert_uint_eq(mode_of("there"), 0700); /* as it was, by the umask */
    ck_assert_uint_eq(mode_of("there/var"), 0755);
    ck_assert_uint_eq(mode_of("there/var/lib"), 0755);
    ck_assert_uint_eq(mode_of("there/var/lib/gatehouse"), 0755);
    ck_assert_uint_eq(mode_of("there/var/lib/gatehouse/acme"), 0700);
}
END_TEST

Suite *suite_state_folder(void)
{
    Suite *suite = suite_create("state_folder");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, test_of_an_ordinary_user);
    tcase_add_test(all, test_of_root);
    suite_add_tcase(suite, all);
    return suite;
}
