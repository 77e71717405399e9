/*
 * The heads that pass through a forward block: nothing tells the site who the client is, unless `conceal off`.
 */
#ifndef FORWARD_EDIT_H
#define FORWARD_EDIT_H

#include "http/facts.h"

/* What was meant for the proxy alone never leaves. Concealing, fields that tell the client's address or mail do not
   either; else the client's address is added to X-Forwarded-For. */
void forward_tell_client(struct fields *request, bool conceal, const struct facts *facts, struct arena *arena);

/* Is a field of that name among those that do not leave? */
bool forward_drops_from_client(struct str name, bool conceal);

#endif
