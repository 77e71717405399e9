/*
 * The header of the PROXY protocol. Whatever comes is read within its bounds, and alike however the network cuts it; what was read can be
 * written, and then reads as the same.
 */
#include "base/must.h"
#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct proxy_header *a, const struct proxy_header *b)
{
    return ip_eq(&a->source, &b->source) && ip_eq(&a->destination, &b->destination) &&
           a->source_port == b->source_port && a->destination_port == b->destination_port;
}

static void try_writing(const struct proxy_header *header)
{
    for (enum proxy_header_version version = PROXY_HEADER_V1; version <= PROXY_HEADER_V2; version++) {
        struct proxy_header again;
        char text[PROXY_HEADER_WRITTEN_MAX];
        size_t used, len = proxy_header_write(header, version, text);
        must(len <= sizeof text);
        must(proxy_header_read(str_from(text, len), &again, &used) == PROXY_HEADER_DONE && used == len);
        must(is_same(header, &again));
    }
}

/* A part of it is undecided, or is decided as the whole is. */
static void try_part(struct str part, enum proxy_header_result whole, size_t used)
{
    struct proxy_header header;
    size_t part_used = 0;
    enum proxy_header_result result = proxy_header_read(part, &header, &part_used);
    must(result == PROXY_HEADER_MORE || result == whole);
    must(result != PROXY_HEADER_DONE || part_used == used);
    must(result != PROXY_HEADER_MORE || part.len < PROXY_HEADER_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_from((const char *)data, size);
    struct proxy_header header;
    size_t used = 0;
    enum proxy_header_result result = proxy_header_read(bytes, &header, &used);
    must(used <= size && used <= PROXY_HEADER_MAX);
    for (size_t len = 0; len < size && len < 300; len++)
        try_part(str_head(bytes, len), result, used);
    if (result == PROXY_HEADER_DONE)
        try_writing(&header);
    return 0;
}
