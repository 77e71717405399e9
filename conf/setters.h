/*
 * The setters of directives that are more than one value of one type, each in a file by what it is about; and what they
 * fill on the way.
 */
#ifndef CONF_SETTERS_H
#define CONF_SETTERS_H

#include "conf/loading.h"

/* A reverse, route or forward block while it is read; the rows of all three fill the same members. */
struct mode_draft {
    unsigned kind; /* BLOCK_REVERSE, BLOCK_PASSTHROUGH, BLOCK_ROUTE or BLOCK_FORWARD */
    const struct word *name;
    struct reverse_settings settings;
    struct names acls;
    struct listen_conf *listens;
    size_t listen_count;
    struct tls_server_conf *tls; /* NULL: neither a certificate nor `tls { … }` yet */
    struct host_pattern *hosts;
    size_t host_count;
    struct rule *rules;
    size_t rule_count;
    struct setting *routes; /* read when the block is */
    size_t route_count;
    struct setting *tests;
    size_t test_count;
    const struct word *serves; /* the first of `to`, `pool`, `files` */
    struct error_page *pages;  /* the block's own: they replace the outer ones */
    size_t page_count;
    bool deny_private;
    struct cidr_set private_except;
    struct port_ranges ports;
    struct port_ranges tunnel_ports;
    struct tunnel_check_conf tunnel_check;
    const struct word *checks; /* `tunnel-check`; NULL: it is not there */
};

typedef bool setter(struct scope *scope, const struct setting *setting);

/* set_top.c */
setter set_limits, set_timeouts, set_resolver, set_nameserver, set_log, set_log_to, set_log_format, set_redact;
/* set_list.c: lists and acls */
setter set_list, set_list_file, set_acl;
/* set_pool.c */
setter set_pool, set_server, set_to, set_pool_name, set_pool_tls, set_tls_ca, set_tls_server_name, set_pool_certificate;
/* set_certificate.c */
setter set_certificate, set_acme_email, set_acme_directory;
/* set_tls.c */
setter set_tls, set_tls_versions, set_tls_ciphers, set_tls_client_ca;
/* set_mode.c */
setter set_mode, set_listen, set_forwarded_from, set_proxied_from, set_host, set_files, set_error_page, set_ports,
    set_tunnel_ports, set_deny_private, set_route;
/* set_tunnel.c */
setter set_tunnel_check;
/* set_rule.c */
setter set_allow, set_deny, set_deny_page, set_reason, set_redirect, set_respond, set_media_type, set_body,
    set_body_file, set_header, set_remove_header, set_rewrite, set_log_rule;
/* set_test.c */
setter set_test, set_test_from, set_test_to, set_test_at, set_test_header, set_test_request, set_expect,
    set_expect_pool;

/* For `to`, `pool` and `files`, of which a block has one: false when it has another one. `off` in a route ends what it
   would take over from its block. */
bool serve_begin(struct scope *scope, const struct setting *setting, bool *ret_is_off);
/* The two files of a certificate. */
bool certificate_read(struct loading *load, const struct setting *setting, struct certificate_conf *ret);
/* How the block's listeners speak TLS; made when it is not there yet. */
struct tls_server_conf *tls_of_mode(struct scope *outer);
/* When the rest of the block is read: what a certificate that is no file needs of it. */
void certificate_finish(struct scope *scope);
/* What can only be said of a mode's block when all of it is read: whether `tls { … }` goes with its listeners, and its
   rules with that. */
void tls_check_block(struct scope *scope);

/* Tunnels are looked into without a `tunnel-check`, too. */
void tunnel_check_defaults(const struct scope *outer);
/* What of a forward block asks for greetings, of tunnels that nobody looks into. */
void tunnel_check_block(struct scope *scope);
/* The same of the condition of a route, or of a rule in it. */
bool tls_check_condition(const struct scope *scope, const struct expression *expression);
/* Reads the blocks of the modes that were put off. */
void modes_read(struct loading *load);
/* The acl's expression, read now if it is not yet; NULL when it has a mistake. */
const struct expression *acl_expression(struct loading *load, struct named *acl);
/* Adds a `test` block, which belongs to one of the two. */
bool test_read(struct scope *scope, const struct setting *setting, const struct reverse_conf *reverse,
               const struct forward_conf *forward);

#endif
