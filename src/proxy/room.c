#include "proxy/room.h"

#include "base/must.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list members = {&members, &members}; /* under the lock */
static atomic_int waiters;

static _Thread_local struct room_member *mine;

/* Whom a letter is for may have left before it is there. */
static void deliver_question(struct letter *letter)
{
    free(letter);
    if (mine == NULL)
        return;
    atomic_store(&mine->is_asked, false);
    if (room_is_wanted())
        mine->ops->asked(mine);
}

static void deliver_news(struct letter *letter)
{
    free(letter);
    if (mine == NULL)
        return;
    atomic_store(&mine->is_told, false);
    if (room_is_wanted())
        mine->ops->told(mine);
}

static void post(struct room_member *to, void (*deliver)(struct letter *letter))
{
    struct letter *letter = must_alloc(sizeof *letter);
    letter->deliver = deliver;
    loop_post(to->loop, letter);
}

void room_join(struct room_member *member, const struct room_ops *ops)
{
    must(mine == NULL);
    mine = member;
    member->ops = ops;
    member->loop = loop_current();
    pthread_mutex_lock(&lock);
    list_push_back(&members, &member->link);
    pthread_mutex_unlock(&lock);
}

void room_leave(struct room_member *member)
{
    must(mine == member);
    pthread_mutex_lock(&lock);
    list_remove(&member->link);
    pthread_mutex_unlock(&lock);
    mine = NULL;
}

void room_waiters(int change)
{
    atomic_fetch_add_explicit(&waiters, change, memory_order_relaxed);
}

bool room_is_wanted(void)
{
    return atomic_load_explicit(&waiters, memory_order_relaxed) > 0;
}

void room_ask(const struct room_member *member)
{
    pthread_mutex_lock(&lock);
    list_each(link, &members) {
        struct room_member *other = container_of(link, struct room_member, link);
        if (other != member && !atomic_exchange(&other->is_asked, true))
            post(other, deliver_question);
    }
    pthread_mutex_unlock(&lock);
}

void room_tell(const struct room_member *member)
{
    pthread_mutex_lock(&lock);
    list_each(link, &members) {
        struct room_member *other = container_of(link, struct room_member, link);
        if (other != member && !atomic_exchange(&other->is_told, true))
            post(other, deliver_news);
    }
    pthread_mutex_unlock(&lock);
}
