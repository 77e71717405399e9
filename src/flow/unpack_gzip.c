#include "flow/unpack.h"

#include "base/must.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { GZIP_ONLY = 16 + MAX_WBITS };

static void *open_gzip(void)
{
    z_stream *z = must_calloc(1, sizeof *z);
    must(inflateInit2(z, GZIP_ONLY) == Z_OK);
    return z;
}

static uInt capped(size_t len)
{
    return len > UINT_MAX ? UINT_MAX : (uInt)len;
}

static enum unpack_result step_gzip(void *state, struct unpack_step *step)
{
    z_stream *z = state;
    uInt in = capped(step->in_len), out = capped(step->out_room);
    z->next_in = (z_const Bytef *)step->in;
    z->avail_in = in;
    z->next_out = (Bytef *)step->out;
    z->avail_out = out;
    int result = inflate(z, Z_NO_FLUSH);
    step->in += in - z->avail_in;
    step->in_len -= in - z->avail_in;
    step->out += out - z->avail_out;
    step->out_room -= out - z->avail_out;
    if (result == Z_STREAM_END)
        return inflateReset(z) == Z_OK ? UNPACK_END : UNPACK_BAD;
    return result == Z_OK || result == Z_BUF_ERROR ? UNPACK_MORE : UNPACK_BAD;
}

static void close_gzip(void *state)
{
    inflateEnd(state);
    free(state);
}

const struct unpack_ops unpack_gzip = {
    .name = "gzip",
    .magic = {0x1f, 0x8b},
    .magic_len = 2,
    .open = open_gzip,
    .step = step_gzip,
    .close = close_gzip,
};
