/* The folder for certificates that are ordered: how it is made, and passed over to another user. */
#include "base/must.h"
#include "process/state_folder.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum { OLD = 54321, NEW = 54322, OTHER = 54323 };

static void put_folder(const char *name, uid_t owner)
{
    ck_assert_int_eq(mkdir(below(name), 0700), 0);
    ck_assert_int_eq(lchown(below(name), owner, owner), 0);
}

static void put_file(const char *name, uid_t owner)
{
    int fd = open(below(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchown(fd, owner, owner), 0);
    close(fd);
}

static void put_link(const char *name, const char *to, uid_t owner)
{
    ck_assert_int_eq(symlink(to, below(name)), 0);
    ck_assert_int_eq(lchown(below(name), owner, owner), 0);
}

static uid_t owner_of(const char *name)
{
    struct stat there;
    ck_assert_msg(lstat(below(name), &there) == 0, "%s is not there", name);
    return there.st_uid;
}

static void hand_over(void)
{
    const struct identity new = {.changes = true, .uid = NEW, .gid = NEW};
    state_folder_make(top, &new);
}

/* acme/one as uacme leaves it; `acme` itself was passed already. */
static void put_tree(void)
{
    put_folder("acme", NEW);
    put_folder("acme/one", OLD);
    put_folder("acme/one/private", OLD);
    put_folder("acme/one/private/a.test", OLD);
    put_file("acme/one/private/a.test/key.pem", OLD);
    put_folder("acme/one/a.test", OLD);
    put_file("acme/one/a.test/cert.pem", OLD);
}

START_TEST(test_passed_over)
{
    static const char *const names[] = {"acme",
                                        "acme/one",
                                        "acme/one/private",
                                        "acme/one/private/a.test",
                                        "acme/one/private/a.test/key.pem",
                                        "acme/one/a.test",
                                        "acme/one/a.test/cert.pem"};
    if (geteuid() != 0)
        return;
    put_tree();
    hand_over();
    for (size_t i = 0; i < lengthof(names); i++) {
        ck_assert_msg(owner_of(names[i]) == NEW, "%s has its old owner", names[i]);
        ck_assert_uint_eq(mode_of(names[i]) & 077, 0);
    }
}
END_TEST

/* One that was interrupted goes on: a folder is passed after what is in it. */
START_TEST(test_passed_over_half)
{
    if (geteuid() != 0)
        return;
    put_tree();
    ck_assert_int_eq(lchown(below("acme/one/a.test/cert.pem"), NEW, NEW), 0);
    ck_assert_int_eq(lchown(below("acme/one/a.test"), NEW, NEW), 0);
    hand_over();
    ck_assert_uint_eq(owner_of("acme/one"), NEW);
    ck_assert_uint_eq(owner_of("acme/one/private/a.test/key.pem"), NEW);
}
END_TEST

/* What the old owner could have put there to get hold of it. */
START_TEST(test_what_is_not_passed_over)
{
    char outside[256];
    if (geteuid() != 0)
        return;
    put_tree();
    put_file("mine", OTHER);
    put_folder("folder", OLD);
    put_file("folder/of", OLD);
    snprintf(outside, sizeof outside, "%s", below("mine"));
    put_link("acme/one/link", outside, OLD);
    put_link("acme/one/way", "../../folder", OLD);
    put_link("acme/two", "../folder", OLD);
    put_file("acme/one/twice", OLD);
    snprintf(outside, sizeof outside, "%s", below("twice"));
    ck_assert_int_eq(link(below("acme/one/twice"), outside), 0);
    put_file("acme/one/of-another", OTHER);
    put_folder("acme/one/folder-of-another", OTHER);
    put_file("acme/one/folder-of-another/file", OLD);
    ck_assert_int_eq(mkfifo(below("acme/one/fifo"), 0600), 0);
    ck_assert_int_eq(lchown(below("acme/one/fifo"), OLD, OLD), 0);
    put_file("acme/file", OTHER);
    hand_over();
    ck_assert_uint_eq(owner_of("acme/one"), NEW);
    ck_assert_uint_eq(owner_of("acme/one/private/a.test/key.pem"), NEW);
    ck_assert_uint_eq(owner_of("mine"), OTHER);
    ck_assert_uint_eq(owner_of("folder"), OLD);
    ck_assert_uint_eq(owner_of("folder/of"), OLD);
    ck_assert_uint_eq(owner_of("acme/one/link"), OLD);
    ck_assert_uint_eq(owner_of("twice"), OLD);
    ck_assert_uint_eq(owner_of("acme/one/of-another"), OTHER);
    ck_assert_uint_eq(owner_of("acme/one/folder-of-another"), OTHER);
    ck_assert_uint_eq(owner_of("acme/one/folder-of-another/file"), OLD);
    ck_assert_uint_eq(owner_of("acme/one/fifo"), OLD);
    ck_assert_uint_eq(owner_of("acme/file"), OTHER);
}
END_TEST

/* As deep as uacme goes, and not without an end. */
START_TEST(test_passed_over_as_deep_as_it_is)
{
    char name[64] = "acme";
    if (geteuid() != 0)
        return;
    put_folder(name, NEW);
    for (size_t i = 0; i < 7; i++) {
        snprintf(name + strlen(name), sizeof name - strlen(name), "/a");
        put_folder(name, OLD);
    }
    hand_over();
    ck_assert_uint_eq(owner_of("acme/a/a/a/a"), NEW);
    ck_assert_uint_eq(owner_of("acme/a/a/a/a/a/a"), OLD);
}
END_TEST

Suite *suite_state_folder(void)
{
    Suite *suite = suite_create("state_folder");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, test_of_an_ordinary_user);
    tcase_add_test(all, test_of_root);
    tcase_add_test(all, test_passed_over);
    tcase_add_test(all, test_passed_over_half);
    tcase_add_test(all, test_what_is_not_passed_over);
    tcase_add_test(all, test_passed_over_as_deep_as_it_is);
    suite_add_tcase(suite, all);
    return suite;
}
