/*
 * The worker: all of the traffic. Started by the supervisor only (`gatehouse worker`), with its two channels on
 * descriptors 3 and 4.
 *
 * The main thread takes the supervisor's messages and waits; configurations are loaded on a helper thread, beside the
 * traffic. It ends when it is told to, when the last connection of a drain has ended, or when the supervisor is gone.
 */
#ifndef PROCESS_WORKER_H
#define PROCESS_WORKER_H

/* Returns the exit status. */
int worker_main(void);

#endif
