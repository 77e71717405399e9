/*
 * A thread's line to the keeper. A signature is asked for inside of an asynchronous job of OpenSSL, which is put aside
 * until the answer is there: the handshake waits, the loop does not.
 *
 * When the keeper dies, what was asked is asked again of its successor, which the supervisor starts; a new line is
 * fetched on a helper thread.
 */
#ifndef NET_KEEPER_LINK_H
#define NET_KEEPER_LINK_H

#include "base/opener.h"
#include "loop/task.h"
#include "net/keeper_protocol.h"

#include <stdbool.h>

/* For this thread; the line is opened at the first question. `opener` is borrowed. */
void keeper_link_begin(struct opener *opener);
/* No question is open any more. */
void keeper_link_end(void);

/* Whom the answer wakes that a handshake of this thread, about to be resumed, may have to wait for; NULL: nobody any
   more, the connection is given up and its question is answered with false. Set before SSL_do_handshake(). */
struct signer {
    struct task *waiter;
    bool is_given_up;
    const char *why; /* the last question was refused; NULL: it was not */
};
void keeper_link_set_signer(struct signer *signer);

/* For functions that wait inside of a job. AddressSanitizer keeps the variables of others on a stack of its own, which
   it clears of what is below the stack that runs: it does not know those of jobs. */
#ifdef SANITIZED
#define WAITS_IN_JOB __attribute__((no_sanitize("address")))
#else
#define WAITS_IN_JOB
#endif

/* Only inside of a job. False: refused, or given up. */
bool keeper_link_sign(const struct sign_question *question, struct sign_answer *ret);

#endif
