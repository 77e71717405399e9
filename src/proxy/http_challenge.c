#include "proxy/http_challenge.h"

#include "base/list.h"
#include "base/must.h"
#include "base/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct challenge {
    struct list link;
    unsigned number;
    struct text text; /* the three, one behind the other */
    struct str host, token, authorization;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list challenges = {&challenges, &challenges}; /* under the lock */
static atomic_uint count;

static void take_out(unsigned number)
{
    list_each_safe(link, &challenges) {
        struct challenge *challenge = container_of(link, struct challenge, link);
        if (challenge->number != number)
            continue;
        list_remove(&challenge->link);
        atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
        text_fini(&challenge->text);
        free(challenge);
    }
}

static struct challenge *new_challenge(unsigned number, struct str host, struct str token, struct str authorization)
{
    struct challenge *challenge = must_calloc(1, sizeof *challenge);
    challenge->number = number;
    text_init(&challenge->text);
    text_add(&challenge->text, host);
    text_add(&challenge->text, token);
    text_add(&challenge->text, authorization);
    struct str rest = text_str(&challenge->text);
    challenge->host = str_head(rest, host.len);
    challenge->token = str_head(str_skip(rest, host.len), token.len);
    challenge->authorization = str_skip(rest, host.len + token.len);
    return challenge;
}

void http_challenge_set(unsigned number, struct str host, struct str token, struct str authorization)
{
    struct challenge *challenge = new_challenge(number, host, token, authorization);
    pthread_mutex_lock(&lock);
    take_out(number);
    list_push_back(&challenges, &challenge->link);
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
}

void http_challenge_over(unsigned number)
{
    pthread_mutex_lock(&lock);
    take_out(number);
    pthread_mutex_unlock(&lock);
}

static struct str find(struct str host, struct str token, struct arena *arena)
{
    struct str found = STR_NONE;
    pthread_mutex_lock(&lock);
    list_each(link, &challenges) {
        const struct challenge *challenge = container_of(link, struct challenge, link);
        if (str_eq(challenge->host, host) && str_eq(challenge->token, token))
            found = arena_dup(arena, challenge->authorization);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

struct str http_challenge_answer(const struct facts *facts, struct arena *arena)
{
    static const struct str folder = {"/.well-known/acme-challenge/", 28};
    bool reads = facts->method == METHOD_GET || facts->method == METHOD_HEAD;
    if (atomic_load_explicit(&count, memory_order_relaxed) == 0 || !reads || facts->host.at == NULL ||
        !str_starts(facts->path, folder))
        return STR_NONE;
    return find(facts->host, str_skip(facts->path, folder.len), arena);
}
