/*
 * One question to an OCSP responder, by HTTP (RFC 6960 appendix A): an operation that is polled. It takes no longer
 * than ten seconds, and no more than TLS_OCSP_ANSWER_MAX bytes.
 */
#ifndef PROCESS_OCSP_FETCH_H
#define PROCESS_OCSP_FETCH_H

#include "loop/task.h"
#include "net/resolver.h"
#include "net/tls_ocsp.h"

struct ocsp_fetch;

/* `resolver` and `ocsp` are borrowed for its life; `who` is woken when time is up. */
struct ocsp_fetch *ocsp_fetch_new(struct resolver *resolver, const struct tls_ocsp *ocsp, struct task *who);
void ocsp_fetch_free(struct ocsp_fetch *fetch);
/* END: *ret_answer is set, borrowed from the fetch. FAIL: *ret_why says why, in words. */
enum flow ocsp_fetch_poll(struct ocsp_fetch *fetch, struct task *who, struct str *ret_answer, const char **ret_why);

#endif
