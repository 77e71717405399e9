/*
 * An order: what is wanted, when it is due, and how it went so far. Nothing here runs anything.
 *
 * Due is a certificate that is not there, does not hold all names, or has less than a third of its lifetime left (a
 * little earlier, by chance, so that what was ordered together is not renewed together). After a failure the next
 * attempt is a minute later, then two, four, … up to six hours; that is remembered in a file, so that to start again is
 * no way to ask more often.
 */
#ifndef PROCESS_ACME_ORDER_H
#define PROCESS_ACME_ORDER_H

#include "admin/order_state.h"
#include "base/list.h"
#include "base/text.h"
#include "process/acme.h"
#include "process/acme_run.h"

enum order_step { ORDER_REGISTER, ORDER_ISSUE };
enum order_outcome { ORDER_GOES_ON, ORDER_IS_DONE, ORDER_HAS_FAILED };

struct order {
    struct list link;
    struct str text;                  /* the order as it was given; owned: two with one text are the same */
    char *folder, *directory, *email; /* email NULL: none */
    char **names;
    size_t name_count;
    enum challenge_kind kinds[CHALLENGE_KIND_COUNT]; /* in the order in which they are tried */
    size_t kind_count;
    char *certificate, *key, *memory, *account, *account_key; /* paths */
    struct order_state state;
    unsigned chance;    /* 0 to 999: how early it is renewed */
    bool is_remembered; /* the memory was written; somebody who removes it wants it forgotten */
    bool is_unwritten;  /* the memory could not be written: what it says is older */

    /* under way */
    struct acme_run run;
    enum order_step step;
    size_t kind;                          /* which of `kinds` */
    bool is_unproved;                     /* it has come to a challenge, and not to a good end of it */
    char reason_before[ORDER_REASON_MAX]; /* why the kind before it has failed; "": there was none */
    bool has_registered;                  /* in this attempt */
    unsigned challenge;                   /* its number; 0: none */
    bool is_hook_waiting;                 /* for the worker to answer it */
    char *challenge_text;                 /* name, token, authorization */
    bool is_wanted;                       /* while the orders are replaced */
};

/* Takes the next order out of `rest`: lines `KEY VALUE` up to an empty one. NULL: there is none, or it is malformed. */
struct order *order_read(struct str *rest);
void order_free(struct order *order);
/* The lines of an order. */
struct order_lines {
    const char *folder, *directory;
    struct str email; /* at == NULL: none */
    struct str names; /* a line each */
    const enum challenge_kind *kinds;
    size_t kind_count;
};
void order_write(const struct order_lines *lines, struct text *into);

/* Looks at certificate and memory: sets state.until and state.next. */
void order_look(struct order *order, int64_t now);
/* Before its first run, while nobody else works in its folder. False with a reason in state.error: what is not
   remembered is not ordered, since failures would be forgotten while they use up what the authority allows. */
bool order_prepare(struct order *order);
/* It went wrong, for the reason in state.error: sets when to try again, and remembers. */
void order_failed(struct order *order, int64_t now);
/* Looks at what has come. False: it is not what was ordered (state.error says so). */
bool order_succeeded(struct order *order, int64_t now);

/* What is to be done with the account: "new", "update" when it has another address of mail; NULL: nothing. */
const char *order_account_step(const struct order *order);
/* How long until the clock alone makes it due for something; -1: it does not, another one's end or its own is waited
   for. */
msec order_patience(const struct order *order, int64_t now, struct mono mono);
/* What comes of a run that has ended, well or not: a next one, a look at what has come, or failure, with the reason in
   state.error. */
enum order_outcome order_judge(struct order *order, bool is_fine);

/* Seconds after the n-th failure in a row, n > 0. */
int64_t order_delay(unsigned failures);
/* When a certificate is to be renewed. `chance` is below 1000. */
int64_t order_renewal(int64_t from, int64_t until, unsigned chance);

#endif
