#include "proxy/greeting.h"

#include "base/must.h"

void greeting_init(struct greeting *greeting, struct arena *arena, msec limit)
{
    *greeting = (struct greeting){.limit = limit};
    client_hello_init(&greeting->hello, arena);
}

struct greeting *greeting_new(struct arena *arena, msec limit)
{
    struct greeting *greeting = arena_new(arena, struct greeting);
    greeting_init(greeting, arena, limit);
    return greeting;
}

bool greeting_is_known(const struct greeting *greeting)
{
    return greeting->is_silent || greeting->hello.state != CLIENT_HELLO_MORE;
}

bool greeting_has_begun(const struct greeting *greeting)
{
    return greeting->hello.taken > 0;
}

msec greeting_time_left(const struct greeting *greeting)
{
    return greeting->limit - mono_since(greeting->begun_at, clock_mono());
}

void greeting_read_held(struct client_hello *hello, const struct buffer *held, size_t skip)
{
    struct iovec pieces[16];
    while (hello->state == CLIENT_HELLO_MORE && skip < held->len) {
        int count = buffer_iov_behind(held, skip, pieces, (int)lengthof(pieces));
        for (int i = 0; i < count; i++) {
            size_t used;
            client_hello_read(hello, str_from(pieces[i].iov_base, pieces[i].iov_len), &used);
            skip += used;
        }
    }
}

enum flow greeting_run(struct greeting *greeting, struct source *from, struct buffer *held, struct task *who)
{
    struct client_hello *hello = &greeting->hello;
    while (!greeting_is_known(greeting)) {
        enum flow flow = from->ops->read(from, held, BLOCK_SIZE, who);
        if (hello->taken == 0 && held->len > 0)
            greeting->begun_at = clock_mono();
        greeting_read_held(hello, held, hello->taken);
        if (flow == FLOW_END) {
            client_hello_end(hello);
            greeting->is_silent = hello->taken == 0;
        } else if (flow == FLOW_FAIL || (flow == FLOW_WAIT && hello->state == CLIENT_HELLO_MORE)) {
            buffer_compact(held);
            return flow;
        }
    }
    return FLOW_END;
}
