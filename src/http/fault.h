/*
 * What can go wrong with an exchange through no bug of ours. One table (fault.c) gives each fault its status towards
 * the client, its word in the log, and its counter. FAULT_NONE is 0.
 */
#ifndef HTTP_FAULT_H
#define HTTP_FAULT_H

enum fault {
    FAULT_NONE,
    /* The client's request */
    FAULT_NOT_TLS,        /* 400: on a listener for TLS, or one that passes it through */
    FAULT_BAD_HELLO,      /* 400: a ClientHello that has no one reading */
    FAULT_BAD_REQUEST,    /* 400: not the grammar of RFC 9112 or 9110 */
    FAULT_BAD_FRAMING,    /* 400: Content-Length and Transfer-Encoding that have no one reading */
    FAULT_BAD_CODING,     /* 501: a transfer coding other than chunked */
    FAULT_BAD_TARGET,     /* 400 */
    FAULT_BAD_HOST,       /* 400: Host missing, doubled, or invalid */
    FAULT_AMBIGUOUS_PATH, /* 400: the decoded reading of the path would be decided differently */
    FAULT_BAD_VERSION,    /* 505 */
    FAULT_BAD_EXPECT,     /* 417 */
    FAULT_URI_TOO_LONG,   /* 414 */
    FAULT_HEAD_TOO_LARGE, /* 431 */
    FAULT_BODY_TOO_LARGE, /* 413 */
    FAULT_BAD_CHUNK,      /* 400 */
    FAULT_METHOD_REFUSED, /* 405: CONNECT in reverse mode */
    FAULT_MISDIRECTED,    /* 421 */
    /* Cut off by: http1/server.c (head, idle), proxy/relay.c (body, reading), proxy/exchange.c (reading what is our
       own), proxy/tunnel.c, proxy/passthrough.c and net/tls_arrival.c (greetings), net/arrival.c (PROXY header). */
    FAULT_CLIENT_SLOW_HEAD,  /* 408 */
    FAULT_CLIENT_SLOW_BODY,  /* 408: idle, or under the minimum rate */
    FAULT_CLIENT_SLOW_READ,  /* no answer possible: closed */
    FAULT_CLIENT_SLOW_HELLO, /* a TLS greeting that was begun and not ended in time; closed */
    FAULT_CLIENT_GONE,       /* closed or reset by the client; nobody to answer */
    FAULT_LOOP,              /* 508: our own pseudonym stands in Via */
    /* Reaching a server */
    FAULT_NO_ROUTE,        /* 404 */
    FAULT_NO_SERVER,       /* 503: a pool without a usable server */
    FAULT_NAME_UNKNOWN,    /* 502: no such name */
    FAULT_NAME_FAILED,     /* 502: the resolver failed or timed out: 504 is FAULT_NAME_TIMEOUT */
    FAULT_NAME_TIMEOUT,    /* 504 */
    FAULT_CONNECT_FAILED,  /* 502: refused, unreachable */
    FAULT_CONNECT_TIMEOUT, /* 504 */
    FAULT_ADDRESS_DENIED,  /* 403: every address is refused by policy */
    FAULT_TLS_FAILED,      /* 502: no TLS connection came about with the server */
    FAULT_TLS_UNTRUSTED,   /* 502: its certificate was not accepted */
    FAULT_TLS_TIMEOUT,     /* 504 */
    /* The server's answer */
    FAULT_SERVER_CLOSED,     /* 502: closed or reset before the whole head */
    FAULT_SERVER_INVALID,    /* 502: not the grammar, or framing without one reading */
    FAULT_SERVER_HEAD_LARGE, /* 502 */
    FAULT_SERVER_TIMEOUT,    /* 504: no first byte in time */
    FAULT_SERVER_TRUNCATED,  /* after the head: the client sees an abort */
    FAULT_SERVER_SLOW,       /* after the head: gap or minimum rate */
    /* Ourselves */
    FAULT_OVERLOAD,      /* 503 */
    FAULT_SHUTDOWN,      /* 503: hard stop */
    FAULT_FILE,          /* 500: a file that cannot be read */
    FAULT_TUNNEL_IDLE,   /* a tunnel's time-out; no answer */
    FAULT_TUNNEL_DENIED, /* what the client sent in it is not allowed; no answer */
    FAULT_COUNT
};

struct fault_info {
    enum fault fault;
    unsigned short status; /* 0: nobody can be answered any more */
    const char *word;      /* in logs: lower case, hyphens */
    const char *reason;    /* one sentence for the error page; says nothing of servers */
};

/* Never NULL for a valid fault. */
const struct fault_info *fault_info(enum fault fault);

#endif
