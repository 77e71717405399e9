#include "net/proxy_header.h"

#include "base/must.h"
#include "base/number.h"

#include <stdio.h>

enum {
    V1_MAX = 107, /* section 2.1, with the CRLF */
    V2_FIXED = 16,
    COMMAND_LOCAL = 0x20, /* with the version in front */
    COMMAND_PROXY = 0x21,
    TLV_CRC32C = 0x03,
    TLV_FIXED = 3,
};

static const struct str v1_start = {"PROXY ", 6};
static const struct str v2_start = {"\r\n\r\n\0\r\nQUIT\n", 12};

/* So far as both go. */
static bool agrees(struct str bytes, struct str start)
{
    return str_starts(start, str_head(bytes, start.len));
}

/* Version 1 */

/* The family as the line names it, not as we keep it: a mapped address is one of TCP6. */
static bool read_ip(struct str text, bool is_v6, struct ip *ret)
{
    return (str_find(text, ':') < text.len) == is_v6 && ip_parse(text, ret);
}

static bool read_port(struct str text, uint16_t *ret)
{
    uint64_t port;
    if ((text.len > 1 && text.at[0] == '0') || !number_parse_u64(text, UINT16_MAX, &port))
        return false;
    *ret = (uint16_t)port;
    return true;
}

static bool read_line(struct str line, struct proxy_header *ret)
{
    struct str rest = str_skip(line, v1_start.len), family, words[4];
    *ret = (struct proxy_header){0};
    str_cut(&rest, ' ', &family);
    if (str_eq(family, STR("UNKNOWN"))) /* whatever follows is to be ignored */
        return true;
    bool is_v6 = str_eq(family, STR("TCP6"));
    if (!is_v6 && !str_eq(family, STR("TCP4")))
        return false;
    for (size_t i = 0; i < lengthof(words); i++)
        if (!str_cut(&rest, ' ', &words[i]))
            return false;
    return rest.at == NULL && read_ip(words[0], is_v6, &ret->source) && read_ip(words[1], is_v6, &ret->destination) &&
           read_port(words[2], &ret->source_port) && read_port(words[3], &ret->destination_port);
}

static enum proxy_header_result read_v1(struct str bytes, struct proxy_header *ret, size_t *ret_used)
{
    struct str line = str_head(bytes, V1_MAX);
    size_t end = str_find(line, '\r');
    if (str_find(line, '\n') < end)
        return PROXY_HEADER_BAD;
    if (end + 1 >= line.len)
        return line.len < V1_MAX ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
    if (line.at[end + 1] != '\n' || !read_line(str_head(line, end), ret))
        return PROXY_HEADER_BAD;
    *ret_used = end + 2;
    return PROXY_HEADER_DONE;
}

/* Version 2 */

/* All that section 2.2 has; any other is to be refused. Of datagrams and unix sockets the addresses are passed over:
   nothing here could be reached through them. */
static const struct family {
    uint8_t code;
    uint8_t ip_version;
    uint8_t size; /* of both addresses and ports */
} families[] = {{0x00, 0, 0},  {0x11, 4, 12},  {0x12, 0, 12}, {0x21, 6, 36},
                {0x22, 0, 36}, {0x31, 0, 216}, {0x32, 0, 216}};

static const struct family *family_of(uint8_t code)
{
    for (size_t i = 0; i < lengthof(families); i++)
        if (families[i].code == code)
            return &families[i];
    return NULL;
}

static unsigned read_u16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t crc32c(uint32_t crc, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

/* Section 2.2.3: of the whole header, with the sum itself as zeros. */
static bool has_right_sum(const uint8_t *header, size_t len, size_t sum_at)
{
    static const uint8_t zeros[4];
    uint32_t crc = crc32c(UINT32_MAX, header, sum_at);
    crc = crc32c(crc, zeros, sizeof zeros);
    crc = ~crc32c(crc, header + sum_at + sizeof zeros, len - sum_at - sizeof zeros);
    return crc == ((uint32_t)read_u16(header + sum_at) << 16 | read_u16(header + sum_at + 2));
}

/* What follows the addresses up to `len`: passed over, but for the sum, which there may be once. */
static bool are_tlvs_fine(const uint8_t *header, size_t at, size_t len)
{
    size_t sum_at = 0;
    while (at < len) {
        if (len - at < TLV_FIXED)
            return false;
        size_t size = read_u16(header + at + 1), value_at = at + TLV_FIXED;
        if (size > len - value_at)
            return false;
        if (header[at] == TLV_CRC32C) {
            if (size != 4 || sum_at != 0)
                return false;
            sum_at = value_at;
        }
        at = value_at + size;
    }
    return sum_at == 0 || has_right_sum(header, len, sum_at);
}

/* Through addr_of_ip(), which keeps a mapped address as the IPv4 address in it. */
static struct ip take_ip(const uint8_t *at, uint8_t version)
{
    struct ip raw = {.version = version};
    memcpy(raw.bytes, at, version == 4 ? 4 : 16);
    struct addr addr = addr_of_ip(&raw, 0);
    return addr_ip(&addr);
}

static void take_addresses(const uint8_t *at, uint8_t version, struct proxy_header *ret)
{
    size_t size = version == 4 ? 4 : 16;
    ret->source = take_ip(at, version);
    ret->destination = take_ip(at + size, version);
    ret->source_port = (uint16_t)read_u16(at + 2 * size);
    ret->destination_port = (uint16_t)read_u16(at + 2 * size + 2);
}

static enum proxy_header_result read_v2(struct str bytes, struct proxy_header *ret, size_t *ret_used)
{
    const uint8_t *header = (const uint8_t *)bytes.at;
    if (bytes.len < V2_FIXED)
        return PROXY_HEADER_MORE;
    size_t len = V2_FIXED + read_u16(header + 14);
    const struct family *family = family_of(header[13]);
    bool is_local = header[12] == COMMAND_LOCAL; /* the family is to be ignored then, and all that follows */
    bool is_proxy = header[12] == COMMAND_PROXY && family != NULL && V2_FIXED + (size_t)family->size <= len;
    if (len > PROXY_HEADER_MAX || (!is_local && !is_proxy))
        return PROXY_HEADER_BAD;
    if (bytes.len < len)
        return PROXY_HEADER_MORE;
    *ret = (struct proxy_header){0};
    *ret_used = len;
    if (is_local || family->size == 0)
        return PROXY_HEADER_DONE;
    if (!are_tlvs_fine(header, V2_FIXED + (size_t)family->size, len))
        return PROXY_HEADER_BAD;
    if (family->ip_version != 0)
        take_addresses(header + V2_FIXED, family->ip_version, ret);
    return PROXY_HEADER_DONE;
}

enum proxy_header_result proxy_header_read(struct str bytes, struct proxy_header *ret, size_t *ret_used)
{
    if (agrees(bytes, v1_start))
        return bytes.len < v1_start.len ? PROXY_HEADER_MORE : read_v1(bytes, ret, ret_used);
    return agrees(bytes, v2_start) ? read_v2(bytes, ret, ret_used) : PROXY_HEADER_BAD;
}

/* Writing */

/* Beside an address of IPv6 one of IPv4 is written as ::ffff:a.b.c.d: a header has one family. */
static struct ip mapped(const struct ip *ip)
{
    struct ip v6 = {.version = 6, .bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(v6.bytes + 12, ip->bytes, 4);
    return ip->version == 4 ? v6 : *ip;
}

static size_t write_v1(const struct proxy_header *header, bool names, char into[PROXY_HEADER_WRITTEN_MAX])
{
    char source[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX];
    if (!names)
        return (size_t)snprintf(into, PROXY_HEADER_WRITTEN_MAX, "PROXY UNKNOWN\r\n");
    ip_text(&header->source, source);
    ip_text(&header->destination, destination);
    return (size_t)snprintf(into, PROXY_HEADER_WRITTEN_MAX, "PROXY TCP%u %.39s %.39s %u %u\r\n", header->source.version,
                            source, destination, header->source_port, header->destination_port);
}

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
    *at++ = (uint8_t)(value >> 8);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static size_t write_v2(const struct proxy_header *header, bool names, char into[PROXY_HEADER_WRITTEN_MAX])
{
    size_t size = header->source.version == 4 ? 4 : 16;
    uint8_t *at = put_bytes((uint8_t *)into, v2_start.at, v2_start.len);
    *at++ = names ? COMMAND_PROXY : COMMAND_LOCAL;
    *at++ = !names ? 0 : size == 4 ? 0x11 : 0x21;
    at = put_u16(at, names ? (unsigned)(2 * size + 4) : 0);
    if (names) {
        at = put_bytes(at, header->source.bytes, size);
        at = put_bytes(at, header->destination.bytes, size);
        at = put_u16(at, header->source_port);
        at = put_u16(at, header->destination_port);
    }
    return (size_t)(at - (uint8_t *)into);
}

size_t proxy_header_write(const struct proxy_header *header, enum proxy_header_version version,
                          char into[PROXY_HEADER_WRITTEN_MAX])
{
    struct proxy_header even = *header;
    bool names = header->source.version != 0 && header->destination.version != 0;
    must(version != PROXY_HEADER_OFF);
    if (names && header->source.version != header->destination.version) {
        even.source = mapped(&header->source);
        even.destination = mapped(&header->destination);
    }
    return version == PROXY_HEADER_V1 ? write_v1(&even, names, into) : write_v2(&even, names, into);
}
