#include "net/tls_challenge.h"

#include "base/list.h"
#include "base/must.h"
#include "net/tls_server.h"

#include <pthread.h>
#include <stdlib.h>

struct challenge {
    struct list link;
    unsigned number;
    struct str name; /* owned */
    struct tls_server *server;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list challenges = {&challenges, &challenges}; /* under the lock */
static atomic_uint count;

static void take_out(struct challenge *challenge)
{
    list_remove(&challenge->link);
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
    tls_server_unref(challenge->server);
    free((char *)(uintptr_t)challenge->name.at);
    free(challenge);
}

static void take_out_number(unsigned number)
{
    list_each_safe(link, &challenges) {
        struct challenge *challenge = container_of(link, struct challenge, link);
        if (challenge->number == number)
            take_out(challenge);
    }
}

bool tls_challenge_set(unsigned number, struct str name, const char *pem)
{
    struct tls_server *server = tls_server_for_challenge(pem);
    if (server == NULL)
        return false;
    struct challenge *challenge = must_calloc(1, sizeof *challenge);
    challenge->number = number;
    challenge->name = str_from(must_copy(name.at, name.len), name.len);
    challenge->server = server;
    pthread_mutex_lock(&lock);
    take_out_number(number);
    list_push_back(&challenges, &challenge->link);
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    return true;
}

void tls_challenge_over(unsigned number)
{
    pthread_mutex_lock(&lock);
    take_out_number(number);
    pthread_mutex_unlock(&lock);
}

bool tls_challenges_are_there(void)
{
    return atomic_load_explicit(&count, memory_order_relaxed) > 0;
}

struct tls_server *tls_challenge_find(struct str name)
{
    struct tls_server *found = NULL;
    pthread_mutex_lock(&lock);
    list_each(link, &challenges) {
        struct challenge *challenge = container_of(link, struct challenge, link);
        if (name.at != NULL && str_eq(challenge->name, name))
            found = challenge->server;
    }
    if (found != NULL)
        tls_server_ref(found);
    pthread_mutex_unlock(&lock);
    return found;
}
