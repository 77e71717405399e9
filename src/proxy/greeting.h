/*
 * What a client sends first in a tunnel, or on a listener that passes TLS through, held back while it is found out
 * whether it is TLS and what its hello names. Nothing of it has gone to the server before that is known and was judged;
 * what comes down passes meanwhile, so that servers that speak first work.
 *
 * At most CLIENT_HELLO_MAX bytes and one read more are held, and no longer than the time-out from the first byte on; few
 * bytes in little memory. In the exchange's arena.
 */
#ifndef PROXY_GREETING_H
#define PROXY_GREETING_H

#include "base/clock.h"
#include "flow/flow.h"
#include "net/client_hello.h"

struct greeting {
    struct client_hello hello;
    struct mono begun_at; /* first byte */
    msec limit;
    bool is_silent; /* the client ended its side without a byte */
};

void greeting_init(struct greeting *greeting, struct arena *arena, msec limit);
struct greeting *greeting_new(struct arena *arena, msec limit);
/* Reads into `held`, which held nothing before the first call, until it is known. END, WAIT, FAIL: the client is
   gone. */
enum flow greeting_run(struct greeting *greeting, struct source *from, struct buffer *held, struct task *who);

/* Feeds `hello` with the held bytes behind the first `skip`. */
void greeting_read_held(struct client_hello *hello, const struct buffer *held, size_t skip);

bool greeting_is_known(const struct greeting *greeting);
bool greeting_has_begun(const struct greeting *greeting);
/* Until the time-out, once it has begun. */
msec greeting_time_left(const struct greeting *greeting);

#endif
