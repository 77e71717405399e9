#include "net/client_hello.h"

#include "base/hostname.h"
#include "base/must.h"

enum {
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION_DATA = 23,
    RECORD_HEARTBEAT = 24,
    RECORD_MAX = 16 * 1024, /* of plaintext, RFC 8446 5.1 … */
    RECORD_EXPANSION = 256, /* … and what it may grow by when it is protected: 5.2 */
    MESSAGE_CLIENT_HELLO = 1,
    VERSION_MAJOR = 3,        /* of all versions from SSL 3.0 on */
    VERSION_MAJOR_MAX = 0x0f, /* that a server has been seen to take for one of them, all the same */
    BODY_ROOM_FIRST = 1024,
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    NAME_TYPE_HOST = 0,
    ECH_OUTER = 0,
    ECH_INNER = 1,
};

/* Reading what was sent: each takes its part off the front of `from`, and is false when that is not there. */

static bool take_number(struct str *from, size_t size, size_t *ret)
{
    size_t number = 0;
    if (from->len < size)
        return false;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | (unsigned char)from->at[i];
    *from = str_from(from->at + size, from->len - size);
    *ret = number;
    return true;
}

static bool take_bytes(struct str *from, size_t len, struct str *ret)
{
    if (from->len < len)
        return false;
    *ret = str_head(*from, len);
    *from = str_from(from->at + len, from->len - len);
    return true;
}

/* A vector, behind its length in `size` bytes. */
static bool take_vector(struct str *from, size_t size, struct str *ret)
{
    size_t len;
    return take_number(from, size, &len) && take_bytes(from, len, ret);
}

bool client_hello_protocol(struct str *protocols, struct str *ret_name)
{
    return take_vector(protocols, 1, ret_name);
}

/* The extensions that are looked at. NULL when one is sound, else what is wrong with it. */

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    return true;
}

bool client_hello_host(struct str data, struct str *ret_name)
{
    struct str list;
    size_t type;
    return take_vector(&data, 2, &list) && data.len == 0 && take_number(&list, 1, &type) && type == NAME_TYPE_HOST &&
           take_vector(&list, 2, ret_name) && list.len == 0 && is_ascii(*ret_name);
}

/* One name, of a host: with two there would be two readings, and no client sends them. It is ASCII, and no address (RFC
   6066 3). */
static const char *read_server_name(struct client_hello *hello, struct str data)
{
    static const char *const wrong = "its server name is not one host name";
    struct str name;
    if (!client_hello_host(data, &name) || !hostname_normal(hello->arena, name, &hello->name))
        return wrong;
    return hostname_is_numeric_like(hello->name) ? wrong : NULL;
}

static const char *read_protocols(struct client_hello *hello, struct str data)
{
    static const char *const wrong = "its list of protocols is not valid";
    struct str list, protocol;
    if (!take_vector(&data, 2, &list) || data.len > 0 || list.len == 0)
        return wrong;
    for (struct str rest = list; rest.len > 0;)
        if (!client_hello_protocol(&rest, &protocol) || protocol.len == 0)
            return wrong;
    hello->protocols = list;
    return NULL;
}

/* Inner stands in a hello that some other server has decrypted already: its name is no front. */
static const char *read_ech(struct client_hello *hello, struct str data)
{
    size_t type;
    if (!take_number(&data, 1, &type) || (type != ECH_OUTER && type != ECH_INNER) ||
        (type == ECH_INNER && data.len > 0))
        return "its encrypted_client_hello is not valid";
    hello->has_ech = type == ECH_OUTER;
    return NULL;
}

static const struct extension {
    size_t type;
    const char *(*read)(struct client_hello *hello, struct str data);
} extensions[] = {
    {0, read_server_name},
    {16, read_protocols},
    {0xfe0d, read_ech},
};

/* None of those may come twice; of the others nothing is asked. */
static const char *read_extension(struct client_hello *hello, size_t type, struct str data, unsigned *seen)
{
    for (unsigned i = 0; i < lengthof(extensions); i++) {
        if (extensions[i].type != type)
            continue;
        if (*seen & 1U << i)
            return "an extension stands in it twice";
        *seen |= 1U << i;
        return extensions[i].read(hello, data);
    }
    return NULL;
}

static const char *read_extensions(struct client_hello *hello, struct str list)
{
    unsigned seen = 0;
    while (list.len > 0) {
        size_t type;
        struct str data;
        if (!take_number(&list, 2, &type) || !take_vector(&list, 2, &data))
            return "its extensions are cut off";
        const char *wrong = read_extension(hello, type, data, &seen);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* The message without its header. Hellos of old clients end before the extensions. */
static const char *read_message(struct client_hello *hello, struct str from)
{
    size_t major, minor;
    struct str random, session, ciphers, compressions, list;
    if (!take_number(&from, 1, &major) || major != VERSION_MAJOR || !take_number(&from, 1, &minor))
        return "its version is none of TLS";
    if (!take_bytes(&from, RANDOM_SIZE, &random) || !take_vector(&from, 1, &session) || session.len > SESSION_ID_MAX)
        return "its session is not valid";
    if (!take_vector(&from, 2, &ciphers) || ciphers.len < 2 || ciphers.len % 2 != 0)
        return "its list of ciphers is not valid";
    if (!take_vector(&from, 1, &compressions) || compressions.len == 0)
        return "its list of compressions is not valid";
    if (from.len == 0)
        return NULL;
    if (!take_vector(&from, 2, &list) || from.len > 0)
        return "its extensions are not as long as they say";
    return read_extensions(hello, list);
}

/* Records, and the message's pieces in them */

bool client_hello_has_not_begun(const struct client_hello *hello)
{
    return hello->message_len == 0;
}

static void refuse(struct client_hello *hello, const char *wrong)
{
    hello->state = CLIENT_HELLO_MALFORMED;
    hello->wrong = wrong;
}

/* The first bytes tell TLS from anything else. There are servers that mind neither a warning before the hello nor an odd
   version of its record, and some that take a hello of SSL 2.0: all that is TLS, if none that is read here. */
static void judge_first_bytes(struct client_hello *hello, const unsigned char *bytes, size_t len)
{
    bool is_record = bytes[0] >= RECORD_CHANGE_CIPHER_SPEC && bytes[0] <= RECORD_HEARTBEAT;
    bool is_old = bytes[0] >= 0x80;
    if (!is_record && !is_old)
        hello->state = CLIENT_HELLO_NOT_TLS;
    if (len == 2 && is_record && bytes[1] > VERSION_MAJOR_MAX)
        hello->state = CLIENT_HELLO_NOT_TLS;
    else if (len == 2 && is_record && (bytes[0] != RECORD_HANDSHAKE || bytes[1] != VERSION_MAJOR))
        refuse(hello, "it begins with another record");
    if (len == 3 && is_old && bytes[2] == MESSAGE_CLIENT_HELLO)
        refuse(hello, "it is of SSL 2.0");
    else if (len == 3 && is_old)
        hello->state = CLIENT_HELLO_NOT_TLS;
}

static bool may_be_skipped(const struct client_hello *hello, unsigned char type)
{
    return hello->is_again && client_hello_has_not_begun(hello) &&
           (type == RECORD_CHANGE_CIPHER_SPEC || type == RECORD_ALERT || type == RECORD_APPLICATION_DATA);
}

/* What begins as a record must go on as one. */
static void judge_more_bytes(struct client_hello *hello, const unsigned char *bytes, size_t len)
{
    bool is_expected = bytes[0] == RECORD_HANDSHAKE || may_be_skipped(hello, bytes[0]);
    if (!is_expected || (len == 2 && bytes[1] != VERSION_MAJOR))
        refuse(hello, "it is broken off by another record");
}

static void take_record_byte(struct client_hello *hello, unsigned char byte)
{
    bool is_first = client_hello_has_not_begun(hello) && !hello->is_again;
    hello->record[hello->record_len++] = byte;
    if (is_first)
        judge_first_bytes(hello, hello->record, hello->record_len);
    else
        judge_more_bytes(hello, hello->record, hello->record_len);
    if (hello->record_len < sizeof hello->record || hello->state != CLIENT_HELLO_MORE)
        return;
    hello->record_left = (size_t)hello->record[3] << 8 | hello->record[4];
    if (hello->record_left == 0 || hello->record_left > RECORD_MAX + (hello->is_again ? RECORD_EXPANSION : 0))
        refuse(hello, "a record of it has no valid length");
    else if (hello->record[0] != RECORD_HANDSHAKE)
        hello->skipped += sizeof hello->record;
}

/* Doubled at least, so that former copies, which stay in the arena, are less than twice the body. */
static void make_body_room(struct client_hello *hello, size_t least)
{
    size_t room = hello->body_room > 0 ? 2 * hello->body_room : BODY_ROOM_FIRST;
    room = room > least ? room : least;
    room = room < hello->body_size ? room : hello->body_size;
    char *body = arena_bytes(hello->arena, room);
    if (hello->body_len > 0)
        memcpy(body, hello->body, hello->body_len);
    hello->body = body;
    hello->body_room = room;
}

static void take_message_byte(struct client_hello *hello, unsigned char byte)
{
    hello->message[hello->message_len++] = byte;
    if (hello->message[0] != MESSAGE_CLIENT_HELLO) {
        refuse(hello, "its first message is no ClientHello");
        return;
    }
    if (hello->message_len < sizeof hello->message)
        return;
    hello->body_size = (size_t)hello->message[1] << 16 | (size_t)hello->message[2] << 8 | hello->message[3];
    if (hello->body_size == 0 || hello->body_size > CLIENT_HELLO_MAX)
        refuse(hello, "it has no valid length");
    else
        make_body_room(hello, 0);
}

/* A second message in the record of the hello would be one that the server has not asked for. */
static void finish(struct client_hello *hello)
{
    if (hello->record_left > 0) {
        refuse(hello, "something follows it in its record");
        return;
    }
    const char *wrong = read_message(hello, str_from(hello->body, hello->body_size));
    hello->state = CLIENT_HELLO_WHOLE;
    if (wrong != NULL)
        refuse(hello, wrong);
}

static size_t take_body(struct client_hello *hello, struct str bytes)
{
    size_t len = hello->body_size - hello->body_len;
    len = len < bytes.len ? len : bytes.len;
    len = len < hello->record_left ? len : hello->record_left;
    if (hello->body_len + len > hello->body_room)
        make_body_room(hello, hello->body_len + len);
    memcpy(hello->body + hello->body_len, bytes.at, len);
    hello->body_len += len;
    hello->record_left -= len;
    if (hello->record_left == 0)
        hello->record_len = 0;
    if (hello->body_len == hello->body_size)
        finish(hello);
    return len;
}

static size_t skip_record(struct client_hello *hello, size_t most)
{
    size_t len = hello->record_left < most ? hello->record_left : most;
    hello->record_left -= len;
    hello->skipped += len;
    if (hello->record_left == 0)
        hello->record_len = 0;
    return len;
}

static bool is_skipping(const struct client_hello *hello)
{
    return hello->record_len == sizeof hello->record && hello->record[0] != RECORD_HANDSHAKE;
}

static size_t take_some(struct client_hello *hello, struct str bytes)
{
    unsigned char byte = (unsigned char)bytes.at[0];
    if (hello->record_len < sizeof hello->record) {
        take_record_byte(hello, byte);
        return 1;
    }
    if (hello->body != NULL)
        return take_body(hello, bytes);
    take_message_byte(hello, byte);
    if (--hello->record_left == 0)
        hello->record_len = 0;
    return 1;
}

void client_hello_init(struct client_hello *hello, struct arena *arena)
{
    *hello = (struct client_hello){.arena = arena, .state = CLIENT_HELLO_MORE};
}

void client_hello_init_again(struct client_hello *hello, struct arena *arena)
{
    client_hello_init(hello, arena);
    hello->is_again = true;
}

/* Of the next bytes. */
static size_t read_some(struct client_hello *hello, struct str bytes)
{
    size_t room = CLIENT_HELLO_MAX - (hello->taken - hello->skipped);
    size_t taken = 0;
    if (is_skipping(hello))
        taken = skip_record(hello, bytes.len);
    else if (room > 0)
        taken = take_some(hello, str_head(bytes, room));
    else
        refuse(hello, "it is too long");
    hello->taken += taken;
    return taken;
}

enum client_hello_state client_hello_read(struct client_hello *hello, struct str bytes, size_t *ret_used)
{
    size_t used = 0;
    while (hello->state == CLIENT_HELLO_MORE && used < bytes.len)
        used += read_some(hello, str_skip(bytes, used));
    *ret_used = used;
    return hello->state;
}

void client_hello_end(struct client_hello *hello)
{
    if (hello->state == CLIENT_HELLO_MORE && hello->taken > 0)
        refuse(hello, "it is cut off");
}
