/*
 * The first flight of a TLS client. Read whole and byte by byte it is the same; what comes out of it is a name in normal form, and a
 * list of protocols that can be walked.
 */
#include "base/must.h"
#include "http/authority.h"
#include "net/client_hello.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(const struct client_hello *hello, struct arena *arena)
{
    struct authority authority;
    struct str rest = hello->protocols, protocol;
    must(hello->taken <= CLIENT_HELLO_MAX);
    if (hello->name.at != NULL)
        must(authority_parse(arena, hello->name, AUTHORITY_NAME, &authority) && str_eq(authority.host, hello->name));
    while (client_hello_protocol(&rest, &protocol))
        must(protocol.len > 0);
    must(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct client_hello whole, pieces;
    size_t used, used_all = 0;
    arena_init(&arena);
    client_hello_init(&whole, &arena);
    client_hello_init(&pieces, &arena);
    struct str bytes = {(const char *)data, size};
    enum client_hello_state state = client_hello_read(&whole, bytes, &used);
    for (size_t i = 0; i < size && pieces.state == CLIENT_HELLO_MORE; i++) {
        client_hello_read(&pieces, str_from(bytes.at + i, 1), &used);
        used_all += used;
    }
    must(pieces.state == state && pieces.taken == whole.taken && used_all == whole.taken);
    must(pieces.has_ech == whole.has_ech && str_eq(pieces.name, whole.name) &&
         str_eq(pieces.protocols, whole.protocols));
    if (state == CLIENT_HELLO_WHOLE)
        check_found(&whole, &arena);
    arena_reset(&arena);
    return 0;
}
