#include "net/dns_answer.h"

#include "base/hostname.h"

enum { TYPE_CNAME = 5, TYPE_SOA = 6, CLASS_IN = 1, NAME_MAX_LEN = 255, JUMPS_MAX = 32 };

struct reader {
    const uint8_t *at;
    size_t len;
    size_t pos;
    bool is_broken; /* something reached behind the end, or was not what it should be; reads give 0 from then on */
};

struct name {
    char text[NAME_MAX_LEN + 1]; /* lower case, dots between labels, none at the end */
    size_t len;
};

struct record {
    size_t owner; /* where its name begins */
    size_t data;
    size_t data_len;
    uint32_t ttl;
    unsigned type;
};

struct records {
    struct record at[DNS_RECORDS_MAX];
    size_t count;
};

static unsigned read_u8(struct reader *reader)
{
    if (reader->is_broken || reader->pos >= reader->len) {
        reader->is_broken = true;
        return 0;
    }
    return reader->at[reader->pos++];
}

static unsigned read_u16(struct reader *reader)
{
    unsigned high = read_u8(reader);
    return high << 8 | read_u8(reader);
}

static uint32_t read_u32(struct reader *reader)
{
    uint32_t high = read_u16(reader);
    return high << 16 | read_u16(reader);
}

static void skip(struct reader *reader, size_t len)
{
    if (len > reader->len - reader->pos)
        reader->is_broken = true;
    else
        reader->pos += len;
}

static void add_label(struct reader *reader, struct name *name, unsigned len)
{
    if (name->len + len + 1 > NAME_MAX_LEN) {
        reader->is_broken = true;
        return;
    }
    if (name->len > 0)
        name->text[name->len++] = '.';
    for (unsigned i = 0; i < len; i++)
        name->text[name->len++] = char_lower((char)read_u8(reader));
}

/* With compression (RFC 1035 section 4.1.4): a pointer may only lead back, and not too often. A label with a dot in it
   can't be told from two, which does no harm: such a name is compared only with others of the same message and with one
   that has none. */
static void read_name(struct reader *reader, struct name *name)
{
    size_t end = 0, first = reader->pos;
    unsigned jumps = 0;
    name->len = 0;
    for (;;) {
        unsigned len = read_u8(reader);
        if (reader->is_broken || len == 0)
            break;
        if (len >= 0xc0) {
            size_t to = (len & 0x3f) << 8 | read_u8(reader);
            if (end == 0)
                end = reader->pos;
            if (to >= first || ++jumps > JUMPS_MAX)
                reader->is_broken = true;
            first = reader->pos = to;
        } else if (len < 64) {
            add_label(reader, name, len);
        } else {
            reader->is_broken = true;
        }
    }
    if (end != 0)
        reader->pos = end;
}

static struct name name_at(const struct reader *message, size_t pos)
{
    struct reader reader = {.at = message->at, .len = message->len, .pos = pos};
    struct name name;
    read_name(&reader, &name);
    if (reader.is_broken)
        name.len = 0;
    return name;
}

static void skip_name(struct reader *reader)
{
    struct name name;
    read_name(reader, &name);
}

/* Those beyond the table's size are skipped. */
static void read_records(struct reader *reader, unsigned count, struct records *into)
{
    for (unsigned i = 0; i < count && !reader->is_broken; i++) {
        struct record record = {.owner = reader->pos};
        skip_name(reader);
        record.type = read_u16(reader);
        unsigned class = read_u16(reader);
        record.ttl = read_u32(reader);
        record.data_len = read_u16(reader);
        record.data = reader->pos;
        skip(reader, record.data_len);
        if (!reader->is_broken && class == CLASS_IN && into->count < DNS_RECORDS_MAX)
            into->at[into->count++] = record;
    }
}

/* A TTL with its highest bit set counts as 0 (RFC 2181 section 8). */
static void lower_ttl(struct dns_answer *answer, uint32_t ttl)
{
    if (ttl > INT32_MAX)
        ttl = 0;
    if (!answer->has_ttl || ttl < answer->ttl)
        answer->ttl = ttl;
    answer->has_ttl = true;
}

static void add_address(struct dns_answer *answer, const struct reader *message, const struct record *record)
{
    struct ip ip = {.version = record->type == DNS_TYPE_A ? 4 : 6};
    if (record->data_len != (ip.version == 4 ? 4 : 16) || answer->count == DNS_ADDRESSES_MAX)
        return;
    memcpy(ip.bytes, message->at + record->data, record->data_len);
    struct addr plain = addr_of_ip(&ip, 0); /* a mapped IPv4 address becomes the one it stands for */
    ip = addr_ip(&plain);
    for (size_t i = 0; i < answer->count; i++)
        if (ip_eq(&answer->at[i], &ip))
            return;
    answer->at[answer->count++] = ip;
}

/* What stands under one name. Returns the name its CNAME leads to, or an empty one. */
static struct name take_owned(struct dns_answer *answer, const struct reader *message, const struct records *records,
                              const struct name *owner, int type)
{
    struct name next = {.len = 0};
    for (size_t i = 0; i < records->count; i++) {
        const struct record *record = &records->at[i];
        if (record->type != (unsigned)type && record->type != TYPE_CNAME)
            continue;
        struct name here = name_at(message, record->owner);
        if (!str_eq(str_from(here.text, here.len), str_from(owner->text, owner->len)))
            continue;
        lower_ttl(answer, record->ttl);
        if (record->type == (unsigned)type)
            add_address(answer, message, record);
        else if (next.len == 0)
            next = name_at(message, record->data);
    }
    return next;
}

static void take_chain(struct dns_answer *answer, const struct reader *message, const struct records *records,
                       struct str asked, int type)
{
    struct name owner = {.len = asked.len};
    memcpy(owner.text, asked.at, asked.len);
    for (unsigned i = 0; i < DNS_CHAIN_MAX && answer->count == 0 && owner.len > 0; i++)
        owner = take_owned(answer, message, records, &owner, type);
}

/* How long "no" may be believed: the lesser of the SOA's TTL and its last number, and no longer than the aliases that
   lead to it. */
static void take_soa(struct dns_answer *answer, const struct reader *message, const struct records *authority)
{
    for (size_t i = 0; i < authority->count; i++) {
        const struct record *record = &authority->at[i];
        if (record->type != TYPE_SOA || record->data_len < 4)
            continue;
        struct reader reader = {.at = message->at, .len = message->len, .pos = record->data + record->data_len - 4};
        lower_ttl(answer, record->ttl);
        lower_ttl(answer, read_u32(&reader));
        return;
    }
    answer->has_ttl = false;
}

bool dns_answer_parse(struct str message, struct str name, int type, struct dns_answer *ret)
{
    struct reader reader = {.at = (const uint8_t *)message.at, .len = message.len};
    struct records records = {.count = 0};
    struct dns_answer answer = {.count = 0};
    if (name.len == 0 || name.len > HOSTNAME_MAX)
        return false;
    skip(&reader, 4);
    unsigned questions = read_u16(&reader), answers = read_u16(&reader), authorities = read_u16(&reader);
    skip(&reader, 2);
    for (unsigned i = 0; i < questions && !reader.is_broken; i++) {
        skip_name(&reader);
        skip(&reader, 4);
    }
    read_records(&reader, answers, &records);
    if (reader.is_broken)
        return false;
    take_chain(&answer, &reader, &records, name, type);
    if (answer.count == 0) {
        records.count = 0;
        read_records(&reader, authorities, &records);
        if (reader.is_broken)
            return false;
        take_soa(&answer, &reader, &records);
    }
    *ret = answer;
    return true;
}
