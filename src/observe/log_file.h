/*
 * An open log file with its writer: a thread that waits for the disk, so that nobody else has to.
 *
 * Each thread that serves requests puts its lines into a ring of its own (one producer, one consumer, no lock); the
 * writer empties all rings. While lines come it looks every 20 ms and costs the producers no system call; when none
 * have come for a while it sleeps, and the next line wakes it. A ring that is full loses the line; the writer tells how
 * many as soon as the file takes bytes again.
 *
 * Shared and counted: every configuration's row for the file holds a reference, and so does the writer until it has
 * ended.
 */
#ifndef OBSERVE_LOG_FILE_H
#define OBSERVE_LOG_FILE_H

#include "base/clock.h"
#include "observe/log_format.h"

#include <stdbool.h>

enum { LOG_RING_SIZE = 256 * 1024 };

struct log_file;

/* `key` (copied) says which file it is over reloads. `taken_fd` is owned, -1 when there is none: lines are lost then.
   `conf` is only read before it returns. One reference, for the caller. */
struct log_file *log_file_new(struct str key, const struct log_conf *conf, int taken_fd);
struct log_file *log_file_ref(struct log_file *file);
/* The last but the writer's ends the writer, after it has written what is owed. */
void log_file_unref(struct log_file *file);
struct str log_file_key(const struct log_file *file);

/* One line, whose end is added. Never blocks. */
void log_file_put(struct log_file *file, struct str line);
/* Lines from now on go to this file; what was put before, to the old one, which is then closed. */
void log_file_reopen(struct log_file *file, int taken_fd);
/* How the news of lost lines is to be written. */
void log_file_set_format(struct log_file *file, enum log_format format);

uint64_t log_file_written(const struct log_file *file);
uint64_t log_file_lost(const struct log_file *file);

/* Ends all writers; waits at most `patience` for what is owed. */
void log_files_shutdown(msec patience);

#endif
