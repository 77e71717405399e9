/*
 * The first of what a TLS server answers, read without decrypting anything: has it asked for another hello (RFC 8446
 * 4.1.4)? Incremental: fed with the bytes as they come, cut anywhere, records included. Of servers that keep to the
 * protocol; what is none of it, no client goes on with.
 */
#ifndef NET_SERVER_HELLO_H
#define NET_SERVER_HELLO_H

#include "base/str.h"

enum server_hello_state {
    SERVER_HELLO_MORE,
    SERVER_HELLO_RETRY, /* HelloRetryRequest: the client's next message in clear is a hello again */
    SERVER_HELLO_OTHER  /* its answer to the first hello, or nothing of TLS */
};

enum { SERVER_HELLO_HEAD = 1 + 3 + 2 + 32 }; /* of the message, up to the end of its random: RFC 8446 4.1.3 */

struct server_hello {
    enum server_hello_state state;
    unsigned char record[5]; /* header of the record at hand */
    size_t record_len;       /* bytes of the header that are there … */
    size_t record_left;      /* … and of the record, still to come */
    char message[SERVER_HELLO_HEAD];
    size_t message_len;
};

/* Begins zeroed. */
enum server_hello_state server_hello_read(struct server_hello *hello, struct str bytes);

#endif
