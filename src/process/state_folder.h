/*
 * The folder for what outlives the process, and what is in it for whoever orders certificates. Made by the supervisor,
 * which may be root: nothing is followed in `acme`, where others can write.
 */
#ifndef PROCESS_STATE_FOLDER_H
#define PROCESS_STATE_FOLDER_H

#include "process/identity.h"

/* `state` with the folders above it, and in it `acme`, which belongs to `identity` alone; what somebody else had in it is
   passed over. What cannot be made is told on stderr; the site goes on, and each order will say the same. */
void state_folder_make(const char *state, const struct identity *identity);

#endif
