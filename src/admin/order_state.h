/*
 * How the order of a certificate is, as it travels from the process that orders to the worker, which shows it.
 */
#ifndef ADMIN_ORDER_STATE_H
#define ADMIN_ORDER_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum { ORDER_NAME_MAX = 254, ORDER_REASON_MAX = 240, ORDER_ERROR_MAX = 2 * ORDER_REASON_MAX + 32 };

struct order_state {
    char name[ORDER_NAME_MAX];   /* the first */
    uint32_t names;              /* how many */
    uint32_t failures;           /* since the last success */
    bool is_running;             /* an order is under way */
    bool is_unread;              /* whoever orders may not read the certificate, if there is one */
    int64_t until;               /* of the certificate, in seconds since 1970; 0: it is self-signed, or unread */
    int64_t next;                /* the next attempt, likewise; 0: at once */
    char error[ORDER_ERROR_MAX]; /* of the last failure, a reason or one for each challenge; "": none */
};

#endif
