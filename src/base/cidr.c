#include "base/addr.h"

#include "base/must.h"
#include "base/number.h"

/* `bits` is the length of the prefix that all below share; a node without a number only branches. */
struct cidr_node {
    struct cidr_node *child[2];
    uint8_t bytes[16];
    uint8_t bits;
    bool has_number;
    uint32_t number;
};

static unsigned bits_of(const struct ip *ip)
{
    return ip->version == 4 ? 32 : 128;
}

static bool has_host_bits(const struct ip *ip, unsigned bits)
{
    struct ip net = ip_masked(ip, bits, bits);
    return !ip_eq(ip, &net);
}

/* The length of the prefix: as written, or the whole address. ::ffff:10.0.0.0/104 is read as 10.0.0.0/8. */
static const char *read_bits(struct str address, const struct ip *ip, struct str suffix, unsigned *ret)
{
    uint64_t bits = bits_of(ip);
    if (suffix.at != NULL) {
        if (suffix.len > 3 || !number_parse_u64(suffix, UINT64_MAX, &bits) || (suffix.len > 1 && suffix.at[0] == '0'))
            return "what follows the slash is no number of bits";
        if (ip->version == 4 && str_find(address, ':') < address.len) {
            if (bits < 96)
                return "a range of IPv4 addresses in IPv6 form has at least 96 bits";
            bits -= 96;
        }
        if (bits > bits_of(ip))
            return ip->version == 4 ? "an IPv4 range has at most 32 bits" : "an IPv6 range has at most 128 bits";
    }
    *ret = (unsigned)bits;
    return NULL;
}

bool cidr_parse(struct str text, struct cidr *ret, const char **ret_why)
{
    struct ip ip;
    struct str rest = text, address;
    unsigned bits;
    if (!str_cut(&rest, '/', &address) || !ip_parse(address, &ip)) {
        *ret_why = "no IPv4 or IPv6 address";
        return false;
    }
    const char *why = read_bits(address, &ip, rest, &bits);
    if (why == NULL && has_host_bits(&ip, bits))
        why = "bits behind the prefix are set: write the first address of the range";
    if (why != NULL) {
        *ret_why = why;
        return false;
    }
    *ret = (struct cidr){.net = ip, .bits = (uint8_t)bits};
    return true;
}

/* How many leading bits the two share, at most `limit`. */
static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned limit)
{
    unsigned bits = 0;
    while (bits < limit && a[bits / 8] == b[bits / 8])
        bits += 8;
    if (bits < limit)
        bits += (unsigned)__builtin_clz((unsigned)(a[bits / 8] ^ b[bits / 8])) - 24;
    return bits < limit ? bits : limit;
}

/* The first byte tells most of them apart. */
bool cidr_has_as_written(const struct cidr *cidr, const struct ip *ip)
{
    if (cidr->net.version != ip->version || (cidr->bits >= 8 && cidr->net.bytes[0] != ip->bytes[0]))
        return false;
    return common_bits(cidr->net.bytes, ip->bytes, cidr->bits) == cidr->bits;
}

bool cidr_has(const struct cidr *cidr, const struct ip *ip)
{
    if (cidr_has_as_written(cidr, ip))
        return true;
    struct ip inner = ip_embedded(ip);
    return inner.version != ip->version && cidr_has_as_written(cidr, &inner);
}

size_t cidr_text(const struct cidr *cidr, char into[ADDR_TEXT_MAX])
{
    size_t len = ip_text(&cidr->net, into);
    into[len++] = '/';
    char *end = number_write(into + len, cidr->bits);
    *end = '\0';
    return (size_t)(end - into);
}

static unsigned bit_at(const uint8_t *bytes, unsigned index)
{
    return bytes[index / 8] >> (7 - index % 8) & 1;
}

static struct cidr_node *new_node(struct arena *arena, const uint8_t *bytes, unsigned bits)
{
    struct cidr_node *node = arena_new(arena, struct cidr_node);
    memcpy(node->bytes, bytes, sizeof(node->bytes));
    node->bits = (uint8_t)bits;
    return node;
}

/* Puts a node of the first `common` bits above `*link`, and hangs what was there below it. */
static struct cidr_node *split(struct cidr_node **link, struct arena *arena, unsigned common)
{
    struct cidr_node *below = *link;
    struct cidr_node *node = new_node(arena, below->bytes, common);
    node->child[bit_at(below->bytes, common)] = below;
    return *link = node;
}

/* The node of exactly this prefix, made if need be. */
static struct cidr_node *node_for(struct cidr_node **link, struct arena *arena, const struct cidr *cidr)
{
    const uint8_t *bytes = cidr->net.bytes;
    while (*link != NULL) {
        struct cidr_node *node = *link;
        unsigned common = common_bits(node->bytes, bytes, node->bits < cidr->bits ? node->bits : cidr->bits);
        if (common < node->bits)
            node = split(link, arena, common);
        if (node->bits == cidr->bits)
            return node;
        link = &node->child[bit_at(bytes, node->bits)];
    }
    return *link = new_node(arena, bytes, cidr->bits);
}

void cidr_set_add(struct cidr_set *set, struct arena *arena, const struct cidr *cidr, uint32_t number)
{
    must(cidr->net.version == 4 || cidr->net.version == 6);
    struct cidr_node *node = node_for(cidr->net.version == 4 ? &set->v4 : &set->v6, arena, cidr);
    if (node->has_number)
        return;
    node->has_number = true;
    node->number = number;
    set->count++;
}

/* The deepest node with a number whose prefix the address has. */
static const struct cidr_node *longest(const struct cidr_set *set, const struct ip *ip)
{
    const struct cidr_node *node = ip->version == 4 ? set->v4 : ip->version == 6 ? set->v6 : NULL;
    const struct cidr_node *best = NULL;
    while (node != NULL && common_bits(node->bytes, ip->bytes, node->bits) == node->bits) {
        if (node->has_number)
            best = node;
        node = node->bits < bits_of(ip) ? node->child[bit_at(ip->bytes, node->bits)] : NULL;
    }
    return best;
}

bool cidr_set_find(const struct cidr_set *set, const struct ip *ip, uint32_t *ret_number)
{
    const struct cidr_node *best = longest(set, ip);
    struct ip inner = ip_embedded(ip);
    if (inner.version != ip->version) {
        const struct cidr_node *other = longest(set, &inner);
        if (other != NULL && (best == NULL || other->bits + 96 > best->bits))
            best = other;
    }
    if (best == NULL)
        return false;
    *ret_number = best->number;
    return true;
}
