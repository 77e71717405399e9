/* The folder for certificates that are ordered: how it is made, and passed over to another user. */
#include "base/must.h"
#include "process/state_folder.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_state_folder(void);

/* Only root may give files away. Who is not gets owners that are kept here, by what stands in front of the C library's:
   so all of this is tested by anybody, and by root with the kernel's own. */
static struct {
    ino_t file;
    uid_t owner;
} given[64];
static size_t given_count;
static bool is_kept_here;

static void keep_owner(ino_t file, uid_t owner)
{
    ck_assert_uint_lt(given_count, lengthof(given));
    given[given_count].file = file;
    given[given_count++].owner = owner;
}

int fstat(int fd, struct stat *ret)
{
    int result = fstatat(fd, "", ret, AT_EMPTY_PATH);
    for (size_t i = 0; result == 0 && i < given_count; i++)
        if (given[i].file == ret->st_ino)
            ret->st_uid = given[i].owner;
    return result;
}

int fchownat(int folder, const char *path, uid_t owner, gid_t group, int flags)
{
    struct stat there;
    if (!is_kept_here)
        return (int)syscall(SYS_fchownat, folder, path, owner, group, flags);
    int result = fstatat(folder, path, &there, flags);
    if (result == 0)
        keep_owner(there.st_ino, owner);
    return result;
}

int fchown(int fd, uid_t owner, gid_t group)
{
    return fchownat(fd, "", owner, group, AT_EMPTY_PATH);
}

static char top[64];

static void setup(void)
{
    snprintf(top, sizeof top, "/tmp/gatehouse-state-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
    umask(0077);
    is_kept_here = geteuid() != 0;
}

static void teardown(void)
{
    char command[128];
    is_kept_here = false;
    given_count = 0;
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

static void give(const char *name, uid_t owner)
{
    ck_assert_int_eq(fchownat(AT_FDCWD, below(name), owner, owner, AT_SYMLINK_NOFOLLOW), 0);
}

static void put_folder(const char *name, uid_t owner)
{
    ck_assert_int_eq(mkdir(below(name), 0700), 0);
    give(name, owner);
}

static void put_file(const char *name, uid_t owner)
{
    int fd = open(below(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    give(name, owner);
}

static void put_link(const char *name, const char *to, uid_t owner)
{
    ck_assert_int_eq(symlink(to, below(name)), 0);
    give(name, owner);
}

static uid_t owner_of(const char *name)
{
    struct stat there;
    int fd = open(below(name), O_PATH | O_NOFOLLOW);
    ck_assert_msg(fd >= 0 && fstat(fd, &there) == 0, "%s is not there", name);
    close(fd);
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
    put_tree();
    give("acme/one/a.test/cert.pem", NEW);
    give("acme/one/a.test", NEW);
    hand_over();
    ck_assert_uint_eq(owner_of("acme/one"), NEW);
    ck_assert_uint_eq(owner_of("acme/one/private/a.test/key.pem"), NEW);
}
END_TEST

/* What the old owner could have put there to get hold of it. */
START_TEST(test_what_is_not_passed_over)
{
    char outside[256];
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
    give("acme/one/fifo", OLD);
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

/* The last act of a process that is not root. */
static _Noreturn void hand_over_in_vain(int said)
{
    is_kept_here = false;
    if (dup2(said, STDERR_FILENO) < 0 || (geteuid() == 0 && setresuid(OLD, OLD, OLD) != 0))
        _exit(EXIT_FAILURE);
    hand_over();
    _exit(EXIT_SUCCESS);
}

/* It says so; and what was there is for its owner alone all the same. */
START_TEST(test_who_may_not_pass_it_over)
{
    char told[512] = "", expected[512];
    int ends[2], status;
    uid_t owner = geteuid() == 0 ? OLD : geteuid();
    put_folder("acme", owner);
    give(".", owner);
    ck_assert_int_eq(chmod(below("acme"), 0755), 0);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        hand_over_in_vain(ends[1]);
    close(ends[1]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    ck_assert_int_gt(read(ends[0], told, sizeof told - 1), 0);
    close(ends[0]);
    snprintf(expected, sizeof expected,
             "gatehouse: state: its folder 'acme' in %s cannot be made for certificates: Operation not permitted\n",
             top);
    ck_assert_str_eq(told, expected);
    ck_assert_uint_eq(owner_of("acme"), owner);
    ck_assert_uint_eq(mode_of("acme"), 0700);
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
    tcase_add_test(all, test_who_may_not_pass_it_over);
    suite_add_tcase(suite, all);
    return suite;
}
