/*
 * A file read as the text that is in it: as it stands, or unpacked when its first bytes say gzip (RFC 1952) or zstd
 * (RFC 8878). For lists and other files that an administrator names, read by helper threads; not for bodies on their
 * way.
 *
 * It streams: memory is a few buffers, whatever the file's size. Several members or frames, one behind the other, are
 * one text.
 */
#ifndef FLOW_INFLATE_FILE_H
#define FLOW_INFLATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct inflate_file;

/* Takes the descriptor, which stands at the file's beginning. More than `limit` bytes of text are a failure. */
struct inflate_file *inflate_file_new(int taken, uint64_t limit);
void inflate_file_free(struct inflate_file *file);

/* Up to `room` bytes; 0 at the end; -1 on failure, which lasts. */
ssize_t inflate_file_read(struct inflate_file *file, char *into, size_t room);
/* Is the text unpacked (as far as the first read has shown)? Then a file's size says little of the text's. */
bool inflate_file_is_packed(const struct inflate_file *file);
/* What went wrong, without a final stop. Borrowed. */
const char *inflate_file_why(const struct inflate_file *file);

#endif
