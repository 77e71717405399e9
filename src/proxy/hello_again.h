/*
 * A tunnel behind a greeting that was judged: a server may ask for another hello (HelloRetryRequest, RFC 8446 4.1.4),
 * which nothing but the client's good will keeps from naming another host. So nothing that might be one follows the
 * first hello before the server's answer has begun; and if that asks for another hello, nothing before that was read,
 * and names what the first one did. What cannot be one passes: early data, alerts, change_cipher_spec.
 *
 * It stands in for both sources of the tunnel, for as long as that lasts; then it is in nobody's way.
 */
#ifndef PROXY_HELLO_AGAIN_H
#define PROXY_HELLO_AGAIN_H

#include "base/clock.h"
#include "flow/flow.h"
#include "net/client_hello.h"
#include "net/server_hello.h"

enum hello_again_state {
    HELLO_AGAIN_ANSWER, /* the server's first words are waited for */
    HELLO_AGAIN_HELLO,  /* it has asked for another hello, which has its time-out from then on */
    HELLO_AGAIN_DENIED, /* which is not as the first one */
    HELLO_AGAIN_OVER
};

struct hello_again {
    struct source up, down; /* instead of … */
    struct source *client, *server;
    enum hello_again_state state;
    const struct client_hello *first;
    size_t first_left; /* bytes of it that the client's source still has */
    struct buffer held;
    size_t passed;  /* bytes behind the first hello that have gone up while more were held */
    bool has_ended; /* the client, behind what is held */
    struct server_hello answer;
    struct mono asked_at;
    msec limit;
    struct client_hello hello;
};

/* `first` was read, and is borrowed, as the sources are. `read` has what was read of the client's source so far: behind
   the first hello it is taken out; when it is empty, all is still to be read. */
void hello_again_init(struct hello_again *again, struct arena *arena, const struct client_hello *first,
                      struct buffer *read, struct source *client, struct source *server, msec limit);
/* DENIED: in words, in the arena or a literal. */
struct str hello_again_why(const struct hello_again *again);
/* While another hello is waited for. */
msec hello_again_time_left(const struct hello_again *again);
void hello_again_fini(struct hello_again *again);

#endif
