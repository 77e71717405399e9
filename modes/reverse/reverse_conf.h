/*
 * A `reverse` block and its routes; plain, immutable.
 */
#ifndef REVERSE_REVERSE_CONF_H
#define REVERSE_REVERSE_CONF_H

#include "acl/rule_conf.h"
#include "http/limits_conf.h"
#include "net/listen_conf.h"
#include "net/tls_conf.h"
#include "proxy/error_page_conf.h"
#include "upstream/pool_conf.h"

enum host_pattern_kind {
    HOST_EXACT,  /* example.org */
    HOST_BELOW,  /* *.example.org: any depth below */
    HOST_SUFFIX, /* .example.org: itself and below */
    HOST_DEFAULT /* `default`, or no `host` at all: the rest */
};

struct host_pattern {
    enum host_pattern_kind kind;
    struct str name; /* normal form, without the leading `*.` or `.` */
    struct word word;
};

enum serve_kind { SERVE_NOTHING, SERVE_POOL, SERVE_FILES };

struct serve {
    enum serve_kind kind;
    const struct pool_conf *pool;
    const char *files; /* absolute path of the folder */
    int files_fd;      /* opened by the loader through its opener; -1 where nothing is opened */
};

enum forwarded_fields { FORWARDED_OFF = 0, FORWARDED_X = 1, FORWARDED_STANDARD = 2, FORWARDED_BOTH = 3 };

/* What a route takes over from its block unless it says otherwise. */
struct reverse_settings {
    struct serve serve;
    struct limits limits;
    struct timeouts timeouts;
    struct error_pages error_pages;
    bool conceal;
    enum forwarded_fields forwarded;
    bool websocket;
};

struct route_conf {
    struct word glob;
    struct str place_text;         /* FILE:LINE */
    const struct expression *when; /* NULL: always */
    struct rules rules;
    struct reverse_settings settings;
};

struct reverse_conf {
    struct word name;
    struct str place_text;
    struct listen_conf *listens;
    size_t listen_count;
    bool is_passthrough; /* all of its listeners pass TLS through: no routes, no files, rules of the phase connect */
    struct host_pattern *hosts;
    size_t host_count;
    const struct tls_server_conf *tls; /* of its listeners with `tls`; NULL: it has no certificate */
    struct rules rules;
    struct reverse_settings settings;
    struct route_conf *routes;
    size_t route_count;
};

#endif
