/*
 * TLS towards servers, as `tls { … }` of a pool or https:// before an address asks for it; plain. And what is built of it once for each
 * configuration, since to read the authorities of a system takes tens of milliseconds.
 */
#ifndef NET_TLS_CONF_H
#define NET_TLS_CONF_H

#include "base/diag.h"
#include "base/opener.h"
#include "base/word.h"

#include <stdbool.h>

struct tls_client;

struct tls_conf {
    bool verify;            /* on by default */
    struct word ca;         /* the file of authorities, as written; text.at == NULL: the system's */
    const char *ca_path;    /* absolute */
    struct str server_name; /* sent, and looked for in the certificate; at == NULL: the server's own name or address */
    struct word place;      /* of the directive, for messages */
    struct tls_client *built; /* by tls_client_build(), counted; NULL where files are not read (the supervisor) */
};

/* Reads the authorities through `opener`; mistakes go to `diag`. NULL on failure. One reference. When `previous` (may be NULL) was made from
   the same settings and the same authorities, it is shared instead. From any thread. */
struct tls_client *tls_client_build(const struct tls_conf *conf, struct opener *opener, struct tls_client *previous,
                                    struct diag *diag);
struct tls_client *tls_client_ref(struct tls_client *client);
void tls_client_unref(struct tls_client *client); /* NULL is none */

#endif
