#include "base/addr.h"

#include "base/must.h"
#include "base/number.h"

#include <arpa/inet.h>

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return a->version == b->version && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Exactly four numbers of at most three digits, without leading zeros: libc's inet_aton() reads more than that. */
static bool parse_quad(struct str text, struct ip *ret)
{
    struct ip ip = {.version = 4};
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = 0;
        size_t from = at;
        for (; at < text.len && char_is_digit(text.at[at]); at++) {
            value = value * 10 + (unsigned)(text.at[at] - '0');
            if (value > 255 || (at > from && text.at[from] == '0'))
                return false;
        }
        if (at == from || (i < 3 && (at == text.len || text.at[at++] != '.')))
            return false;
        ip.bytes[i] = (uint8_t)value;
    }
    if (at != text.len)
        return false;
    *ret = ip;
    return true;
}

static bool is_mapped(const struct ip *ip)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return ip->version == 6 && memcmp(ip->bytes, prefix, sizeof(prefix)) == 0;
}

static struct ip last_four(const struct ip *ip)
{
    struct ip v4 = {.version = 4};
    memcpy(v4.bytes, ip->bytes + 12, 4);
    return v4;
}

/* inet_pton() is strict, but wants a terminated text and would stop at a NUL inside. */
static bool parse_colons(struct str text, struct ip *ret)
{
    char copy[INET6_ADDRSTRLEN];
    struct ip ip = {.version = 6};
    if (text.len >= sizeof(copy) || str_find(text, '\0') < text.len)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET6, copy, ip.bytes) != 1)
        return false;
    *ret = is_mapped(&ip) ? last_four(&ip) : ip;
    return true;
}

bool ip_parse(struct str text, struct ip *ret)
{
    return parse_quad(text, ret) || (str_find(text, ':') < text.len && parse_colons(text, ret));
}

static char *put_hex(char *into, unsigned value)
{
    static const char digits[] = "0123456789abcdef";
    int shift = 12;
    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *into++ = digits[value >> shift & 15];
    return into;
}

static char *put_quad(char *into, const uint8_t bytes[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *into++ = '.';
        into = number_write(into, bytes[i]);
    }
    return into;
}

static unsigned group_of(const struct ip *ip, unsigned i)
{
    return (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
}

/* RFC 5952, 4.2: the longest run of two or more zero groups, the first of equals. */
static unsigned longest_zeros(const struct ip *ip, unsigned *ret_len)
{
    unsigned best = 8, best_len = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned len = 0;
        while (i + len < 8 && group_of(ip, i + len) == 0)
            len++;
        if (len > best_len) {
            best = i;
            best_len = len;
        }
        i += len;
    }
    *ret_len = best_len;
    return best;
}

static char *put_colons(char *into, const struct ip *ip)
{
    unsigned skipped_len;
    unsigned skipped = longest_zeros(ip, &skipped_len);
    for (unsigned i = 0; i < 8; i++) {
        if (i == skipped) {
            *into++ = ':';
            *into++ = ':';
            i += skipped_len - 1;
            continue;
        }
        if (i > 0 && into[-1] != ':')
            *into++ = ':';
        into = put_hex(into, group_of(ip, i));
    }
    return into;
}

size_t ip_text(const struct ip *ip, char into[ADDR_TEXT_MAX])
{
    char *end = into;
    if (ip->version == 4)
        end = put_quad(into, ip->bytes);
    else if (ip->version == 6)
        end = put_colons(into, ip);
    *end = '\0';
    return (size_t)(end - into);
}

struct ip ip_embedded(const struct ip *ip)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (is_mapped(ip) || (ip->version == 6 && memcmp(ip->bytes, nat64, sizeof(nat64)) == 0))
        return last_four(ip);
    return *ip;
}

struct ip ip_masked(const struct ip *ip, unsigned keep4, unsigned keep6)
{
    struct ip masked = *ip;
    unsigned keep = ip->version == 4 ? keep4 : keep6;
    for (unsigned i = 0; i<sizeof(masked.bytes); i++, keep = keep> 8 ? keep - 8 : 0)
        if (keep < 8)
            masked.bytes[i] &= (uint8_t)(0xff00 >> keep);
    return masked;
}

static bool is_in(const struct cidr *ranges, size_t count, const struct ip *ip)
{
    struct ip inner = ip_embedded(ip);
    bool has_inner = inner.version != ip->version;
    for (size_t i = 0; i < count; i++)
        if (cidr_has_as_written(&ranges[i], ip) || (has_inner && cidr_has_as_written(&ranges[i], &inner)))
            return true;
    return false;
}

bool ip_is_undialable(const struct ip *ip)
{
    static const struct cidr ranges[] = {
        {{4, {0}}, 8},
        {{4, {224}}, 4}, /* multicast */
        {{4, {255, 255, 255, 255}}, 32},
        {{6, {0}}, 128},
        {{6, {0xff}}, 8}, /* multicast */
    };
    return ip->version == 0 || is_in(ranges, lengthof(ranges), ip);
}

/* IANA's registries of special-purpose addresses, without the documentation ranges and without what only names a
   service that is reached over the Internet; with the metadata services that live outside of them. */
bool ip_is_private(const struct ip *ip)
{
    static const struct cidr ranges[] = {
        {{4, {0}}, 8},
        {{4, {10}}, 8},
        {{4, {100, 64}}, 10}, /* shared, RFC 6598; a metadata service of one cloud */
        {{4, {127}}, 8},
        {{4, {168, 63, 129, 16}}, 32}, /* metadata and DNS of another cloud */
        {{4, {169, 254}}, 16},         /* link-local; metadata of most clouds */
        {{4, {172, 16}}, 12},
        {{4, {192, 0, 0}}, 24},   /* protocol assignments; metadata of a third cloud */
        {{4, {192, 88, 99}}, 24}, /* 6to4 relays, deprecated */
        {{4, {192, 168}}, 16},
        {{4, {198, 18}}, 15}, /* benchmarking */
        {{4, {224}}, 3},      /* multicast, reserved, broadcast */
        {{6, {0}}, 64},       /* unspecified, loopback, and the deprecated ways to hold IPv4: compatible, translated */
        {{6, {0, 0x64, 0xff, 0x9b, 0, 1}}, 48}, /* NAT64 of a site, RFC 8215 */
        {{6, {0x01}}, 64},                      /* discard, 100::/64 */
        {{6, {0x20, 0x01}}, 23},                /* protocol assignments, Teredo and benchmarking among them */
        {{6, {0x20, 0x02}}, 16},                /* 6to4: holds an IPv4 address, which may be anything */
        {{6, {0x5f}}, 16},                      /* segment routing, RFC 9602 */
        {{6, {0xfc}}, 7},                       /* unique-local */
        {{6, {0xfe, 0x80}}, 10},                /* link-local */
        {{6, {0xfe, 0xc0}}, 10},                /* site-local, deprecated */
        {{6, {0xff}}, 8},
    };
    return ip->version == 0 || is_in(ranges, lengthof(ranges), ip);
}

/* Not judged on what NAT64 holds: loopback is trusted, and such an address comes from elsewhere. */
bool ip_is_loopback(const struct ip *ip)
{
    static const struct ip six = {.version = 6, .bytes = {[15] = 1}};
    struct ip plain = is_mapped(ip) ? last_four(ip) : *ip;
    return plain.version == 4 ? plain.bytes[0] == 127 : ip_eq(&plain, &six);
}
