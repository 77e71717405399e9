/*
 * What the machine, or the container, lets us have.
 */
#ifndef PROCESS_MACHINE_H
#define PROCESS_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Cores that this process may run on; at least 1. */
unsigned machine_cores(void);
/* Bytes of memory of the machine or of the cgroup (version 2, any level above us), whichever is less. */
uint64_t machine_memory(void);

#endif
