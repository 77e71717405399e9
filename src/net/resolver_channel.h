/*
 * Asks name servers: a c-ares channel of this thread. Private to the resolver.
 *
 * A question is embedded in what wants to know; it is answered once, from the loop or already while it is asked. It
 * can't be taken back: its owner lives until it is answered.
 */
#ifndef NET_RESOLVER_CHANNEL_H
#define NET_RESOLVER_CHANNEL_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "net/dns_answer.h"

struct resolver_channel;

enum question_result {
    QUESTION_YES, /* at least one address */
    QUESTION_NO,  /* no such name, or none of this type */
    QUESTION_FAILED,
    QUESTION_TIMEOUT,
    QUESTION_DROPPED /* the channel was freed */
};

struct question {
    struct list link;
    struct resolver_channel *channel;
    const char *name; /* terminated; borrowed until the answer */
    int type;
    /* `answer` has addresses with YES, perhaps a TTL with NO, and is NULL otherwise. */
    void (*answered)(struct question *question, enum question_result result, const struct dns_answer *answer);
};

/* `attempt`: how long one server is waited for before the next is asked. */
struct resolver_channel *resolver_channel_new(msec attempt);
void resolver_channel_free(struct resolver_channel *channel);
/* What is being asked is asked anew, of these or with that time. */
void resolver_channel_set_attempt(struct resolver_channel *channel, msec attempt);
void resolver_channel_set_servers(struct resolver_channel *channel, const struct addr *servers, size_t count);
void resolver_channel_ask(struct resolver_channel *channel, struct question *question);

#endif
