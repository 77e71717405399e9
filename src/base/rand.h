/*
 * Random bytes of the system (getrandom), drawn in batches of 4 KiB a thread, so that a request costs no system call.
 * Each byte is handed out once and then forgotten. Fit for names, keys and choices; a process that forks must exec.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

enum { REQUEST_ID_LEN = 32 };

void rand_bytes(void *into, size_t len);
uint64_t rand_u64(void);
/* Evenly from 0 to bound - 1; `bound` is above 0. */
uint32_t rand_below(uint32_t bound);

/* 128 random bits as lower-case hexadecimal digits, terminated. */
void request_id_make(char into[REQUEST_ID_LEN + 1]);

#endif
