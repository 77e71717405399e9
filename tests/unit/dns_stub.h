/*
 * A name server on a port of the loopback, in a thread: UDP and TCP. What it answers is in the first label of the name.
 */
#ifndef TESTS_UNIT_DNS_STUB_H
#define TESTS_UNIT_DNS_STUB_H

#include "base/addr.h"

struct dns_stub;

struct dns_stub *dns_stub_start(void);
void dns_stub_stop(struct dns_stub *stub);
struct addr dns_stub_addr(const struct dns_stub *stub);
/* Questions that have come, over UDP. */
int dns_stub_asked(struct dns_stub *stub);
/* What every address it gives ends in; 1 at first. */
void dns_stub_set_last(struct dns_stub *stub, int last);

#endif
