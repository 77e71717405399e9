/*
 * Messages between the supervisor and its worker or keeper, over SOCK_SEQPACKET socket pairs: a fixed head, up to
 * MESSAGE_MAX bytes of text, and perhaps one descriptor.
 *
 * There are two pairs. On the first (WORKER_CHANNEL in the worker) each tells the other what to do and what came of it;
 * on the second (WORKER_FILES) the worker asks for the descriptor of a path and waits for it, from whatever thread.
 * Both ends are the same program (/proc/self/exe), so the head is a plain struct.
 */
#ifndef PROCESS_CHANNEL_H
#define PROCESS_CHANNEL_H

#include "base/addr.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORKER_CHANNEL = 3, WORKER_FILES = 4 }; /* descriptors in the worker */
enum { MESSAGE_MAX = 8 * 1024 };

enum message_kind {
    /* supervisor to worker */
    MESSAGE_BEGIN,   /* the first: bytes hold a struct identity; number: threads; index: flags (enum begin_flag) */
    MESSAGE_LOAD,    /* load the file named in bytes as generation `number` */
    MESSAGE_LISTEN,  /* a listening socket for thread `index` at `addr` */
    MESSAGE_LOG,     /* the open file of log row `index`; without a descriptor: it could not be opened */
    MESSAGE_ADOPT,   /* everything was passed: generation `number` begins */
    MESSAGE_DISCARD, /* forget what was loaded as `number` */
    MESSAGE_RENEW,   /* read certificate `index` anew, answered as LOAD is: LOADED means that it is served */
    MESSAGE_REOPEN,  /* like LOG, for the generation that is served */
    MESSAGE_COMMAND, /* a line of the control socket, and the connection to answer on */
    MESSAGE_DRAIN,
    MESSAGE_STOP,
    MESSAGE_TICKETS, /* bytes: struct ticket_keys, in force from now on */
    /* worker to supervisor */
    MESSAGE_TEXT, /* mistakes or warnings of the load under way, a part */
    MESSAGE_LOADED,
    MESSAGE_FAILED,
    MESSAGE_ADOPTED, /* all threads serve generation `number` */
    /* to the keeper, and back */
    MESSAGE_KEY,        /* the open file of a key; the answer has the same `index` */
    MESSAGE_LINK,       /* the end of a line to a thread of a worker */
    MESSAGE_FORGET_KEY, /* bytes: struct key_id */
    MESSAGE_PACE,       /* number: so many signatures a second and no more; 0: any number, as at first */
    MESSAGE_MAKE, /* a self-signed certificate for the names in bytes, a line each; number: 0, or MAKE_FOR_CHALLENGE and
                     a digest in front; `index` as of KEY */
    MESSAGE_MADE, /* bytes: the certificate, in PEM; number: for how many seconds the keeper gives the same again */
    MESSAGE_KEY_TAKEN,   /* bytes: struct key_id, and what is to be warned of */
    MESSAGE_KEY_REFUSED, /* bytes: why */
    /* to whoever orders certificates, and back (acme.h) */
    MESSAGE_ORDERS,     /* an open file that says what is to be ordered: replaces what was said before */
    MESSAGE_TELL_AGAIN, /* there is another worker, which knows of nothing */
    MESSAGE_CHALLENGE,  /* number; index: enum challenge_kind; bytes: name, token and key authorization (or its digest),
                          a line each. On its way to the worker the third is, for tls-alpn-01, the certificate to show */
    MESSAGE_CHALLENGE_SET, /* it is answered now */
    MESSAGE_CHALLENGE_OVER,
    MESSAGE_ORDER,       /* how order `index` is; bytes: struct order_state. Goes on to the worker */
    MESSAGE_ORDER_COUNT, /* … and how many there are: number */
    MESSAGE_HOOK,        /* from a hook; bytes: its words, a line each. Answered with number: 1 to go on */
    /* files */
    MESSAGE_CERTIFICATE, /* bytes: the paths of a certificate and of its key, a NUL in between; answered with OPENED. A
                            worker's KEY has the same, and is answered with KEY_TAKEN or KEY_REFUSED */
    MESSAGE_SELF_SIGNED, /* for the names of the TLS server `index`; answered with MADE or KEY_REFUSED */
    MESSAGE_OPEN,        /* path in bytes, purpose in number */
    MESSAGE_OPENED,      /* number: 0 and a descriptor, or errno */
};

enum { MAKE_FOR_CHALLENGE = 1 };
enum begin_flag { BEGIN_WITHOUT_SANDBOX = 1 };

struct message {
    uint32_t kind;
    uint32_t number;
    uint32_t index;
    uint32_t len; /* of bytes */
    struct addr addr;
    char bytes[MESSAGE_MAX + 1]; /* NUL-terminated */
    int fd;                      /* received with it, close-on-exec; -1: none. Owned by whoever received the message */
};

/* A pair of ends, both close-on-exec; false with errno. */
bool channel_pair(int ret_ends[2]);

struct letter_to {
    enum message_kind kind;
    uint32_t number;
    uint32_t index;
    const struct addr *addr; /* NULL: none */
    struct str text;
    bool with_fd;
    int fd;       /* borrowed */
    bool at_once; /* does not wait for room */
};

/* Waits up to five seconds for room, unless `at_once`. False: the other end is gone, or takes nothing. */
bool channel_send(int channel, const struct letter_to *letter);
/* Text of any length, as MESSAGE_TEXTs. */
bool channel_send_text(int channel, struct str text);

enum received { RECEIVED_MESSAGE, RECEIVED_NOTHING, RECEIVED_END };

/* NOTHING only when `wait` is false. A message that is malformed counts as END. */
enum received channel_receive(int channel, bool wait, struct message *ret);

#endif
