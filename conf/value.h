/*
 * The values of the configuration language: words of text in, typed values out.
 *
 * Each function reads one word (or the words of one kind that stand side by side), reports what is wrong at the word,
 * with what was expected, and leaves its result untouched then. A bare number where a unit is needed is told the units.
 * Pure: nothing is opened or resolved.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/word.h"
#include "http/template_conf.h"
#include "modes/forward/forward_conf.h"
#include "modes/reverse/reverse_conf.h"
#include "net/listen_conf.h"
#include "upstream/pool_conf.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for a value as text, terminated. */
enum { VALUE_TEXT_MAX = 32 };

/* `30s`; `0` needs no unit. At most 10 years. */
bool value_duration(const struct word *word, struct diag *diag, msec *ret);
/* `64k`, `512B`; in bytes. */
bool value_size(const struct word *word, struct diag *diag, uint64_t *ret);
/* `20/s`: `count` events in `span`. */
struct rate {
    uint64_t count;
    msec span;
};
bool value_rate(const struct word *word, struct diag *diag, struct rate *ret);
/* `2M/s` (powers of 1024), `20Mbit/s` (powers of 1000); in bytes a second. */
bool value_bandwidth(const struct word *word, struct diag *diag, uint64_t *ret);
/* `20%` or `20`. */
bool value_percent(const struct word *word, struct diag *diag, uint64_t *ret);
bool value_switch(const struct word *word, struct diag *diag, bool *ret);
bool value_count(const struct word *word, struct diag *diag, uint64_t min, uint64_t max, uint64_t *ret);

bool value_ip(const struct word *word, struct diag *diag, struct ip *ret);
/* Adds to the set. */
bool value_cidr(const struct word *word, struct diag *diag, struct arena *arena, struct cidr_set *set);
/* Numeric addresses, `unix:/path`, `*:port`, `:port`, `port`; `localhost` is 127.0.0.1. */
bool value_listen(const struct word *word, struct diag *diag, struct listen_conf *ret);
/* Also names; port 80 when none is written. Fills address, host, port, addr and text. */
bool value_server(const struct word *word, struct diag *diag, struct arena *arena, struct server_conf *ret);
/* Another port than the one that was read, or than the default. */
void value_server_port(struct arena *arena, struct server_conf *server, uint16_t port);
/* A numeric address, the port or `default_port`: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`; or `unix:/path`
   where that may be. */
struct value_address {
    const char *what; /* "the address of a name server" */
    uint16_t default_port;
    bool may_be_unix;
};
bool value_address(const struct word *word, struct diag *diag, const struct value_address *form, struct addr *ret);
/* `80`, `1025-65535`; appended to the ranges. */
bool value_ports(const struct word *word, struct diag *diag, struct arena *arena, struct port_ranges *ranges);
bool value_host_pattern(const struct word *word, struct diag *diag, struct arena *arena, struct host_pattern *ret);

/* The name of a pool, list, rule …: letters, digits, `_`, `-`, `.`; 1 to 64. `what`: "a pool". */
bool value_name(const struct word *word, struct diag *diag, const char *what);
/* The name of a field of a head (RFC 9110, 5.6.2: a token), in lower case. */
bool value_field(const struct word *word, struct diag *diag, struct arena *arena, struct str *ret);
/* The text of a field; its variables are looked at when they are known. */
bool value_field_text(const struct word *word, struct diag *diag);
/* TYPE/SUBTYPE, perhaps with parameters, as Content-Type has it. */
bool value_media_type(const struct word *word, struct diag *diag, struct str *ret);
bool value_template(const struct word *word, struct diag *diag, struct arena *arena, enum template_scope scope,
                    struct template *ret);

/* The shortest way to write it. */
const char *value_duration_text(msec span, char into[VALUE_TEXT_MAX]);
const char *value_size_text(uint64_t size, char into[VALUE_TEXT_MAX]);

#endif
