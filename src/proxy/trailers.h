/*
 * Trailers (RFC 9110 section 6.5): dropped, unless the sender has announced them in Trailer and they are harmless;
 * never merged into the head. Harmless is what gatehouse does not know, since everything it knows bears on framing,
 * routing, credentials, caching or content.
 */
#ifndef PROXY_TRAILERS_H
#define PROXY_TRAILERS_H

#include "http/head.h"
#include "http/stream.h"

/* Between two chunked messages: adds Trailer with the harmless names that `from` announces to `out`. False when there
   are none. */
bool trailers_announce(const struct head *from, struct head *out, struct arena *arena);
/* After the head was sent: those that then come with `from`'s body leave at the end of `to`'s. */
void trailers_pass(struct stream *from, struct stream *to);

#endif
