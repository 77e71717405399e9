/*
 * The codings that inflate_file.c can unpack, as a table of functions each. A library that was not there at build time
 * has a file of its own that says so (unpack_zstd_none.c).
 */
#ifndef FLOW_UNPACK_H
#define FLOW_UNPACK_H

#include <stddef.h>

enum unpack_result {
    UNPACK_MORE, /* give more input, or more room */
    UNPACK_END,  /* the member or frame is complete; another may follow */
    UNPACK_BAD
};

/* Consumed input and filled room are taken off; what is left stays. */
struct unpack_step {
    const unsigned char *in;
    size_t in_len;
    char *out;
    size_t out_room;
};

struct unpack_ops {
    const char *name;
    unsigned char magic[4];
    size_t magic_len;
    void *(*open)(void); /* NULL: this build has no library for it */
    enum unpack_result (*step)(void *state, struct unpack_step *step);
    void (*close)(void *state);
};

extern const struct unpack_ops unpack_gzip;
extern const struct unpack_ops unpack_zstd;

#endif
