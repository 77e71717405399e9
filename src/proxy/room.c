#include "proxy/room.h"

#include "base/must.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list members = {&members, &members}; /* under the lock */
static atomic_int waiters;

static _Thread_local struct room_member *mine;

/* A question, or else news. */
struct note {
    struct letter letter;
    bool is_question;
};

static atomic_bool *on_its_way(struct room_member *to, bool is_question)
{
    return is_question ? &to->is_asked : &to->is_told;
}

/* Whom a note is for may have left before it is there. */
static void deliver(struct letter *letter)
{
    struct note *note = container_of(letter, struct note, letter);
    bool is_question = note->is_question;
    free(note);
    if (mine == NULL)
        return;
    atomic_store(on_its_way(mine, is_question), false);
    if (room_is_wanted())
        (is_question ? mine->ops->asked : mine->ops->told)(mine);
}

static void post_to_others(const struct room_member *from, bool is_question)
{
    pthread_mutex_lock(&lock);
    list_each(link, &members) {
        struct room_member *to = container_of(link, struct room_member, link);
        if (to == from || atomic_exchange(on_its_way(to, is_question), true))
            continue;
        struct note *note = must_alloc(sizeof *note);
        *note = (struct note){.letter.deliver = deliver, .is_question = is_question};
        loop_post(to->loop, &note->letter);
    }
    pthread_mutex_unlock(&lock);
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
    post_to_others(member, true);
}

void room_tell(const struct room_member *member)
{
    post_to_others(member, false);
}
