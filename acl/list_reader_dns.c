/* The forms that name servers and their like read: hosts files, dnsmasq, response policy zones. */
#include "acl/list_reader_private.h"

#include "base/hostname.h"
#include "base/must.h"

#include <stdlib.h>

static const char *const own_names[] = {
    "localhost",       "localhost.localdomain",
    "localhost4",      "localhost4.localdomain4",
    "localhost6",      "localhost6.localdomain6",
    "local",           "broadcasthost",
    "loopback",        "ip6-localhost",
    "ip6-loopback",    "ip6-localnet",
    "ip6-mcastprefix", "ip6-allnodes",
    "ip6-allrouters",  "ip6-allhosts",
    "0.0.0.0",
};

static bool is_own_name(struct str name)
{
    for (size_t i = 0; i < lengthof(own_names); i++)
        if (str_eq_nocase(name, str_of(own_names[i])))
            return true;
    return false;
}

enum line_result list_read_hosts(struct list_reader *reader, struct str line)
{
    struct ip ip;
    struct str rest = str_head(line, str_find(line, '#')), address = list_word(&rest), name = list_word(&rest);
    enum line_result result = LINE_NOTHING;
    if (address.len == 0)
        return LINE_NOTHING;
    if (!ip_parse(str_head(address, str_find(address, '%')), &ip)) /* fe80::1%lo0 */
        return list_bad(reader, "no address and its names");
    if (name.len == 0)
        return list_bad(reader, "an address without a name");
    for (; name.len > 0; name = list_word(&rest)) {
        if (is_own_name(name))
            continue;
        if (!list_give(reader, name, STR_NONE, reader->cover))
            result = LINE_BAD;
        else if (result == LINE_NOTHING)
            result = LINE_ENTRY;
    }
    return result;
}

static bool is_dnsmasq_key(struct str key)
{
    static const char *const keys[] = {"address", "server", "local", "ipset", "nftset"};
    for (size_t i = 0; i < lengthof(keys); i++)
        if (str_eq(key, str_of(keys[i])))
            return true;
    return false;
}

static enum line_result give_dnsmasq_name(struct list_reader *reader, struct str name, unsigned cover)
{
    if (name.len == 0 || str_find(name, '*') < name.len || str_find(name, '#') < name.len)
        return list_unsupported(reader, "a name with a wildcard, or none, cannot be applied");
    if (name.at[0] == '.')
        name = str_skip(name, 1);
    return list_give(reader, name, STR_NONE, cover) ? LINE_ENTRY : LINE_BAD;
}

enum line_result list_read_dnsmasq(struct list_reader *reader, struct str line)
{
    struct str rest = line.at[0] == '#' ? STR("") : line, key, name;
    if (rest.len == 0)
        return LINE_NOTHING;
    size_t equals = str_find(rest, '=');
    key = str_trim(str_head(rest, equals));
    rest = list_uncomment(str_trim(str_skip(rest, equals + 1)), '#');
    if (!is_dnsmasq_key(key) || !str_starts(rest, STR("/")))
        return equals < line.len ? list_unsupported(reader, "no line that names domains")
                                 : list_bad(reader, "no line of dnsmasq");
    size_t last = str_find_last(rest, '/');
    struct str target = str_skip(rest, last + 1), names = str_from(rest.at + 1, last > 0 ? last - 1 : 0);
    if (last == 0)
        return list_bad(reader, "no slash behind the name");
    bool is_exception = str_eq(target, STR("#")) && !str_eq(key, STR("address")); /* server=/x/#: as usual */
    enum line_result result = LINE_NOTHING;
    while (str_cut(&names, '/', &name)) {
        enum line_result one = give_dnsmasq_name(reader, name, reader->cover | (is_exception ? COVER_EXCEPTION : 0));
        result = one > result ? one : result;
    }
    return result;
}

/* Response policy zones (draft-vixie-dnsop-dns-rpz): a zone file whose owners are the names. */

static bool is_class_or_ttl(struct str word)
{
    return (word.len > 0 && char_is_digit(word.at[0])) || str_eq_nocase(word, STR("IN")) ||
           str_eq_nocase(word, STR("CH")) || str_eq_nocase(word, STR("HS"));
}

static void set_origin(struct list_reader *reader, struct str name)
{
    struct str normal;
    free((char *)reader->origin.at);
    reader->origin = STR_NONE;
    if (!hostname_normal(&reader->scratch, name, &normal))
        return;
    char *copy = must_alloc(normal.len + 1);
    memcpy(copy, normal.at, normal.len + 1);
    reader->origin = str_from(copy, normal.len);
}

/* An absolute owner is one of the zone's, or else meant as it stands. */
static struct str strip_origin(const struct list_reader *reader, struct str owner)
{
    struct str origin = reader->origin;
    if (!str_ends(owner, STR(".")) || origin.at == NULL || owner.len < origin.len + 2)
        return owner;
    size_t from = owner.len - 1 - origin.len;
    bool is_below = owner.at[from - 1] == '.' && str_eq_nocase(str_from(owner.at + from, origin.len), origin);
    return is_below ? str_head(owner, from - 1) : owner;
}

static bool is_address_trigger(struct str owner)
{
    static const char *const triggers[] = {".rpz-ip", ".rpz-client-ip", ".rpz-nsip", ".rpz-nsdname"};
    for (size_t i = 0; i < lengthof(triggers); i++)
        if (str_find_str(owner, str_of(triggers[i])) < owner.len)
            return true;
    return false;
}

static bool is_same_name(struct str a, struct str b)
{
    a.len -= str_ends(a, STR("."));
    b.len -= str_ends(b, STR("."));
    return str_eq_nocase(a, b);
}

static enum line_result give_owner(struct list_reader *reader, struct str owner, struct str type, struct str data)
{
    unsigned exception = 0;
    if (is_address_trigger(owner))
        return list_unsupported(reader, "a trigger by address or name server cannot be applied");
    if (str_eq_nocase(type, STR("CNAME"))) {
        if (data.len == 0)
            return list_bad(reader, "a CNAME without a target");
        if (is_same_name(data, STR("rpz-tcp-only")))
            return list_unsupported(reader, "rpz-tcp-only cannot be applied");
        exception = is_same_name(data, STR("rpz-passthru")) || is_same_name(data, owner) ? COVER_EXCEPTION : 0;
    }
    owner = strip_origin(reader, owner);
    if (str_starts(owner, STR("*.")))
        return list_give(reader, str_skip(owner, 2), STR_NONE, COVER_BELOW | exception) ? LINE_ENTRY : LINE_BAD;
    return list_give(reader, owner, STR_NONE, reader->cover | exception) ? LINE_ENTRY : LINE_BAD;
}

static enum line_result read_record(struct list_reader *reader, struct str line)
{
    static const char *const of_the_zone[] = {"SOA", "NS", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "DS"};
    struct str rest = line, owner = list_word(&rest), type = list_word(&rest);
    while (is_class_or_ttl(type))
        type = list_word(&rest);
    if (type.len == 0)
        return list_bad(reader, "no record of a zone");
    for (size_t i = 0; i < lengthof(of_the_zone); i++) {
        if (!str_eq_nocase(type, str_of(of_the_zone[i])))
            continue;
        if (i == 0 && str_ends(owner, STR(".")) && reader->origin.at == NULL)
            set_origin(reader, owner);
        return LINE_NOTHING;
    }
    return str_eq(owner, STR("@")) ? LINE_NOTHING : give_owner(reader, owner, type, list_word(&rest));
}

static struct str without_zone_comment(struct str line)
{
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        is_quoted ^= line.at[i] == '"';
        if (line.at[i] == ';' && !is_quoted)
            return str_head(line, i);
    }
    return line;
}

static void count_parentheses(struct list_reader *reader, struct str line)
{
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        is_quoted ^= line.at[i] == '"';
        if (line.at[i] == '(' && !is_quoted)
            reader->depth++;
        if (line.at[i] == ')' && !is_quoted && reader->depth > 0)
            reader->depth--;
    }
}

enum line_result list_read_rpz(struct list_reader *reader, struct str line)
{
    bool goes_on = reader->depth > 0, has_owner = line.at[0] != ' ' && line.at[0] != '\t';
    line = without_zone_comment(line);
    count_parentheses(reader, line);
    if (goes_on || !has_owner || line.len == 0) /* a further record of an owner that was taken */
        return LINE_NOTHING;
    struct str rest = line, word = list_word(&rest);
    if (word.len == 0 || str_eq_nocase(word, STR("$TTL")))
        return LINE_NOTHING;
    if (str_eq_nocase(word, STR("$ORIGIN"))) {
        set_origin(reader, list_word(&rest));
        return LINE_NOTHING;
    }
    if (word.at[0] == '$')
        return list_unsupported(reader, "only $TTL and $ORIGIN are known");
    return read_record(reader, line);
}
