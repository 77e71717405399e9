#include "proxy/hello_again.h"

#include "base/must.h"
#include "proxy/greeting.h"

/* Up */

static bool is_same(const struct client_hello *first, const struct client_hello *hello)
{
    return hello->state == CLIENT_HELLO_WHOLE && str_eq(first->name, hello->name) && first->has_ech == hello->has_ech;
}

/* A client that takes leave instead (an alert) has sent nothing to be judged. */
static void judge(struct hello_again *again)
{
    struct client_hello *hello = &again->hello;
    bool is_leave = again->has_ended && hello->state == CLIENT_HELLO_MORE && client_hello_has_not_begun(hello);
    if (again->has_ended && !is_leave)
        client_hello_end(hello);
    if (is_leave || is_same(again->first, hello))
        again->state = HELLO_AGAIN_OVER;
    else if (hello->state != CLIENT_HELLO_MORE)
        again->state = HELLO_AGAIN_DENIED;
}

struct str hello_again_why(const struct hello_again *again)
{
    const struct client_hello *hello = &again->hello;
    if (hello->state != CLIENT_HELLO_WHOLE)
        return arena_printf(hello->arena, "the greeting that the server has asked for cannot be read: %s",
                            hello->wrong);
    if (!str_eq(again->first->name, hello->name))
        return STR("the greeting that the server has asked for names something else than the first");
    return STR("of the first greeting and the one that the server has asked for, one alone may hide its name");
}

/* FAIL: the client is gone. WAIT: no more is there, or is wanted. */
static enum flow hold_more(struct hello_again *again, size_t most, struct task *who)
{
    enum flow flow = FLOW_MORE;
    while (flow == FLOW_MORE && again->held.len < most && !again->has_ended)
        flow = again->client->ops->read(again->client, &again->held, BLOCK_SIZE, who);
    again->has_ended |= flow == FLOW_END;
    return flow == FLOW_FAIL ? flow : FLOW_WAIT;
}

static enum flow hold(struct hello_again *again, struct task *who)
{
    enum { AHEAD = CLIENT_HELLO_MAX, ALL = 4 * CLIENT_HELLO_MAX };
    if (again->state == HELLO_AGAIN_DENIED)
        return FLOW_FAIL;
    if (hold_more(again, again->state == HELLO_AGAIN_HELLO ? ALL : AHEAD, who) == FLOW_FAIL)
        return FLOW_FAIL;
    greeting_read_held(&again->hello, &again->held, again->hello.taken - again->passed);
    if (again->state == HELLO_AGAIN_HELLO)
        judge(again);
    else if (again->has_ended) /* it could not go on with another handshake */
        again->state = HELLO_AGAIN_OVER;
    buffer_compact(&again->held);
    return again->state == HELLO_AGAIN_DENIED ? FLOW_FAIL : FLOW_WAIT;
}

static enum flow read_first(struct hello_again *again, struct buffer *into, size_t room, struct task *who)
{
    size_t before = into->len;
    enum flow flow = again->client->ops->read(again->client, into, room < again->first_left ? room : again->first_left,
                                              who);
    again->first_left -= into->len - before;
    return flow;
}

static enum flow read_up(struct source *source, struct buffer *into, size_t room, struct task *who)
{
    struct hello_again *again = container_of(source, struct hello_again, up);
    if (again->first_left > 0)
        return read_first(again, into, room, who);
    if (again->state != HELLO_AGAIN_OVER && hold(again, who) == FLOW_FAIL)
        return FLOW_FAIL;
    size_t len = again->state == HELLO_AGAIN_OVER ? again->held.len : again->hello.skipped - again->passed;
    if (len > 0) {
        len = len < room ? len : room;
        again->passed += len;
        buffer_move(into, &again->held, len);
        return FLOW_MORE;
    }
    if (again->has_ended && again->held.len == 0)
        return FLOW_END;
    return again->state == HELLO_AGAIN_OVER ? again->client->ops->read(again->client, into, room, who) : FLOW_WAIT;
}

static bool shorten_up(struct source *source, struct shortcut *ret)
{
    struct hello_again *again = container_of(source, struct hello_again, up);
    bool is_through = again->state == HELLO_AGAIN_OVER && again->held.len == 0 && !again->has_ended;
    const struct source_ops *client = again->client->ops;
    return is_through && client->shortcut != NULL && client->shortcut(again->client, ret);
}

static void took_up(struct source *source, uint64_t len)
{
    struct source *client = container_of(source, struct hello_again, up)->client;
    client->ops->took(client, len);
}

/* Down */

static void hear(struct hello_again *again, const struct buffer *into, size_t from)
{
    struct iovec pieces[16];
    int count = buffer_iov_behind(into, from, pieces, (int)lengthof(pieces));
    for (int i = 0; i < count; i++)
        server_hello_read(&again->answer, str_from(pieces[i].iov_base, pieces[i].iov_len));
}

static enum flow read_down(struct source *source, struct buffer *into, size_t room, struct task *who)
{
    struct hello_again *again = container_of(source, struct hello_again, down);
    size_t before = into->len;
    enum flow flow = again->server->ops->read(again->server, into, room, who);
    if (again->state != HELLO_AGAIN_ANSWER)
        return flow;
    hear(again, into, before);
    if (again->answer.state == SERVER_HELLO_RETRY) {
        again->state = HELLO_AGAIN_HELLO;
        again->asked_at = clock_mono();
    } else if (again->answer.state == SERVER_HELLO_OTHER || flow == FLOW_END) {
        again->state = HELLO_AGAIN_OVER;
    }
    return flow;
}

static bool shorten_down(struct source *source, struct shortcut *ret)
{
    struct hello_again *again = container_of(source, struct hello_again, down);
    const struct source_ops *server = again->server->ops;
    return again->state != HELLO_AGAIN_ANSWER && server->shortcut != NULL && server->shortcut(again->server, ret);
}

static void took_down(struct source *source, uint64_t len)
{
    struct source *server = container_of(source, struct hello_again, down)->server;
    server->ops->took(server, len);
}

/* Both */

static const struct source_ops up_ops = {.read = read_up, .shortcut = shorten_up, .took = took_up};
static const struct source_ops down_ops = {.read = read_down, .shortcut = shorten_down, .took = took_down};

void hello_again_init(struct hello_again *again, struct arena *arena, const struct client_hello *first,
                      struct buffer *read, struct source *client, struct source *server, msec limit)
{
    *again = (struct hello_again){.up.ops = &up_ops, .down.ops = &down_ops, .client = client, .server = server};
    again->first = first;
    again->limit = limit;
    client_hello_init_again(&again->hello, arena);
    if (read->len == 0) {
        again->first_left = first->taken;
        return;
    }
    struct buffer hello;
    buffer_init(&hello);
    buffer_move(&hello, read, first->taken);
    again->held = *read;
    *read = hello;
}

msec hello_again_time_left(const struct hello_again *again)
{
    return again->limit - mono_since(again->asked_at, clock_mono());
}

void hello_again_fini(struct hello_again *again)
{
    buffer_clear(&again->held);
}
