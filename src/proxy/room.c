#include "proxy/room.h"

#include "base/must.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list rooms = {&rooms, &rooms}; /* under the lock */
static atomic_int wanted;

static _Thread_local struct room *mine;

/* The room may have left before the letter is there. */
static void deliver(struct letter *letter)
{
    free(letter);
    if (mine == NULL)
        return;
    atomic_store(&mine->is_asked, false);
    if (room_is_wanted())
        mine->asked(mine);
}

void room_join(struct room *room, void (*asked)(struct room *room))
{
    must(mine == NULL);
    mine = room;
    room->asked = asked;
    room->loop = loop_current();
    pthread_mutex_lock(&lock);
    list_push_back(&rooms, &room->link);
    pthread_mutex_unlock(&lock);
}

void room_leave(struct room *room)
{
    must(mine == room);
    pthread_mutex_lock(&lock);
    list_remove(&room->link);
    pthread_mutex_unlock(&lock);
    mine = NULL;
}

void room_want(bool is_wanted)
{
    atomic_fetch_add_explicit(&wanted, is_wanted ? 1 : -1, memory_order_relaxed);
}

bool room_is_wanted(void)
{
    return atomic_load_explicit(&wanted, memory_order_relaxed) > 0;
}

void room_ask(const struct room *room)
{
    pthread_mutex_lock(&lock);
    list_each(link, &rooms) {
        struct room *other = container_of(link, struct room, link);
        if (other == room || atomic_exchange(&other->is_asked, true))
            continue;
        struct letter *letter = must_alloc(sizeof *letter);
        letter->deliver = deliver;
        loop_post(other->loop, letter);
    }
    pthread_mutex_unlock(&lock);
}
