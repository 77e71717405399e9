#include "flow/unpack.h"

#include "base/must.h"

#include <zstd.h>

static void *open_zstd(void)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    must(stream != NULL);
    return stream;
}

static enum unpack_result step_zstd(void *state, struct unpack_step *step)
{
    ZSTD_inBuffer in = {step->in, step->in_len, 0};
    ZSTD_outBuffer out = {step->out, step->out_room, 0};
    size_t result = ZSTD_decompressStream(state, &out, &in);
    if (ZSTD_isError(result))
        return UNPACK_BAD;
    step->in += in.pos;
    step->in_len -= in.pos;
    step->out += out.pos;
    step->out_room -= out.pos;
    return result == 0 ? UNPACK_END : UNPACK_MORE;
}

static void close_zstd(void *state)
{
    ZSTD_freeDStream(state);
}

const struct unpack_ops unpack_zstd = {
    .name = "zstd",
    .magic = {0x28, 0xb5, 0x2f, 0xfd},
    .magic_len = 4,
    .open = open_zstd,
    .step = step_zstd,
    .close = close_zstd,
};
