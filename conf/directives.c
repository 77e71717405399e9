/*
 * To add a directive: a row in the table below. Its value is one of the types of value.h and lands in a member of a
 * module's *_conf.h; what no type can say has a setter in set_*.c. tests/unit/test_doc.c wants a sample of a row that
 * its default does not tell, and tests/docs a word in the guide.
 */
#include "conf/directives.h"

#include "conf/setters.h"
#include "conf/value.h"

#include <inttypes.h>

#define MEMBER(structure, member) .offset = offsetof(structure, member), .size = sizeof(((structure *)0)->member)
#define SPECIAL(setter_, least_, most_, text) .set = (setter_), .least = (least_), .most = (most_), .arguments = (text)
#define DURATION(structure, member, low, text)                                                                         \
    .type = VALUE_DURATION, MEMBER(structure, member), .min = (low), .max = MONTH, .fallback = (text)
#define SIZE(structure, member, low, high, text)                                                                       \
    .type = VALUE_SIZE, MEMBER(structure, member), .min = (low), .max = (high), .fallback = (text)
#define COUNT(structure, member, low, high, text)                                                                      \
    .type = VALUE_COUNT, MEMBER(structure, member), .min = (low), .max = (high), .fallback = (text)

#define TUNNEL_POLICY(member, text)                                                                                    \
    .type = VALUE_CHOICE, MEMBER(struct tunnel_check_conf, member), .words = tunnel_policies, .fallback = (text)

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)
#define MONTH (UINT64_C(30) * 24 * MSEC_HOUR)

enum {
    ALL_LIMITS = BLOCK_LIMITS | BLOCK_LIMITS_MODE | BLOCK_LIMITS_ROUTE,
    HEAD_LIMITS = BLOCK_LIMITS | BLOCK_LIMITS_MODE,
    ALL_TIMEOUTS = BLOCK_TIMEOUTS | BLOCK_TIMEOUTS_MODE | BLOCK_TIMEOUTS_ROUTE,
    HEAD_TIMEOUTS = BLOCK_TIMEOUTS | BLOCK_TIMEOUTS_MODE,
    MODES = BLOCK_REVERSE | BLOCK_PASSTHROUGH | BLOCK_FORWARD,
    SITES = BLOCK_REVERSE | BLOCK_ROUTE,
    RULES = BLOCK_REVERSE | BLOCK_ROUTE | BLOCK_FORWARD,
};

const struct block_name block_names[] = {
    {BLOCK_TOP, "top level", "the top level"},
    {BLOCK_LIMITS, "limits", "a limits block"},
    {BLOCK_LIMITS_MODE, "limits of a reverse or forward block", "the limits of a reverse or forward block"},
    {BLOCK_LIMITS_ROUTE, "limits of a route", "the limits of a route"},
    {BLOCK_TIMEOUTS, "timeouts", "a timeouts block"},
    {BLOCK_TIMEOUTS_MODE, "timeouts of a reverse or forward block", "the timeouts of a reverse or forward block"},
    {BLOCK_TIMEOUTS_PASSTHROUGH, "timeouts of tls-passthrough", "the timeouts of a reverse block with tls-passthrough"},
    {BLOCK_TIMEOUTS_ROUTE, "timeouts of a route", "the timeouts of a route"},
    {BLOCK_RESOLVER, "resolver", "a resolver block"},
    {BLOCK_LOG, "log", "a log block"},
    {BLOCK_LIST, "list", "a list block"},
    {BLOCK_POOL, "pool", "a pool block"},
    {BLOCK_POOL_TLS, "tls of a pool", "the tls block of a pool"},
    {BLOCK_REVERSE, "reverse", "a reverse block"},
    {BLOCK_PASSTHROUGH, "reverse with tls-passthrough", "a reverse block with tls-passthrough"},
    {BLOCK_ROUTE, "route", "a route block"},
    {BLOCK_FORWARD, "forward", "a forward block"},
    {BLOCK_ACME, "certificate auto", "the block of 'certificate auto'"},
    {BLOCK_TEST, "test", "a test block"},
    {BLOCK_TLS, "tls of a reverse or forward block", "the tls block of a reverse or forward block"},
    {BLOCK_TUNNEL_CHECK, "tunnel-check", "a tunnel-check block"},
    {OPTIONS_USER, "user", "the options of 'user'"},
    {OPTIONS_CONTROL, "control", "the options of 'control'"},
    {OPTIONS_SERVER, "server", "the options of 'server'"},
    {OPTIONS_LISTEN, "listen", "the options of 'listen'"},
    {OPTIONS_DENY, "deny", "the options of 'deny'"},
    {OPTIONS_DENY_PASSTHROUGH, "deny", "the options of 'deny' with tls-passthrough"},
    {OPTIONS_REDIRECT, "redirect", "the options of 'redirect'"},
    {OPTIONS_RESPOND, "respond", "the options of 'respond'"},
    {OPTIONS_EXPECT, "expect", "the options of 'expect'"},
    {0, NULL, NULL},
};

const struct value_doc value_docs[VALUE_TYPE_COUNT] = {
    [VALUE_SPECIAL] = {"", "as the directive says", ""},
    [VALUE_FLAG] = {"", "nothing: being there is enough", ""},
    [VALUE_SWITCH] = {"on|off", "a switch", "on off"},
    [VALUE_DURATION] = {"DURATION", "one number and one of ms, s, m, h, d; 0 needs no unit", "250ms 30s 1h"},
    [VALUE_SIZE] = {"SIZE", "a number and k, M, G or T (powers of 1024, in either case), or bytes with B",
                    "64k 2G 512B"},
    [VALUE_BANDWIDTH] = {"BANDWIDTH", "a size and /s, or bits (powers of 1000) and bit/s, kbit/s, Mbit/s, Gbit/s",
                         "2M/s 20Mbit/s"},
    [VALUE_PERCENT] = {"PERCENT", "0 to 100, with or without %", "50 20%"},
    [VALUE_COUNT] = {"N", "a whole number", "4"},
    [VALUE_CHOICE] = {"", "one of the words named", ""},
    [VALUE_NAME] = {"NAME", "letters, digits, '_', '-' and '.', at most 64", "app"},
    [VALUE_PATH] = {"PATH", "a path, relative to the file it stands in", "/etc/gatehouse/ads.txt lists/ads.txt"},
    [VALUE_TEXT] = {"TEXT", "any text, in quotes when it has blanks", "\"two words\""},
};

const struct value_doc word_docs[] = {
    {"ADDRESS",
     "to listen on: HOST:PORT, :PORT or PORT (all interfaces, IPv4 and IPv6; [::]:PORT is for IPv6 "
     "alone, and a reload that would make the one of the other is refused); of a server: HOST "
     "(port 80), HOST:PORT, :PORT or PORT (this machine); of either unix:/PATH; a server's "
     "name is followed as its TTLs run out, localhost to listen on is 127.0.0.1; of a name "
     "server or a syslog: a numeric address, with or without a port",
     "127.0.0.1:8080 [::1]:8080 app.internal:3000 unix:/run/app.sock"},
    {"CIDR",
     "a range of addresses, or one; in source and destination also @NAME, the addresses of a "
     "list; an IPv6 address that embeds an IPv4 address is compared as that",
     "10.0.0.0/8 2001:db8::/32 192.0.2.7 @inside"},
    {"PATTERN",
     "a host name; behind *. stands for all that is below it at any depth, behind a dot for both; a * "
     "elsewhere is a mistake; compared in lower case, in A-label form, without the final dot, "
     "and without a port",
     "example.org *.example.org .example.org"},
    {"GLOB",
     "is compared with the whole value: * is any run of characters, / included, and ? is one; "
     "a final /* covers the path without it too",
     "/admin/* *.png"},
    {"PORT", "1 to 65535, or a range", "443 1025-65535"},
    {"REGEX",
     "a PCRE2 expression, found anywhere in the value unless it is anchored; a search is "
     "bounded, and a request for which the bound is reached is refused with 400; in conditions"
     " called RE",
     "^/api/(.*)$"},
    {NULL, NULL, NULL},
};

static const struct value_word auto_is_zero[] = {{"auto", 0}, {NULL, 0}};
static const struct value_word off_is_zero[] = {{"off", 0}, {NULL, 0}};
static const struct value_word off_is_negative[] = {{"off", (uint64_t)-1}, {NULL, 0}};
static const struct value_word client_certificates[] = {
    {"required", CLIENT_CERTIFICATE_REQUIRED}, {"optional", CLIENT_CERTIFICATE_OPTIONAL}, {NULL, 0}};
static const struct value_word off_is_endless[] = {{"off", UINT64_MAX}, {NULL, 0}};
static const struct value_word prefers[] = {
    {"any", PREFER_ANY}, {"ipv4", PREFER_IPV4}, {"ipv6", PREFER_IPV6}, {NULL, 0}};
static const struct value_word list_formats[] = {
    {"auto", LIST_AUTO},         {"domains", LIST_DOMAINS}, {"hosts", LIST_HOSTS},
    {"adblock", LIST_ADBLOCK},   {"dnsmasq", LIST_DNSMASQ}, {"rpz", LIST_RPZ},
    {"category", LIST_CATEGORY}, {"cidr", LIST_CIDR},       {NULL, 0}};
static const struct value_word balances[] = {{"round-robin", BALANCE_ROUND_ROBIN}, {NULL, 0}};
static const struct value_word proxy_versions[] = {
    {"v1", PROXY_HEADER_V1}, {"v2", PROXY_HEADER_V2}, {"off", PROXY_HEADER_OFF}, {NULL, 0}};
static const struct value_word address_privacy[] = {
    {"clear", PRIVACY_CLEAR}, {"masked", PRIVACY_MASKED}, {"off", PRIVACY_OFF}, {NULL, 0}};
static const struct value_word forwarded_fields[] = {{"x-forwarded", FORWARDED_X},
                                                     {"forwarded", FORWARDED_STANDARD},
                                                     {"both", FORWARDED_BOTH},
                                                     {"off", FORWARDED_OFF},
                                                     {NULL, 0}};
static const struct value_word tunnel_policies[] = {{"allow", TUNNEL_ALLOW}, {"deny", TUNNEL_DENY}, {NULL, 0}};
static const struct value_word redirect_statuses[] = {{"301", 301}, {"302", 302}, {"303", 303},
                                                      {"307", 307}, {"308", 308}, {NULL, 0}};

/* clang-format off */
const struct directive directives[] = {
    /* the process */
    {.name = "threads", .blocks = BLOCK_TOP, COUNT(struct config, process.threads, 1, 256, "auto"), .words = auto_is_zero,
     .help = "event-loop threads of the worker; auto: one for each processor that may be used"},
    {.name = "user", .blocks = BLOCK_TOP, .type = VALUE_NAME, MEMBER(struct config, process.user), .options = OPTIONS_USER,
     .fallback_note = "gatehouse, else nobody", .help = "the worker's user, when started by root"},
    {.name = "group", .blocks = OPTIONS_USER, .type = VALUE_NAME, MEMBER(struct config, process.group),
     .fallback_note = "the user's", .help = "the worker's group"},
    {.name = "control", .blocks = BLOCK_TOP, .type = VALUE_PATH, MEMBER(struct config, process.control), .options = OPTIONS_CONTROL,
     .fallback_note = RUNSTATEDIR "/gatehouse/control.sock; for a user $XDG_RUNTIME_DIR/gatehouse.sock",
     .help = "the control socket, which only its owner may use (mode 0600)"},
    {.name = "group", .blocks = OPTIONS_CONTROL, .type = VALUE_NAME, MEMBER(struct config, process.control_group),
     .fallback_note = "none", .help = "a group that may use the control socket too (mode 0660)"},
    {.name = "state", .blocks = BLOCK_TOP, .type = VALUE_PATH, MEMBER(struct config, process.state),
     .fallback_note = LOCALSTATEDIR "/lib/gatehouse; for a user $XDG_STATE_HOME/gatehouse, else ~/.local/state/gatehouse",
     .help = "the folder of what outlives the process: accounts and certificates of certificate auto; made when it is missing"},
    {.name = "include", .blocks = OPTIONS_USER - 1, SPECIAL(NULL, 1, 1, "PATH"), .repeats = true,
     .help = "reads the statements of the files that the glob names, in the order of their names, as if they stood here"},

    /* limits */
    {.name = "limits", .blocks = BLOCK_TOP | RULES, SPECIAL(set_limits, 0, 0, NULL), .body = BODY_REQUIRED,
     .help = "how much a peer may send and hold; a block inside takes over what it does not set itself"},
    {.name = "uri-size", .blocks = HEAD_LIMITS, SIZE(struct limits, uri_size, 256, MIB, "8k"),
     .help = "the longest request line; beyond it 414"},
    {.name = "header-size", .blocks = HEAD_LIMITS, SIZE(struct limits, header_size, KIB, MIB, "32k"),
     .help = "the largest head of a request; beyond it 431. A server's head beyond it is a 502"},
    {.name = "field-size", .blocks = HEAD_LIMITS, SIZE(struct limits, field_size, 256, MIB, "16k"),
     .help = "the longest header field; beyond it 431"},
    {.name = "header-count", .blocks = HEAD_LIMITS, COUNT(struct limits, header_count, 8, 10000, "100"),
     .help = "the most header fields; beyond it 431"},
    {.name = "body-size", .blocks = ALL_LIMITS, SIZE(struct limits, body_size, 1, TIB, "off"), .words = off_is_endless,
     .help = "the largest body of a request; beyond it 413"},
    {.name = "chunk-line", .blocks = HEAD_LIMITS, SIZE(struct limits, chunk_line, 32, 64 * KIB, "256B"),
     .help = "the longest line in front of a chunk, extensions included"},
    {.name = "chunk-overhead", .blocks = HEAD_LIMITS, SIZE(struct limits, chunk_overhead, KIB, MIB, "16k"),
     .help = "how much chunk framing may exceed what its data warrants"},
    {.name = "trailer-size", .blocks = HEAD_LIMITS, SIZE(struct limits, trailer_size, 256, MIB, "8k"),
     .help = "the largest trailer section"},
    {.name = "trailer-count", .blocks = HEAD_LIMITS, COUNT(struct limits, trailer_count, 1, 1000, "20"),
     .help = "the most trailer fields"},
    {.name = "min-rate", .blocks = ALL_LIMITS, .type = VALUE_BANDWIDTH, MEMBER(struct limits, min_rate), .fallback = "512B/s",
     .words = off_is_zero, .help = "the slowest that a body may flow while bytes are owed, after timeouts { rate-grace }"},
    {.name = "memory", .blocks = BLOCK_LIMITS, SIZE(struct limits, memory, 8 * MIB, TIB, "auto"), .words = auto_is_zero,
     .help = "memory for traffic (not for lists, nor for TLS itself): 90 % shed idle connections, 95 % are answered 503; auto: a quarter of the machine's"},
    {.name = "descriptors", .blocks = BLOCK_LIMITS, COUNT(struct limits, descriptors, 64, 10000000, "auto"), .words = auto_is_zero,
     .help = "open files of the worker; auto: as many as the system allows"},
    {.name = "connections", .blocks = BLOCK_LIMITS, COUNT(struct limits, connections, 1, 10000000, "off"), .words = off_is_zero,
     .help = "connections of clients; accepting pauses while there are so many"},
    {.name = "connections-per-client", .blocks = BLOCK_LIMITS, COUNT(struct limits, connections_per_client, 1, 1000000, "off"),
     .words = off_is_zero, .help = "connections of one client's address; more are closed at once"},
    {.name = "signatures-per-second", .blocks = BLOCK_LIMITS, COUNT(struct limits, signatures, 1, 1000000, "10000"), .words = off_is_zero,
     .help = "signatures with private keys, for all handshakes; those beyond wait"},

    /* time-outs */
    {.name = "timeouts", .blocks = BLOCK_TOP | RULES | BLOCK_PASSTHROUGH, SPECIAL(set_timeouts, 0, 0, NULL), .body = BODY_REQUIRED,
     .help = "how long a peer may take; a block inside takes over what it does not set itself"},
    {.name = "client-header", .blocks = HEAD_TIMEOUTS, DURATION(struct timeouts, client_header, 1, "10s"),
     .help = "for a whole head, from the connection or the first byte on: 408"},
    {.name = "tls-handshake", .blocks = HEAD_TIMEOUTS | BLOCK_TIMEOUTS_PASSTHROUGH, DURATION(struct timeouts, tls_handshake, 1, "10s"),
     .help = "for a client's TLS handshake, or the greeting that is passed through, from the connection on; for the one in a tunnel from its first byte on"},
    {.name = "client-body", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, client_body, 1, "15s"),
     .help = "without a byte of a request's body"},
    {.name = "client-idle", .blocks = HEAD_TIMEOUTS, DURATION(struct timeouts, client_idle, 1, "60s"),
     .help = "between two requests of a connection"},
    {.name = "client-write", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, client_write, 1, "15s"),
     .help = "while a client takes nothing of an answer"},
    {.name = "rate-grace", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, rate_grace, 0, "10s"),
     .help = "before limits { min-rate } counts"},
    {.name = "connect", .blocks = ALL_TIMEOUTS | BLOCK_TIMEOUTS_PASSTHROUGH, DURATION(struct timeouts, connect, 1, "3s"),
     .help = "for each attempt to connect to a server"},
    {.name = "server-tls", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, server_tls, 1, "5s"),
     .help = "for the TLS handshake with a server: 504"},
    {.name = "response", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, response, 1, "60s"),
     .help = "from a request sent to the first byte of its answer: 504"},
    {.name = "response-gap", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, response_gap, 1, "60s"),
     .help = "without a byte inside an answer"},
    {.name = "upstream-idle", .blocks = ALL_TIMEOUTS, DURATION(struct timeouts, upstream_idle, 1, "60s"),
     .help = "an idle connection to a server is kept"},
    {.name = "tunnel-idle", .blocks = ALL_TIMEOUTS | BLOCK_TIMEOUTS_PASSTHROUGH, DURATION(struct timeouts, tunnel_idle, 1, "300s"),
     .help = "a tunnel or WebSocket in which nothing moves is kept"},
    {.name = "drain", .blocks = BLOCK_TIMEOUTS, DURATION(struct timeouts, drain, 0, "30s"),
     .help = "from the order to end, for the requests under way"},
    {.name = "hard-stop", .blocks = BLOCK_TIMEOUTS, DURATION(struct timeouts, hard_stop, 0, "60s"),
     .help = "from the order to end, for everything that is left then"},

    /* the resolver */
    {.name = "resolver", .blocks = BLOCK_TOP, SPECIAL(set_resolver, 0, 0, NULL), .body = BODY_REQUIRED,
     .help = "how names of servers and sites become addresses"},
    {.name = "nameserver", .blocks = BLOCK_RESOLVER, SPECIAL(set_nameserver, 1, MANY, "ADDRESS..."),
     .fallback_note = "those of /etc/resolv.conf, read again when it changes", .help = "the name servers to ask"},
    {.name = "hosts", .blocks = BLOCK_RESOLVER, .type = VALUE_PATH, MEMBER(struct resolver_conf, hosts), .fallback = "/etc/hosts",
     .help = "a hosts(5) file of at most 16 MiB, which is asked first and read again when it changes"},
    {.name = "timeout", .blocks = BLOCK_RESOLVER, DURATION(struct resolver_conf, timeout, 1, "3s"), .help = "for a whole look-up"},
    {.name = "cache-size", .blocks = BLOCK_RESOLVER, COUNT(struct resolver_conf, cache_size, 0, 10000000, "10000"),
     .help = "names that each thread remembers"},
    {.name = "min-ttl", .blocks = BLOCK_RESOLVER, DURATION(struct resolver_conf, min_ttl, 0, "0"),
     .help = "an answer is remembered at least so long"},
    {.name = "max-ttl", .blocks = BLOCK_RESOLVER, DURATION(struct resolver_conf, max_ttl, 0, "1d"),
     .help = "an answer is remembered at most so long"},
    {.name = "prefer", .blocks = BLOCK_RESOLVER, .type = VALUE_CHOICE, MEMBER(struct resolver_conf, prefer), .words = prefers,
     .fallback = "any", .help = "the family of addresses that is tried first; any: as RFC 8305 has it"},

    /* logs */
    {.name = "log", .blocks = BLOCK_TOP, SPECIAL(set_log, 0, 1, "[NAME] { … } | off"), .body = BODY_OPTIONAL, .repeats = true,
     .makes = NAME_LOG, .help = "an access log, which gets every request unless a rule says otherwise; without any: combined lines on stdout"},
    {.name = "to", .blocks = BLOCK_LOG, SPECIAL(set_log_to, 1, 2, "file PATH | stdout | stderr | syslog ADDRESS"),
     .fallback = "stdout", .help = "where its lines go; a syslog is unix:/PATH or IP[:PORT]"},
    {.name = "format", .blocks = BLOCK_LOG, SPECIAL(set_log_format, 1, 1, "json | combined | squid | \"TEXT\""),
     .fallback = "combined", .help = "how its lines look; a TEXT has variables"},
    {.name = "redact", .blocks = BLOCK_LOG, SPECIAL(set_redact, 1, MANY, "FIELD..."), .repeats = true,
     .help = "header fields whose values are never written; authorization, proxy-authorization, cookie and set-cookie never are"},
    {.name = "addresses", .blocks = BLOCK_LOG, .type = VALUE_CHOICE, MEMBER(struct log_conf, addresses), .words = address_privacy,
     .fallback = "clear", .help = "how clients' addresses are shown; masked: the first 24 bits, of IPv6 48"},

    /* conditions and lists */
    {.name = "acl", .blocks = BLOCK_TOP | MODES, SPECIAL(set_acl, 2, MANY, "NAME KIND VALUE..."), .repeats = true, .makes = NAME_ACL,
     .help = "a condition with a name; in a reverse or forward block it is seen in that block only"},
    {.name = "list", .blocks = BLOCK_TOP, SPECIAL(set_list, 1, 1, "NAME"), .body = BODY_REQUIRED, .repeats = true, .makes = NAME_LIST,
     .help = "names, addresses or URLs read from files, for listed(NAME) and @NAME"},
    {.name = "file", .blocks = BLOCK_LIST, SPECIAL(set_list_file, 1, MANY, "[optional] PATH..."), .repeats = true,
     .help = "files of the list, plain or compressed; a folder with domains or urls in it is a category. optional: may be missing"},
    {.name = "format", .blocks = BLOCK_LIST, .type = VALUE_CHOICE, MEMBER(struct list_conf, format), .words = list_formats,
     .fallback = "auto", .help = "the form of the files' lines; auto: found out for each file"},
    {.name = "exact", .blocks = BLOCK_LIST, .type = VALUE_SWITCH, MEMBER(struct list_conf, exact),
     .fallback_note = "off; on for lines of hosts files", .help = "a name does not cover its subdomains"},
    {.name = "bad-lines", .blocks = BLOCK_LIST, .type = VALUE_PERCENT, MEMBER(struct list_conf, bad_percent), .fallback = "1%",
     .help = "so many unreadable lines are passed over and told; more are an error"},

    /* pools */
    {.name = "pool", .blocks = BLOCK_TOP, SPECIAL(set_pool, 1, 1, "NAME"), .body = BODY_REQUIRED, .repeats = true, .makes = NAME_POOL,
     .help = "servers that serve the same"},
    {.name = "server", .blocks = BLOCK_POOL, SPECIAL(set_server, 1, 1, "ADDRESS"), .options = OPTIONS_SERVER, .body = BODY_OPTIONAL,
     .repeats = true, .help = "HOST:PORT, HOST (port 80), [IPv6]:PORT, :PORT (this machine), unix:/PATH or https://HOST (port 443, by TLS, verified); a name is followed as its TTLs run out"},
    {.name = "weight", .blocks = OPTIONS_SERVER, COUNT(struct server_conf, weight, 1, 1000, "1"), .help = "its share of the requests"},
    {.name = "max-connections", .blocks = OPTIONS_SERVER, COUNT(struct server_conf, max_connections, 1, 1000000, "off"),
     .words = off_is_zero, .help = "the most connections to it"},
    {.name = "backup", .blocks = OPTIONS_SERVER, .type = VALUE_FLAG, MEMBER(struct server_conf, is_backup),
     .help = "is used only when no other server can be"},
    {.name = "down", .blocks = OPTIONS_SERVER, .type = VALUE_FLAG, MEMBER(struct server_conf, is_down), .help = "is never used"},
    {.name = "balance", .blocks = BLOCK_POOL, .type = VALUE_CHOICE, MEMBER(struct pool_conf, balance), .words = balances,
     .fallback = "round-robin", .help = "how a server is chosen"},
    {.name = "connections", .blocks = BLOCK_POOL, COUNT(struct pool_conf, connections, 0, 100000, "256"),
     .help = "idle connections kept open to each server, per thread"},
    {.name = "proxy-protocol", .blocks = BLOCK_POOL, .type = VALUE_CHOICE, MEMBER(struct pool_conf, proxy_header),
     .words = proxy_versions, .fallback = "off",
     .help = "begins each connection with a PROXY header that names the client; it serves one request then"},
    {.name = "tls", .blocks = BLOCK_POOL, SPECIAL(set_pool_tls, 0, 0, NULL), .body = BODY_OPTIONAL,
     .help = "its servers are spoken to by TLS 1.2 or 1.3, as those written https:// are"},
    {.name = "verify", .blocks = BLOCK_POOL_TLS, .type = VALUE_SWITCH, MEMBER(struct tls_conf, verify), .fallback = "on",
     .help = "a server whose certificate is not in order is not used: 502"},
    {.name = "ca", .blocks = BLOCK_POOL_TLS, SPECIAL(set_tls_ca, 1, 1, "FILE"), .fallback_note = "the system's",
     .help = "the authorities that servers' certificates have to come from, in PEM; each is believed for itself, also one whose own certificate another has signed"},
    {.name = "server-name", .blocks = BLOCK_POOL_TLS, SPECIAL(set_tls_server_name, 1, 1, "NAME"),
     .fallback_note = "the server's own name or address", .help = "is asked for and has to stand in the certificate"},
    {.name = "certificate", .blocks = BLOCK_POOL_TLS, SPECIAL(set_pool_certificate, 2, 2, "CERTIFICATE-FILE KEY-FILE"),
     .fallback_note = "none", .help = "is shown to servers that ask for one; as for listeners, with the key in a file of its own, which only the keeper reads; when the files change, new connections show the new pair without a reload"},

    /* reverse */
    {.name = "reverse", .blocks = BLOCK_TOP, SPECIAL(set_mode, 1, 1, "NAME"), .body = BODY_REQUIRED, .repeats = true,
     .makes = NAME_REVERSE, .help = "a site whose servers are behind this proxy"},
    {.name = "listen", .blocks = MODES, SPECIAL(set_listen, 1, 1, "ADDRESS"), .options = OPTIONS_LISTEN, .repeats = true,
     .help = "IPv4:PORT, [IPv6]:PORT, :PORT or PORT (all interfaces, IPv4 and IPv6) or unix:/PATH; reverse blocks may share one"},
    {.name = "tls", .blocks = OPTIONS_LISTEN, .type = VALUE_FLAG, MEMBER(struct listen_conf, is_tls),
     .help = "clients speak TLS 1.2 or 1.3 here, and are shown the block's certificate"},
    {.name = "tls-passthrough", .blocks = OPTIONS_LISTEN, .type = VALUE_FLAG, MEMBER(struct listen_conf, is_passthrough),
     .help = "in a reverse block: TLS goes to the servers as it comes, chosen by the name in its greeting; nothing is decrypted"},
    {.name = "forwarded", .blocks = OPTIONS_LISTEN, SPECIAL(set_forwarded_from, 2, MANY, "from CIDR..."),
     .help = "in a reverse block: behind these proxies the client is the right-most address of X-Forwarded-For that is not theirs"},
    {.name = "proxy-protocol", .blocks = OPTIONS_LISTEN, SPECIAL(set_proxied_from, 2, MANY, "from CIDR..."),
     .help = "from these proxies a connection begins with a PROXY header (version 1 or 2), which names the client; without it, it is closed"},
    {.name = "certificate", .blocks = BLOCK_REVERSE | BLOCK_FORWARD, SPECIAL(set_certificate, 1, 2, "CERTIFICATE-FILE KEY-FILE | auto { … } | self-signed"),
     .repeats = true, .body = BODY_OPTIONAL,
     .help = "in PEM, the chain behind the certificate; the key in a file of its own, which only the keeper reads; as often as needed, ECDSA and RSA side by side: a client is shown what is for the name that it asks for, else the first of each kind; when the files change, the new pair is served without a reload. auto (of a reverse block): ordered for its hosts from an authority (ACME), and renewed; self-signed: for tests"},
    {.name = "email", .blocks = BLOCK_ACME, SPECIAL(set_acme_email, 1, 1, "ADDRESS"), .fallback_note = "none",
     .help = "the address of the account, to which the authority may write"},
    {.name = "directory", .blocks = BLOCK_ACME, SPECIAL(set_acme_directory, 1, 1, "URL"),
     .fallback = "https://acme-v02.api.letsencrypt.org/directory",
     .help = "the authority; its own certificate has to be in order for this machine"},
    {.name = "agree-terms", .blocks = BLOCK_ACME, .type = VALUE_SWITCH, MEMBER(struct acme_conf, agrees), .fallback = "off",
     .help = "agrees to the authority's terms of service; without it nothing is ordered"},
    {.name = "tls", .blocks = BLOCK_REVERSE | BLOCK_FORWARD, SPECIAL(set_tls, 0, 0, NULL), .body = BODY_REQUIRED,
     .help = "how the listeners with tls speak it; of blocks that share one, the block of the name that the client asks for has its way"},
    {.name = "versions", .blocks = BLOCK_TLS, SPECIAL(set_tls_versions, 1, MANY, "1.2 | 1.3 | 1.2 1.3"), .fallback = "1.2 1.3",
     .help = "the versions that are spoken"},
    {.name = "ciphers", .blocks = BLOCK_TLS, SPECIAL(set_tls_ciphers, 1, MANY, "LIST..."), .fallback_note = "ECDHE with AES-GCM or ChaCha20-Poly1305; the suites of TLS 1.3",
     .help = "for TLS 1.2 a list as OpenSSL has it (ciphers(1)), the first that both sides know is taken; names that begin with TLS_ are suites of TLS 1.3"},
    {.name = "client-ca", .blocks = BLOCK_TLS, SPECIAL(set_tls_client_ca, 1, 1, "FILE"), .fallback_note = "none",
     .help = "clients are asked for a certificate of one of these authorities, in PEM; one of others, or out of date, ends the handshake"},
    {.name = "client-certificate", .blocks = BLOCK_TLS, .type = VALUE_CHOICE, MEMBER(struct tls_server_conf, client_certificate), .words = client_certificates,
     .fallback_note = "required, where there is a client-ca", .help = "whether clients without one are served, too"},
    {.name = "tickets", .blocks = BLOCK_TLS, .type = VALUE_SWITCH, MEMBER(struct tls_server_conf, tickets), .fallback = "on",
     .help = "clients that come back within 12 hours need no full handshake; the keys change each hour, and those that are of no use any more are erased"},
    {.name = "ocsp-stapling", .blocks = BLOCK_TLS, .type = VALUE_SWITCH, MEMBER(struct tls_server_conf, stapling), .fallback = "on",
     .help = "clients that ask are shown with a certificate what its issuer's OCSP responder says of it, if the certificate names one and its file has the issuer; asked for in the background, never during a handshake"},
    {.name = "hsts", .blocks = BLOCK_TLS, .type = VALUE_DURATION, MEMBER(struct tls_server_conf, hsts), .fallback = "off", .words = off_is_negative,
     .help = "in a reverse block: answers carry Strict-Transport-Security with this max-age, in place of the servers' own; 0 takes it back; for includeSubDomains say set-header response Strict-Transport-Security \"max-age=31536000; includeSubDomains\" if scheme(https)"},
    {.name = "host", .blocks = BLOCK_REVERSE | BLOCK_PASSTHROUGH, SPECIAL(set_host, 1, MANY, "PATTERN..."), .repeats = true, .fallback_note = "default",
     .help = "the names served here: example.org, *.example.org (below), .example.org (itself and below); default: the rest"},
    {.name = "to", .blocks = SITES | BLOCK_PASSTHROUGH, SPECIAL(set_to, 1, MANY, "ADDRESS..."), .help = "the servers: a pool in short; off in a route: nothing serves it"},
    {.name = "pool", .blocks = SITES | BLOCK_PASSTHROUGH, SPECIAL(set_pool_name, 1, 1, "NAME"), .help = "the pool that serves it; off in a route: nothing does"},
    {.name = "files", .blocks = SITES, SPECIAL(set_files, 1, 1, "FOLDER"),
     .help = "files serve it: the folder and the whole path (strip with rewrite), index.html, no listings"},
    {.name = "forwarded-fields", .blocks = SITES, .type = VALUE_CHOICE, MEMBER(struct mode_draft, settings.forwarded),
     .words = forwarded_fields, .fallback = "x-forwarded",
     .help = "what tells servers of the client: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239), written afresh"},
    {.name = "websocket", .blocks = SITES, .type = VALUE_SWITCH, MEMBER(struct mode_draft, settings.websocket), .fallback = "on",
     .help = "lets connections become WebSockets"},
    {.name = "conceal", .blocks = RULES, .type = VALUE_SWITCH, MEMBER(struct mode_draft, settings.conceal), .fallback = "on",
     .help = "reverse: nothing tells clients of the servers; forward: nothing tells sites of the clients"},
    {.name = "error-page", .blocks = RULES, SPECIAL(set_error_page, 2, MANY, "STATUS... FILE"), .repeats = true,
     .help = "a file with variables that answers these statuses; a route's pages replace the block's"},
    {.name = "route", .blocks = BLOCK_REVERSE, SPECIAL(set_route, 1, 1, "GLOB"), .has_condition = true, .body = BODY_REQUIRED,
     .repeats = true, .help = "the paths that are served in another way; the first route that matches is taken"},

    /* forward */
    {.name = "forward", .blocks = BLOCK_TOP, SPECIAL(set_mode, 1, 1, "NAME"), .body = BODY_REQUIRED, .repeats = true,
     .makes = NAME_FORWARD, .help = "a way out for clients that are told to use this proxy; without an allow nobody gets through"},
    {.name = "ports", .blocks = BLOCK_FORWARD, SPECIAL(set_ports, 1, MANY, "PORT|FROM-TO..."), .fallback = "80 443 1025-65535",
     .help = "the ports that may be reached; no rule overrides it"},
    {.name = "tunnel-ports", .blocks = BLOCK_FORWARD, SPECIAL(set_tunnel_ports, 1, MANY, "PORT|FROM-TO..."), .fallback = "443",
     .help = "the ports where CONNECT may go; no rule overrides it"},
    {.name = "deny-private", .blocks = BLOCK_FORWARD, SPECIAL(set_deny_private, 1, MANY, "on | off | except CIDR..."),
     .fallback = "on", .help = "no way to loopback, link-local, private and metadata addresses, whatever a name resolves to; no rule overrides it"},
    {.name = "tunnel-check", .blocks = BLOCK_FORWARD, SPECIAL(set_tunnel_check, 0, 0, NULL), .body = BODY_REQUIRED,
     .help = "what the TLS greeting in a tunnel to port 443 may be; it is read, never decrypted, before anything of it goes to the site"},
    {.name = "mismatch", .blocks = BLOCK_TUNNEL_CHECK, TUNNEL_POLICY(mismatch, "deny"),
     .help = "it names another host than the tunnel was asked for"},
    {.name = "no-name", .blocks = BLOCK_TUNNEL_CHECK, TUNNEL_POLICY(no_name, "allow"), .help = "it names no host"},
    {.name = "not-tls", .blocks = BLOCK_TUNNEL_CHECK, TUNNEL_POLICY(not_tls, "allow"), .help = "what comes is not TLS at all"},
    {.name = "ech", .blocks = BLOCK_TUNNEL_CHECK, TUNNEL_POLICY(ech, "allow"),
     .help = "it has an encrypted_client_hello, which may hide another name; browsers send a dummy of it, too"},

    /* rules */
    {.name = "allow", .blocks = RULES | BLOCK_PASSTHROUGH, SPECIAL(set_allow, 0, 0, NULL), .is_rule = true, .has_condition = true, .repeats = true,
     .help = "ends the rules of the block or route it stands in: the request goes on"},
    {.name = "deny", .blocks = RULES, SPECIAL(set_deny, 0, 0, NULL), .options = OPTIONS_DENY, .is_rule = true, .has_condition = true,
     .repeats = true, .help = "ends everything: the request is refused"},
    {.name = "deny", .blocks = BLOCK_PASSTHROUGH, SPECIAL(set_deny, 0, 0, NULL), .options = OPTIONS_DENY_PASSTHROUGH, .is_rule = true,
     .has_condition = true, .repeats = true, .help = "where TLS is passed through: ends everything, and the client gets an alert"},
    {.name = "status", .blocks = OPTIONS_DENY, COUNT(struct rule, status, 400, 599, "403"), .help = "the status of the answer"},
    {.name = "page", .blocks = OPTIONS_DENY, SPECIAL(set_deny_page, 1, 1, "FILE"),
     .help = "a file with variables that is the answer, in place of the error page"},
    {.name = "reason", .blocks = OPTIONS_DENY | OPTIONS_DENY_PASSTHROUGH, SPECIAL(set_reason, 1, 1, "TEXT"),
     .help = "a text with variables, for the page and the log"},
    {.name = "redirect", .blocks = RULES, SPECIAL(set_redirect, 1, 1, "URL"), .options = OPTIONS_REDIRECT, .is_rule = true,
     .has_condition = true, .repeats = true, .help = "ends everything: sends the client to the URL, a text with variables"},
    {.name = "status", .blocks = OPTIONS_REDIRECT, .type = VALUE_CHOICE, MEMBER(struct rule, status), .words = redirect_statuses,
     .fallback = "302", .help = "the status of the answer"},
    {.name = "respond", .blocks = RULES, SPECIAL(set_respond, 1, 1, "STATUS"), .options = OPTIONS_RESPOND, .is_rule = true,
     .has_condition = true, .repeats = true, .help = "ends everything: answers from here"},
    {.name = "type", .blocks = OPTIONS_RESPOND, SPECIAL(set_media_type, 1, 1, "MIME"),
     .fallback_note = "text/plain; of a file by its name", .help = "the media type of the answer"},
    {.name = "body", .blocks = OPTIONS_RESPOND, SPECIAL(set_body, 1, 1, "TEXT"), .help = "a text with variables that is the answer"},
    {.name = "file", .blocks = OPTIONS_RESPOND, SPECIAL(set_body_file, 1, 1, "PATH"), .help = "a file that is the answer, as it stands"},
    {.name = "set-header", .blocks = RULES, SPECIAL(set_header, 3, 3, "request|response FIELD TEXT"), .is_rule = true,
     .has_condition = true, .repeats = true, .help = "replaces a header field by a text with variables"},
    {.name = "add-header", .blocks = RULES, SPECIAL(set_header, 3, 3, "request|response FIELD TEXT"), .is_rule = true,
     .has_condition = true, .repeats = true, .help = "adds a header field"},
    {.name = "remove-header", .blocks = RULES, SPECIAL(set_remove_header, 2, 2, "request|response FIELD"), .is_rule = true,
     .has_condition = true, .repeats = true, .help = "removes header fields; the name may end in *"},
    {.name = "rewrite", .blocks = RULES, SPECIAL(set_rewrite, 3, 3, "path REGEX REPLACEMENT"), .is_rule = true, .has_condition = true,
     .repeats = true, .help = "changes the path for all that follows; $1 to $9 are the groups of the expression"},
    {.name = "log", .blocks = RULES | BLOCK_PASSTHROUGH, SPECIAL(set_log_rule, 1, 1, "NAME|off"), .is_rule = true, .has_condition = true, .repeats = true,
     .help = "the request goes to this log only, or to none"},

    /* tests */
    {.name = "test", .blocks = MODES, SPECIAL(set_test, 0, 0, NULL), .body = BODY_REQUIRED, .repeats = true,
     .help = "a request and what the rules are to make of it; a file whose tests fail is refused"},
    {.name = "from", .blocks = BLOCK_TEST, SPECIAL(set_test_from, 1, 1, "IP"), .fallback = "127.0.0.1", .help = "the client's address"},
    {.name = "client-certificate", .blocks = BLOCK_TEST, .type = VALUE_TEXT, MEMBER(struct test_conf, client_certificate), .fallback_note = "none",
     .help = "the subject of a verified certificate that the client shows"},
    {.name = "at", .blocks = BLOCK_TEST, SPECIAL(set_test_at, 1, 1, "\"YYYY-MM-DD HH:MM\""),
     .help = "the time, in the zone of the condition that asks"},
    {.name = "header", .blocks = BLOCK_TEST, SPECIAL(set_test_header, 1, 1, "\"NAME: VALUE\""), .repeats = true,
     .help = "a header field of the request"},
    {.name = "to", .blocks = BLOCK_TEST, SPECIAL(set_test_to, 1, 1, "IP"), .fallback_note = "a public one",
     .help = "the address that the host's name stands for; nothing is resolved"},
    {.name = "METHOD", .blocks = BLOCK_TEST, SPECIAL(set_test_request, 1, 1, "URL"), .help = "the request, as in GET http://example.org/"},
    {.name = "expect", .blocks = BLOCK_TEST, SPECIAL(set_expect, 1, 1, "allow|deny|redirect|respond"), .options = OPTIONS_EXPECT,
     .help = "what is to become of it"},
    {.name = "as", .blocks = OPTIONS_EXPECT, .type = VALUE_TEXT, MEMBER(struct test_conf, expect_rule), .help = "the rule that decides"},
    {.name = "status", .blocks = OPTIONS_EXPECT, COUNT(struct test_conf, expect_status, 100, 599, NULL), .help = "the status of the answer"},
    {.name = "pool", .blocks = OPTIONS_EXPECT, SPECIAL(set_expect_pool, 1, 1, "NAME"), .help = "the pool that serves it"},
    {.name = NULL},
};
/* clang-format on */

_Static_assert(sizeof directives / sizeof *directives <= DIRECTIVES_MAX, "DIRECTIVES_MAX is too small");

const char *block_title(unsigned kind)
{
    const struct block_name *name = block_names;
    while (name->kind != 0 && name->kind != kind)
        name++;
    return name->title;
}

const char *block_preposition(unsigned kind)
{
    return kind == BLOCK_TOP ? "at" : "in";
}

/* GET, M-SEARCH: what no directive looks like. */
static bool is_method(struct str name)
{
    size_t i = 0;
    while (i < name.len && ((name.at[i] >= 'A' && name.at[i] <= 'Z') || name.at[i] == '-'))
        i++;
    return name.len > 0 && i == name.len;
}

const struct directive *directive_find(unsigned block, struct str name)
{
    if (block == BLOCK_TEST && is_method(name))
        name = STR("METHOD");
    for (const struct directive *row = directives; row->name != NULL; row++)
        if ((row->blocks & block) && str_eq(name, str_of(row->name)))
            return row;
    return NULL;
}

const struct directive *directive_next(const struct directive *after, struct str name)
{
    const struct directive *row = after != NULL ? after + 1 : directives;
    while (row->name != NULL && !str_eq(name, str_of(row->name)))
        row++;
    return row->name != NULL ? row : NULL;
}

void directive_range(const struct directive *row, struct text *into)
{
    char low[VALUE_TEXT_MAX], high[VALUE_TEXT_MAX];
    if (row->max == 0)
        return;
    if (row->type == VALUE_DURATION)
        text_printf(into, "%s to %s", value_duration_text((msec)row->min, low),
                    value_duration_text((msec)row->max, high));
    else if (row->type == VALUE_SIZE)
        text_printf(into, "%s to %s", value_size_text(row->min, low), value_size_text(row->max, high));
    else
        text_printf(into, "%" PRIu64 " to %" PRIu64, row->min, row->max);
}

static void add_options(unsigned options, struct text *into)
{
    for (const struct directive *row = directives; row->name != NULL; row++) {
        if (!(row->blocks & options))
            continue;
        text_printf(into, " [%s", row->name);
        directive_arguments(row, into);
        text_add_char(into, ']');
    }
}

void directive_arguments(const struct directive *row, struct text *into)
{
    const char *label = row->arguments != NULL ? row->arguments : value_docs[row->type].label;
    const char *separator = label[0] != '\0' ? "|" : "";
    if (label[0] != '\0' || row->words != NULL)
        text_printf(into, " %s", label);
    for (const struct value_word *word = row->words; word != NULL && word->name != NULL; word++) {
        text_printf(into, "%s%s", separator, word->name);
        separator = "|";
    }
    add_options(row->options, into);
}

void directive_synopsis(const struct directive *row, struct text *into)
{
    text_printf(into, "%s%s", row->name, row->is_rule ? " [as NAME]" : "");
    directive_arguments(row, into);
    if (row->has_condition)
        text_add_cstr(into, " [if EXPRESSION]");
    if (row->body == BODY_REQUIRED)
        text_add_cstr(into, " { … }");
    else if (row->body == BODY_OPTIONAL && row->arguments != NULL && strstr(row->arguments, "…") == NULL)
        text_add_cstr(into, " [{ … }]");
}
