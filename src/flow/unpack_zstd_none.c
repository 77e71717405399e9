#include "flow/unpack.h"

const struct unpack_ops unpack_zstd = {
    .name = "zstd",
    .magic = {0x28, 0xb5, 0x2f, 0xfd},
    .magic_len = 4,
};
