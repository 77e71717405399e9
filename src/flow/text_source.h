/*
 * A source of bytes that are all there: the body of an answer of our own.
 */
#ifndef FLOW_TEXT_SOURCE_H
#define FLOW_TEXT_SOURCE_H

#include "base/arena.h"
#include "flow/flow.h"

/* Lives in the arena, and so must the bytes: they are referenced, not copied. */
struct source *text_source(struct arena *arena, struct str bytes);

#endif
