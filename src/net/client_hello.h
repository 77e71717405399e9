/*
 * The first flight of a TLS client, read without decrypting anything: is it TLS at all, and if so, what does its
 * ClientHello name? (RFC 8446 4.1.2 and 5.1, RFC 6066 3, RFC 7301, RFC 9849.)
 *
 * Incremental: it is fed with the bytes as they come, cut anywhere, records included. Strict: what has no one reading
 * is malformed, never repaired, since whoever answers the hello must not find another name in it than was found here.
 * Bounded: CLIENT_HELLO_MAX bytes in all, but for what is skipped. The message's copy and what is found in it live in
 * the arena.
 */
#ifndef NET_CLIENT_HELLO_H
#define NET_CLIENT_HELLO_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

enum { CLIENT_HELLO_MAX = 16 * 1024 };

enum client_hello_state {
    CLIENT_HELLO_MORE,
    CLIENT_HELLO_WHOLE,
    CLIENT_HELLO_NOT_TLS,  /* what came begins no TLS record: plain HTTP … */
    CLIENT_HELLO_MALFORMED /* it does, or is an SSLv2 hello, but is no ClientHello that has one reading; or too long */
};

struct client_hello {
    struct arena *arena;
    enum client_hello_state state;
    const char *wrong; /* MALFORMED: why, a literal */
    size_t taken;      /* bytes, record headers included */
    size_t skipped;    /* of them before it; see client_hello_init_again() */

    /* WHOLE */
    struct str name;      /* server_name in the form that hostname_normal() makes; at == NULL: none */
    struct str protocols; /* ALPN: the list as it was sent, for client_hello_protocol(); at == NULL: none */
    bool has_ech;         /* encrypted_client_hello, outer: `name` may be a front. Browsers send a dummy of it, too */

    /* while it is read */
    bool is_again;            /* see client_hello_init_again() */
    unsigned char record[5];  /* header of the record at hand */
    size_t record_len;        /* bytes of the header that are there … */
    size_t record_left;       /* … and of the record, still to come */
    unsigned char message[4]; /* header of the handshake message */
    size_t message_len;
    char *body;
    size_t body_size;
    size_t body_room; /* grows with what comes, not with what was announced */
    size_t body_len;
};

void client_hello_init(struct client_hello *hello, struct arena *arena);
/* For the one that a HelloRetryRequest has asked for: before it there may be alerts, a change_cipher_spec (RFC 8446
   D.4) and early data that the server skips (4.2.10): as much as the client likes to send, since nothing of it is
   kept. */
void client_hello_init_again(struct client_hello *hello, struct arena *arena);
/* Has nothing of a hello come, but perhaps of what may stand before it? */
bool client_hello_has_not_begun(const struct client_hello *hello);

/* Feeds it: the next bytes of the client. *ret_used of them belong to the first flight's records; less than all only
   when it is no longer MORE. */
enum client_hello_state client_hello_read(struct client_hello *hello, struct str bytes, size_t *ret_used);

/* The client has ended: a hello that was begun is malformed. */
void client_hello_end(struct client_hello *hello);

/* The one name in an extension server_name, as it was sent; false: there is not one, or it is not of a host, or not
   ASCII. */
bool client_hello_host(struct str data, struct str *ret_name);

/* Takes the next protocol's name off the list; false at its end. */
bool client_hello_protocol(struct str *protocols, struct str *ret_name);

#endif
