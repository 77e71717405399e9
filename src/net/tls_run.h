/*
 * What is written over TLS, sealed: several records are sent in one call. Records are longer than what is in them, so
 * bytes stay in the buffer that they come from until their records are sent: as long as it is not empty, its owner
 * comes again.
 */
#ifndef NET_TLS_RUN_H
#define NET_TLS_RUN_H

#include "base/str.h"
#include "loop/task.h"

#include <stdbool.h>

struct buffer;
struct ssl_st;
struct transport;
struct tls_run;

struct tls_run *tls_run_new(void);
void tls_run_free(struct tls_run *run); /* NULL is none */

/* What the library writes, copied. False: it is too much; a peer makes us answer and does not read. */
bool tls_run_take(struct tls_run *run, struct str record);
/* Seals what is in front of `from`, which keeps it, through `ssl`, whose BIO gives it to tls_run_take(). False: the
   library fails. */
bool tls_run_seal(struct tls_run *run, struct ssl_st *ssl, const struct buffer *from);
/* Nothing was sealed, nor written by the library itself. */
bool tls_run_is_empty(const struct tls_run *run);
/* MORE: all is sent, and the run can go. Drops from `from` what is no longer needed. */
enum flow tls_run_send(struct tls_run *run, struct transport *tcp, struct buffer *from, struct task *who);

#endif
