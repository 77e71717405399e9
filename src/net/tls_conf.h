/*
 * TLS towards servers, as `tls { … }` of a pool or https:// before an address asks for it; plain. And what is built of
 * it once for each configuration, since to read the authorities of a system takes tens of milliseconds.
 */
#ifndef NET_TLS_CONF_H
#define NET_TLS_CONF_H

#include "base/clock.h"
#include "base/diag.h"
#include "base/opener.h"
#include "base/text.h"
#include "base/word.h"

#include <stdbool.h>

struct tls_client;

/* One that gatehouse shows: to clients, or to servers. */
struct certificate_conf {
    struct word certificate, key; /* as written */
    const char *certificate_path; /* absolute; the chain follows in the same file */
    const char *key_path;
};

/* Where the certificates of a block come from. */
enum certificate_source {
    CERTIFICATE_FILES,
    CERTIFICATE_AUTO, /* ordered from an authority (RFC 8555), into files; until they are there it is self-signed */
    CERTIFICATE_SELF_SIGNED /* made by the keeper, and never in a file */
};

/* `certificate auto { … }` */
struct acme_conf {
    struct str email;     /* of the account; at == NULL: none */
    struct str directory; /* the URL of the authority */
    bool agrees;          /* to its terms */
    const char *folder;   /* for account and certificates of that authority; absolute */
    const char *first;    /* the first of the names, which the order goes by */
};

struct tls_conf {
    bool verify;            /* on by default */
    struct word ca;         /* the file of authorities, as written; text.at == NULL: the system's */
    const char *ca_path;    /* absolute */
    struct str server_name; /* sent, and looked for in the certificate; at == NULL: the server's own name or address */
    struct certificate_conf certificate; /* shown to servers that ask for one; certificate_path == NULL: none */
    struct word place;                   /* of the directive, for messages */
    struct tls_client *built; /* by tls_client_build(), counted; NULL where files are not read (the supervisor) */
};

enum { TLS_1_2 = 1 << 0, TLS_1_3 = 1 << 1 };

/* What a client has to show. A certificate that cannot be verified is always refused. */
enum client_certificate { CLIENT_CERTIFICATE_NONE, CLIENT_CERTIFICATE_OPTIONAL, CLIENT_CERTIFICATE_REQUIRED };

/* Bytes of names, a line each, that a certificate has room for which the keeper makes. */
enum { MADE_NAMES_MAX = 4096 };

/* How a block's listeners with `tls` speak to clients: its certificates, and its `tls { … }`. */
struct tls_server_conf {
    struct word block; /* its name */
    bool is_forward;   /* a forward block; a reverse one may have the same name */
    size_t index;      /* among those of the configuration */
    enum certificate_source source;
    struct word place; /* of `auto`, `self-signed`, or the first file */
    struct str names;  /* the block's hosts as a certificate writes them, a line each; unless it comes from files */
    struct acme_conf *acme; /* NULL: it is not ordered */
    struct certificate_conf
        *certificates; /* ECDSA and RSA side by side; one that is ordered; none when it is self-signed */
    size_t certificate_count;
    bool stapling;        /* on by default */
    struct word settings; /* the word `tls` in front of the rest; text.at == NULL: there is no such block */
    unsigned versions;    /* TLS_1_2 | TLS_1_3 */
    struct word *ciphers; /* as written: lists of OpenSSL's, and suites of TLS 1.3; none: those that are safe today */
    size_t cipher_count;
    struct word client_ca;      /* the file of authorities for clients, as written; text.at == NULL: none */
    const char *client_ca_path; /* absolute */
    enum client_certificate client_certificate;
    bool tickets;
    msec hsts;                /* for Strict-Transport-Security; negative: none is sent */
    struct tls_server *built; /* by tls_server_build(), counted; NULL where files are not read (the supervisor) */
};

enum { TLS_AUTHORITIES_MAX = 4 * 1024 * 1024 }; /* bytes of a file of authorities */

struct tls_server;

/* Reads the certificates through `opener`, and has the keeper take their keys. NULL on failure. One reference. When
   `previous` (may be NULL) has the same certificates and settings, it is shared instead. From any thread. */
struct tls_server *tls_server_build(const struct tls_server_conf *conf, struct opener *opener,
                                    struct tls_server *previous, struct diag *diag);
/* One of its certificates was written anew: reads it and has its key taken, as at first. False: nothing has changed,
   and `diag` says why. After true tls_server_renewed() is called. One thread at a time for a server. */
bool tls_server_renew(struct tls_server *server, const struct tls_server_conf *conf, size_t index,
                      struct opener *opener, struct diag *diag);
/* From now on handshakes show what was prepared, or, unless `is_wanted`, what they have shown until now; then it need
   not have been prepared. From any thread, as those are. */
void tls_server_renewed(struct tls_server *server, bool is_wanted);

/* What a certificate says of itself, in seconds since 1970. */
struct certificate_facts {
    int64_t begins, ends;
    bool is_made; /* by the keeper, self-signed: it is in no file */
};

/* How many certificates it has: those of the configuration, for one of which, when it is ordered, another may stand
   that was made; or the one that is self-signed. */
size_t tls_server_certificates(const struct tls_server *server);
/* Of one of them, as it is now. `names` (may be NULL) gets the hosts and addresses it is for, with blanks
   between them. From any thread. */
void tls_server_facts(struct tls_server *server, size_t index, struct certificate_facts *ret, struct text *names);
bool tls_server_covers(struct tls_server *server, size_t index, struct str host);
/* It has expired, or has fewer than 14 days left; and how many, in words: "expires in 5 days, on 2026-11-30". */
bool certificate_is_ending(const struct certificate_facts *facts, int64_t now);
void certificate_tell_end(const struct certificate_facts *facts, int64_t now, struct text *into);

/* Do both ask the same of clients' certificates? */
bool tls_server_same_rules(const struct tls_server *a, const struct tls_server *b);

struct tls_server *tls_server_ref(struct tls_server *server);
void tls_server_unref(struct tls_server *server); /* NULL is none */

/* Reads the authorities, and the certificate, through `opener`; mistakes go to `diag`. NULL on failure. One reference.
   When `previous` (may be NULL) was made from the same settings and the same authorities, it is shared instead. From
   any thread. */
struct tls_client *tls_client_build(const struct tls_conf *conf, struct opener *opener, struct tls_client *previous,
                                    struct diag *diag);
/* As tls_server_renew() and tls_server_renewed(), of the certificate that is shown to servers. Sessions end with the
   old one. */
bool tls_client_renew(struct tls_client *client, const struct tls_conf *conf, struct opener *opener, struct diag *diag);
void tls_client_renewed(struct tls_client *client, bool is_wanted);
/* Of the one that is shown, which there has to be, as it is now; `names` as of tls_server_facts(). From any thread. */
void tls_client_facts(struct tls_client *client, struct certificate_facts *ret, struct text *names);
struct tls_client *tls_client_ref(struct tls_client *client);
void tls_client_unref(struct tls_client *client); /* NULL is none */

#endif
