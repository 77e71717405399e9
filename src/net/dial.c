#include "net/dial.h"

#include "base/must.h"
#include "base/object.h"
#include "loop/timer.h"

#include <errno.h>
#include <stdlib.h>

enum {
    ATTEMPT_DELAY = 250, /* RFC 8305 section 5 */
    ATTEMPTS_MAX = 8,    /* under way at once */
};

enum stage { DIAL_RESOLVES, DIAL_TRIES, DIAL_DONE };

struct attempt {
    struct transport *transport; /* NULL: none */
    struct timer timer;
    struct addr to;
};

struct dial {
    enum stage stage;
    enum dial_result result;
    struct lookup *lookup; /* NULL: `address` is dialled */
    struct addr address;
    uint16_t port;
    struct addresses addresses;
    size_t next; /* the address to be tried next */
    msec connect_timeout;
    const struct dial_policy *policy;
    struct attempt attempts[ATTEMPTS_MAX];
    struct timer delay; /* set while the next attempt waits for its turn */
    struct transport *connected;
    struct addr peer;
};

static struct dial *dial_new(msec connect_timeout, const struct dial_policy *policy)
{
    struct dial *dial = must_calloc(1, sizeof *dial);
    object_count_up(OBJECT_DIAL);
    dial->connect_timeout = connect_timeout;
    dial->policy = policy;
    dial->result = DIAL_DENIED; /* until something else is known */
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        timer_init(&dial->attempts[i].timer, NULL);
    timer_init(&dial->delay, NULL);
    return dial;
}

struct dial *dial_address(const struct addr *to, msec connect_timeout, const struct dial_policy *policy)
{
    struct dial *dial = dial_new(connect_timeout, policy);
    dial->stage = DIAL_TRIES;
    dial->address = *to;
    dial->addresses.count = 1;
    return dial;
}

struct dial *dial_name(struct resolver *resolver, struct str host, uint16_t port, msec connect_timeout,
                       const struct dial_policy *policy)
{
    struct dial *dial = dial_new(connect_timeout, policy);
    dial->stage = DIAL_RESOLVES;
    dial->port = port;
    dial->lookup = lookup_new(resolver, host);
    return dial;
}

/* About the address that is handed to connect(), and nothing else. A unix socket is not an address of the network. */
static bool may_dial(const struct dial *dial, const struct addr *to)
{
    if (to->as.any.sa_family == AF_UNIX)
        return true;
    struct ip ip = addr_ip(to);
    if (ip_is_undialable(&ip))
        return false;
    return dial->policy == NULL || dial->policy->may(dial->policy, &ip, addr_port(to));
}

static void end_attempt(struct attempt *attempt)
{
    timer_clear(&attempt->timer);
    transport_free(attempt->transport);
    attempt->transport = NULL;
}

static void end_attempts(struct dial *dial)
{
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        end_attempt(&dial->attempts[i]);
    timer_clear(&dial->delay);
}

static enum flow finish(struct dial *dial, enum dial_result result)
{
    end_attempts(dial);
    dial->stage = DIAL_DONE;
    dial->result = result;
    return result == DIAL_OK ? FLOW_END : FLOW_FAIL;
}

static void note_failure(struct dial *dial, int error)
{
    dial->result = error == ETIMEDOUT ? DIAL_TIMEOUT : DIAL_REFUSED;
}

/* Names */

static enum flow resolve(struct dial *dial, struct task *who)
{
    static const enum dial_result results[] = {
        [LOOKUP_NO_NAME] = DIAL_NO_NAME, [LOOKUP_FAILED] = DIAL_NAME_FAILED, [LOOKUP_TIMEOUT] = DIAL_NAME_TIMEOUT};
    enum lookup_result result;
    if (lookup_poll(dial->lookup, &result, &dial->addresses, who) == FLOW_WAIT)
        return FLOW_WAIT;
    if (result != LOOKUP_OK)
        return finish(dial, results[result]);
    dial->stage = DIAL_TRIES;
    return FLOW_MORE;
}

/* Attempts */

static bool has_next(const struct dial *dial)
{
    return dial->next < dial->addresses.count;
}

static struct addr take_next(struct dial *dial)
{
    size_t next = dial->next++;
    return dial->lookup == NULL ? dial->address : addr_of_ip(&dial->addresses.at[next], dial->port);
}

static struct attempt *spare_attempt(struct dial *dial)
{
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        if (dial->attempts[i].transport == NULL)
            return &dial->attempts[i];
    return NULL;
}

/* Begins with the next address that may be dialled and does not fail at once. */
static void start_next(struct dial *dial)
{
    struct attempt *attempt = spare_attempt(dial);
    timer_clear(&dial->delay);
    while (attempt != NULL && attempt->transport == NULL && has_next(dial)) {
        attempt->to = take_next(dial);
        if (!may_dial(dial, &attempt->to))
            continue;
        attempt->transport = tcp_connect(&attempt->to);
        if (attempt->transport == NULL)
            note_failure(dial, errno);
    }
    if (attempt == NULL || attempt->transport == NULL)
        return;
    timer_set(&attempt->timer, dial->connect_timeout);
    if (has_next(dial))
        timer_set(&dial->delay, ATTEMPT_DELAY);
}

static void win(struct dial *dial, struct attempt *attempt)
{
    dial->connected = attempt->transport;
    dial->peer = attempt->to;
    transport_unwatch(dial->connected);
    attempt->transport = NULL;
}

/* END: connected. WAIT: some are under way. FAIL: none is, one may have failed just now. */
static enum flow poll_attempts(struct dial *dial, struct task *who, bool *ret_has_failed)
{
    enum flow sum = FLOW_FAIL;
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        struct attempt *attempt = &dial->attempts[i];
        if (attempt->transport == NULL)
            continue;
        attempt->timer.task = who;
        enum flow flow = tcp_connected(attempt->transport, who);
        if (flow == FLOW_END) {
            win(dial, attempt);
            return FLOW_END;
        }
        if (flow == FLOW_WAIT && !timer_is_due(&attempt->timer)) {
            sum = FLOW_WAIT;
            continue;
        }
        note_failure(dial, flow == FLOW_FAIL ? attempt->transport->error : ETIMEDOUT);
        end_attempt(attempt);
        *ret_has_failed = true;
    }
    return sum;
}

/* The next attempt begins when the last has failed, or has had its time alone. */
static enum flow try(struct dial *dial, struct task *who)
{
    dial->delay.task = who;
    for (;;) {
        bool has_failed = false;
        enum flow flow = poll_attempts(dial, who, &has_failed);
        if (flow == FLOW_END)
            return finish(dial, DIAL_OK);
        if (flow == FLOW_FAIL && !has_next(dial))
            return finish(dial, dial->result);
        bool may_start = flow == FLOW_FAIL || has_failed || timer_is_due(&dial->delay);
        if (!may_start || !has_next(dial) || spare_attempt(dial) == NULL)
            return FLOW_WAIT;
        start_next(dial);
    }
}

enum flow dial_poll(struct dial *dial, struct task *who)
{
    if (dial->stage == DIAL_RESOLVES) {
        enum flow flow = resolve(dial, who);
        if (flow != FLOW_MORE)
            return flow;
    }
    if (dial->stage == DIAL_TRIES)
        return try(dial, who);
    return dial->result == DIAL_OK ? FLOW_END : FLOW_FAIL;
}

enum dial_result dial_result_of(const struct dial *dial)
{
    return dial->result;
}

struct transport *dial_take(struct dial *dial, struct addr *ret_peer)
{
    must(dial->connected != NULL);
    struct transport *transport = dial->connected;
    dial->connected = NULL;
    *ret_peer = dial->peer;
    return transport;
}

void dial_free(struct dial *dial)
{
    if (dial == NULL)
        return;
    end_attempts(dial);
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        timer_fini(&dial->attempts[i].timer);
    timer_fini(&dial->delay);
    transport_free(dial->connected);
    lookup_free(dial->lookup);
    object_count_down(OBJECT_DIAL);
    free(dial);
}
