/*
 * The directives about the process itself; plain.
 */
#ifndef PROCESS_PROCESS_CONF_H
#define PROCESS_PROCESS_CONF_H

#include <stddef.h>

struct process_conf {
    unsigned threads;          /* 0: auto, one for each core that may be used */
    const char *user;          /* NULL: `gatehouse`, else `nobody`, when started by root */
    const char *group;         /* NULL: the user's */
    const char *control;       /* absolute; NULL: by default */
    const char *control_group; /* NULL: mode 0600; else 0660 */
    const char *state; /* the folder of what outlives the process, absolute; NULL: by default, if anything needs it */
};

#endif
