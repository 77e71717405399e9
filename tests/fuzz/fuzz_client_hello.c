/*
 * The first flight of a TLS client, its second hello, and what a server answers. Read whole and byte by byte each is the same; what comes
 * out of a hello is a name in normal form, and a list of protocols that can be walked.
 */
#include "base/must.h"
#include "http/authority.h"
#include "net/client_hello.h"
#include "net/server_hello.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(const struct client_hello *hello, struct arena *arena)
{
    struct authority authority;
    struct str rest = hello->protocols, protocol;
    if (hello->name.at != NULL)
        must(authority_parse(arena, hello->name, AUTHORITY_NAME, &authority) && str_eq(authority.host, hello->name));
    while (client_hello_protocol(&rest, &protocol))
        must(protocol.len > 0);
    must(rest.len == 0);
}

static void check_hello(struct str bytes, void (*init)(struct client_hello *hello, struct arena *arena))
{
    struct arena arena;
    struct client_hello whole, pieces;
    size_t used, used_all = 0;
    arena_init(&arena);
    init(&whole, &arena);
    init(&pieces, &arena);
    enum client_hello_state state = client_hello_read(&whole, bytes, &used);
    for (size_t i = 0; i < bytes.len && pieces.state == CLIENT_HELLO_MORE; i++) {
        client_hello_read(&pieces, str_from(bytes.at + i, 1), &used);
        used_all += used;
    }
    must(pieces.state == state && pieces.taken == whole.taken && used_all == whole.taken);
    must(pieces.skipped == whole.skipped && whole.skipped <= whole.taken);
    must(whole.taken - whole.skipped <= CLIENT_HELLO_MAX && (whole.is_again || whole.skipped == 0));
    must(pieces.has_ech == whole.has_ech && str_eq(pieces.name, whole.name) &&
         str_eq(pieces.protocols, whole.protocols));
    if (state == CLIENT_HELLO_WHOLE)
        check_found(&whole, &arena);
    arena_reset(&arena);
}

static void check_answer(struct str bytes)
{
    struct server_hello whole = {0}, pieces = {0};
    server_hello_read(&whole, bytes);
    for (size_t i = 0; i < bytes.len; i++)
        server_hello_read(&pieces, str_from(bytes.at + i, 1));
    must(pieces.state == whole.state && whole.message_len <= SERVER_HELLO_HEAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    check_hello(bytes, client_hello_init);
    check_hello(bytes, client_hello_init_again);
    check_answer(bytes);
    return 0;
}
