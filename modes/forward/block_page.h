/*
 * What somebody sees whose request was refused: which site, by which rule, why, and the id to ask the administrator
 * about. All of it is escaped. An `error-page` of the block, or the rule's own `page`, takes its place.
 */
#ifndef FORWARD_BLOCK_PAGE_H
#define FORWARD_BLOCK_PAGE_H

#include "http/facts.h"

/* From facts after the verdict. In the arena. */
struct str block_page(const struct facts *facts, struct arena *arena);

/* For somebody who took the proxy for a server: an origin-form request. */
struct str not_a_server_page(const struct facts *facts, struct arena *arena);

#endif
