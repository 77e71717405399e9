#include "net/resolv_conf.h"

#include "base/number.h"

static struct str next_word(struct str *line)
{
    size_t from = 0;
    while (from < line->len && (line->at[from] == ' ' || line->at[from] == '\t'))
        from++;
    size_t to = from;
    while (to < line->len && line->at[to] != ' ' && line->at[to] != '\t' && line->at[to] != '\r')
        to++;
    struct str word = str_from(line->at + from, to - from);
    *line = str_skip(*line, to);
    return word;
}

static bool read_server(struct str word, struct addr *ret)
{
    struct ip ip;
    uint64_t port = DNS_PORT;
    if (str_starts(word, STR("["))) {
        size_t end = str_find(word, ']');
        struct str behind = str_skip(word, end + 1);
        if (!str_starts(behind, STR(":")) || !number_parse_u64(str_skip(behind, 1), UINT16_MAX, &port))
            return false;
        word = str_skip(str_head(word, end), 1);
    }
    if (!ip_parse(word, &ip))
        return false;
    *ret = addr_of_ip(&ip, (uint16_t)port);
    return true;
}

size_t resolv_conf_read(struct str text, struct addr into[NAME_SERVERS_MAX])
{
    size_t count = 0;
    struct str line;
    while (count < NAME_SERVERS_MAX && str_cut(&text, '\n', &line)) {
        if (str_eq(next_word(&line), STR("nameserver")) && read_server(next_word(&line), &into[count]))
            count++;
    }
    if (count == 0) {
        struct ip local = {.version = 4, .bytes = {127, 0, 0, 1}};
        into[count++] = addr_of_ip(&local, DNS_PORT);
    }
    return count;
}
