/*
 * Tells the service manager how we are: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. Without one, nothing
 * happens.
 */
#ifndef PROCESS_NOTIFY_H
#define PROCESS_NOTIFY_H

/* "READY=1\nSTATUS=…" */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* RELOADING=1 with the monotonic clock, as Type=notify-reload wants it. */
void notify_reloading(void);

#endif
