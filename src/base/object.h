/*
 * How many objects of each kind are alive, so that a test can assert that none is left and `status` can show them.
 *
 * A count is a plain addition to a number of the thread's own; object_thread_done() adds them up at its end. An object
 * may die on another thread than it was born on: only the sum over all threads means anything. A new kind is a row
 * here.
 */
#ifndef BASE_OBJECT_H
#define BASE_OBJECT_H

#include "base/text.h"

/* clang-format off */
#define OBJECT_KINDS(row)                                                                                              \
    row(CONFIG, "config") row(LISTENER, "listener") row(CONN, "conn") row(TRANSPORT, "transport")                      \
    row(STREAM, "stream") row(EXCHANGE, "exchange") row(FETCH, "fetch") row(TUNNEL, "tunnel")                          \
    row(PIPE, "pipe") row(SOURCE, "source") row(SINK, "sink") row(SLICE, "slice")                                      \
    row(CODEC, "codec") row(TIMER, "timer") row(MAIL, "mail") row(JOB, "job")                                          \
    row(DIAL, "dial") row(RESOLVE, "resolve") row(POOL, "pool") row(SERVER, "server")                                  \
    row(CHECK, "check") row(LIST, "list") row(ENTRY, "entry") row(LOG, "log")                                          \
    row(SESSION, "session") row(OTHER, "other")
/* clang-format on */

#define OBJECT_ENUM(kind, name) OBJECT_##kind,
enum object_kind { OBJECT_KINDS(OBJECT_ENUM) OBJECT_KIND_COUNT };
#undef OBJECT_ENUM

void object_count_up(enum object_kind kind);
void object_count_down(enum object_kind kind);

/* Alive as far as this thread and those that are done know; may be negative while others run. */
long object_alive(enum object_kind kind);
/* The kinds whose count is not 0: "conn 2, stream 1"; nothing when all are 0. */
void object_report(struct text *into);

/* Hands on this thread's counts: at the end of a thread. */
void object_thread_done(void);

#endif
