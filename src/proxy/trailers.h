/*
 * Trailers (RFC 9110 section 6.5): dropped, unless the sender has announced them in Trailer and they are harmless;
 * never merged into the head. Harmless is what gatehouse does not know, since everything it knows bears on framing,
 * routing, credentials, caching or content; and of that what the mode and the rules leave to the sender, since some
 * recipients do merge them.
 */
#ifndef PROXY_TRAILERS_H
#define PROXY_TRAILERS_H

#include "acl/rule_conf.h"
#include "http/head.h"
#include "http/stream.h"

struct exchange;

/* Between two chunked messages, `out` edited by the mode: adds Trailer with the harmless names that `from` announces to
   it. What is to be given to trailers_pass(), in the exchange's arena; NULL: there are none. */
const struct fields *trailers_announce(const struct exchange *x, enum rule_side side, const struct head *from,
                                       struct head *out);
/* After the head was sent: those that then come with `from`'s body leave at the end of `to`'s. */
void trailers_pass(struct stream *from, struct stream *to, const struct fields *announced);

#endif
