#include "process/identity.h"

#include "base/must.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const default_users[] = {"gatehouse", "nobody"};

static const struct passwd *find_user(const char *name)
{
    if (name != NULL)
        return getpwnam(name);
    const struct passwd *user = NULL;
    for (size_t i = 0; i < lengthof(default_users) && user == NULL; i++)
        user = getpwnam(default_users[i]);
    return user;
}

bool identity_group(const char *name, gid_t *ret)
{
    const struct group *group = getgrnam(name);
    if (group == NULL)
        return false;
    *ret = group->gr_gid;
    return true;
}

bool identity_find(const struct process_conf *conf, struct identity *ret, char *ret_why, size_t size)
{
    *ret = (struct identity){.uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0)
        return true;
    const struct passwd *user = find_user(conf->user);
    if (user == NULL) {
        snprintf(ret_why, size, "there is no user '%s'", conf->user != NULL ? conf->user : "nobody");
        return false;
    }
    ret->changes = true;
    ret->uid = user->pw_uid;
    ret->gid = user->pw_gid;
    if (conf->group != NULL && !identity_group(conf->group, &ret->gid)) {
        snprintf(ret_why, size, "there is no group '%s'", conf->group);
        return false;
    }
    ret->group_count = IDENTITY_GROUPS_MAX;
    if (getgrouplist(user->pw_name, ret->gid, ret->groups, &ret->group_count) < 0)
        ret->group_count = IDENTITY_GROUPS_MAX; /* the first ones */
    return true;
}

static void find_own(const char *name, unsigned nobody, struct identity *ret)
{
    *ret = (struct identity){.uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0)
        return;
    const struct passwd *user = getpwnam(name);
    ret->changes = true;
    ret->uid = user != NULL ? user->pw_uid : nobody;
    ret->gid = user != NULL ? user->pw_gid : nobody;
}

/* Between the ranges that Debian and systemd hand out. */
enum { NOBODYS_KEEPER = 64730, NOBODYS_ACME = 64731 };

void identity_of_keeper(struct identity *ret)
{
    find_own("gatehouse-keeper", NOBODYS_KEEPER, ret);
}

void identity_of_acme(struct identity *ret)
{
    find_own("gatehouse-acme", NOBODYS_ACME, ret);
}

bool identity_eq(const struct identity *a, const struct identity *b)
{
    return a->changes == b->changes && a->uid == b->uid && a->gid == b->gid && a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, (size_t)a->group_count * sizeof a->groups[0]) == 0;
}

bool identity_assume(const struct identity *identity)
{
    if (!identity->changes)
        return true;
    if (setgroups((size_t)identity->group_count, identity->groups) != 0 ||
        setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) != 0)
        return false;
    /* That it cannot be undone is what it is for. */
    if (identity->uid != 0 && setuid(0) == 0) {
        errno = EPERM;
        return false;
    }
    return true;
}
