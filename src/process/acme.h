/*
 * Certificates that are ordered from an authority (RFC 8555): a process of its own, under a user of its own, that knows
 * which are wanted, when each is due, and runs `uacme` for it. It reads what comes from the authority, or rather from
 * `uacme`; so neither supervisor nor keeper does.
 *
 *   supervisor -- acme -- uacme, one for an order -- the hook: this program again, which asks acme over an inherited
 *   socket
 *
 * Files lie below the folder `acme` of `state`, which belongs to this user alone: a folder for each authority, as uacme
 * wants it (private/key.pem, NAME/cert.pem, private/NAME/key.pem), with a file NAME/order of ours that remembers
 * failures.
 *
 * Its messages (channel.h): BEGIN, ORDERS, TELL_AGAIN; CHALLENGE, answered with CHALLENGE_SET when the worker answers
 * it; CHALLENGE_OVER; ORDER, ORDER_COUNT. It ends when its supervisor does, and uacme with it.
 */
#ifndef PROCESS_ACME_H
#define PROCESS_ACME_H

#include <stdbool.h>

enum challenge_kind { CHALLENGE_HTTP, CHALLENGE_TLS_ALPN, CHALLENGE_KIND_COUNT };
extern const char *const challenge_names[CHALLENGE_KIND_COUNT]; /* "http-01", "tls-alpn-01" */

int acme_main(void);

/* Is this program run as the hook of uacme? */
bool acme_is_hook(int count, char *const *words);
/* Asks acme, and ends with the status that uacme expects: 0 to go on. */
int acme_hook_main(int count, char *const *words);

#endif
